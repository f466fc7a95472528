// SPDX-License-Identifier: Apache-2.0
// The order of functions is the order of a document.
#include "exporters/ecs_encoder.h"

#include "exporters/byte_io.h"
#include "exporters/dns_answers.h"
#include "exporters/ecs_words.h"
#include "exporters/ecs_workload.h"
#include "exporters/event_tuple.h"
#include "exporters/loss.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kEcsVersion = "9.4.0";

void write_indicator(const Subject& subject, const MatchText& match, JsonWriter& json) {
    json.open("indicator");
    json.text("type", indicator_type(subject, match.type));
    json.text("name", match.text);
    if (match.type == IndicatorType::address || match.type == IndicatorType::address_port) {
        json.text("ip", subject.destination);
    }
    if (match.type == IndicatorType::address_port) {
        json.number("port", subject.event->destination_port);
    }
    if (indicator_word(subject, match.type) == "domain") {
        json.open("url");
        json.text("domain", match.text);
        json.close();
    }
    if (match.feed != nullptr) {
        json.text("provider", match.feed->name);
    }
    json.text("confidence", confidence_word(match.confidence));
    json.close();
}

bool is_traffic(EventClass event_class) {
    return event_class != EventClass::audit && event_class != EventClass::health;
}

bool counts_traffic(const Event& event) {
    const EventClass event_class = class_of(event.kind);
    const bool closed = event.kind == EventKind::flow_end || event.kind == EventKind::flow_update;
    return closed || ((event_class == EventClass::flow || event_class == EventClass::threat) &&
                      event.packets_out + event.packets_in > 0);
}

std::string lower_hex(std::uint64_t value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    do {
        out.insert(out.begin(), kDigits[value & 0xFU]);
        value >>= 4U;
    } while (value != 0);
    return out;
}

}  // namespace

EcsEncoder::EcsEncoder(EncoderSettings settings)
    : settings_(std::move(settings)),
      community_id_(settings_.community_id_seed) {}

void EcsEncoder::encode(
    const Event& event, const EventDictionary& names, Detail detail, std::string& out
) {
    subject_.take(event, names, community_id_);
    JsonWriter json(out);
    write_head(json);
    write_event(json);
    if (is_traffic(subject_.event_class)) {
        write_network(json);
        write_source(json);
        write_destination(json);
        write_dns(json, detail);
        write_tls(json);
        write_url(json);
        write_threat(json, detail);
        write_rule(json);
    }
    write_workload(json, detail);
    write_observer(json);
    write_related(json, detail);
    write_failure(json);
    write_sallyport(json, detail);
    json.finish();
}

void EcsEncoder::write_moment(JsonWriter& json, std::string_view key, std::uint64_t time_ns) {
    if (time_ns != 0) {
        scratch_.clear();
        append_time(time_ns, scratch_);
        json.text(key, scratch_);
    }
}

void EcsEncoder::write_head(JsonWriter& json) {
    json.text("@timestamp", subject_.time);
    json.open("ecs");
    json.text("version", kEcsVersion);
    json.close();
    json.open("data_stream");
    json.text("type", "logs");
    scratch_.assign("sallyport.").append(name_of(subject_.event_class));
    json.text("dataset", scratch_);
    json.text("namespace", settings_.data_stream_namespace);
    json.close();
    scratch_.clear();
    subject_.append_message(scratch_);
    json.text("message", scratch_);
    json.open_array("tags");
    for (const std::string& tag : settings_.tags) {
        json.element(tag);
    }
    json.close();
}

void EcsEncoder::write_event(JsonWriter& json) {
    const Event& event = *subject_.event;
    const KindWords& words = words_of(event.kind);
    json.open("event");
    json.text("id", subject_.id);
    json.number("sequence", event.sequence);
    json.text("kind", words.event_kind);
    json.open_array("category");
    for (const std::string_view category : words.categories) {
        json.element(category);
    }
    json.close();
    json.open_array("type");
    for (const std::string_view type : words.types) {
        json.element(type);
    }
    if (words.decision && event.verdict != Verdict::undecided) {
        json.element(event.verdict == Verdict::allow ? "allowed" : "denied");
    }
    json.close();
    json.text("action", action_of(event.kind));
    json.text("outcome", outcome_of(event));
    json.text("reason", reason_of(event));
    json.text("module", "sallyport");
    scratch_.assign("sallyport.").append(name_of(subject_.event_class));
    json.text("dataset", scratch_);
    json.text("provider", event.worker == kSpoolWorker ? "export" : "gateway");
    const bool has_period = subject_.event_class == EventClass::flow ||
                            subject_.event_class == EventClass::nat ||
                            subject_.event_class == EventClass::health;
    if (has_period) {
        write_moment(json, "start", event.start_ns);
        write_moment(json, "end", event.end_ns);
        const bool measured = event.start_ns != 0 && event.end_ns >= event.start_ns &&
                              subject_.event_class != EventClass::health;
        if (measured) {
            json.number("duration", event.end_ns - event.start_ns);
        }
    }
    json.number("severity", severity_of(subject_));
    if (subject_.event_class == EventClass::threat && subject_.match_size > 0) {
        const MatchText& match = subject_.matches.front();
        const std::string_view category =
            match.feed != nullptr ? std::string_view(match.feed->category) : std::string_view();
        json.tenths("risk_score", match.confidence * category_weight(category));
    }
    json.close();
}

void EcsEncoder::write_network(JsonWriter& json) {
    const Event& event = *subject_.event;
    const bool nat = subject_.event_class == EventClass::nat;
    const IpAddress& address = event.source.family != IpFamily::none ? event.source : event.nat;
    json.open("network");
    if (!nat) {
        json.text("direction", "outbound");
    }
    json.text("type", address.is_v4() ? "ipv4" : address.is_v6() ? "ipv6" : "");
    json.text("transport", transport_name(event.protocol));
    if (event.protocol != 0) {
        json.text("iana_number", std::to_string(event.protocol));
    }
    if (event.app_protocol != AppProtocol::none) {
        json.text("protocol", name_of(event.app_protocol));
    }
    if (!nat) {
        json.text("community_id", subject_.community_id);
    }
    if (counts_traffic(event)) {
        json.number("bytes", event.bytes_out + event.bytes_in);
        json.number("packets", event.packets_out + event.packets_in);
    }
    if (event.vlan != 0 && subject_.event_class == EventClass::flow) {
        json.open("vlan");
        json.text("id", std::to_string(event.vlan));
        json.close();
    }
    json.close();
}

void EcsEncoder::write_source(JsonWriter& json) {
    const Event& event = *subject_.event;
    const bool nat = subject_.event_class == EventClass::nat;
    json.open("source");
    json.text("address", subject_.source);
    json.text("ip", subject_.source);
    if (has_ports(event.protocol) && !nat) {
        json.number("port", event.source_port);
    }
    if (counts_traffic(event)) {
        json.number("bytes", event.bytes_out);
        json.number("packets", event.packets_out);
    }
    json.open("nat");
    json.text("ip", subject_.nat);
    if (has_ports(event.protocol) && !nat && !subject_.nat.empty()) {
        json.number("port", event.nat_port);
    }
    json.close();
    json.close();
}

void EcsEncoder::write_destination(JsonWriter& json) {
    const Event& event = *subject_.event;
    if (subject_.event_class == EventClass::nat) {
        return;
    }
    const bool named = !subject_.name.empty() && !subject_.name_is_question;
    json.open("destination");
    json.text("address", named ? subject_.name : subject_.destination);
    json.text("ip", subject_.destination);
    if (has_ports(event.protocol)) {
        json.number("port", event.destination_port);
    }
    if (named) {
        json.text("domain", subject_.name);
        json.text("registered_domain", subject_.parts.registered);
        json.text("subdomain", subject_.parts.subdomain);
        json.text("top_level_domain", subject_.parts.top_level);
    }
    if (counts_traffic(event)) {
        json.number("bytes", event.bytes_in);
        json.number("packets", event.packets_in);
    }
    json.close();
}

void EcsEncoder::write_dns(JsonWriter& json, Detail detail) {
    const Event& event = *subject_.event;
    if (!subject_.name_is_question) {
        return;
    }
    json.open("dns");
    if (subject_.event_class == EventClass::dns) {
        json.text("type", event.kind == EventKind::dns_answer ? "answer" : "query");
        json.text("id", std::to_string(event.dns_id));
        constexpr std::array<std::string_view, 7> kOpCodes{
            "QUERY", "IQUERY", "STATUS", "OPCODE3", "NOTIFY", "UPDATE", "DSO"};
        const unsigned op_code = (event.dns_flags >> 11U) & 0xFU;
        json.text("op_code", op_code < kOpCodes.size() ? kOpCodes[op_code] : "RESERVED");
        if (event.kind == EventKind::dns_answer) {
            json.text("response_code", dns_response_name(event.dns_flags));
        }
        // RFC 1035 section 4.1.1 and RFC 2535 section 6.1: bits of the header's second word.
        constexpr std::array<std::pair<std::uint16_t, std::string_view>, 6> kFlags{
            {{0x0400, "AA"},
             {0x0200, "TC"},
             {0x0100, "RD"},
             {0x0080, "RA"},
             {0x0020, "AD"},
             {0x0010, "CD"}}};
        json.open_array("header_flags");
        for (const auto& [bit, name] : kFlags) {
            json.element((event.dns_flags & bit) != 0 ? name : std::string_view());
        }
        json.close();
    }
    json.open("question");
    json.text("name", subject_.name);
    if (event.dns_type != 0) {
        json.text("type", dns_type_name(event.dns_type));
        json.text(
            "class",
            event.dns_class == 1 || event.dns_class == 0 ? std::string("IN")
                                                         : "CLASS" + std::to_string(event.dns_class)
        );
    }
    json.text("registered_domain", subject_.parts.registered);
    json.text("subdomain", subject_.parts.subdomain);
    json.text("top_level_domain", subject_.parts.top_level);
    json.close();
    DnsAnswer answer;
    json.open_array("answers");
    for (ByteReader reader = answers_of(event);
         detail == Detail::full && next_answer(reader, answer);) {
        json.open_element();
        json.text("type", dns_type_name(answer.type));
        json.text("class", "IN");
        json.number("ttl", answer.ttl);
        json.text("data", answer.data);
        json.close();
    }
    json.close();
    json.open_array("resolved_ip");
    for (ByteReader reader = answers_of(event); next_answer(reader, answer);) {
        json.element(answer.is_address ? std::string_view(answer.data) : std::string_view());
    }
    json.close();
    json.close();
}

void EcsEncoder::write_tls(JsonWriter& json) {
    const Event& event = *subject_.event;
    json.open("tls");
    if (event.name_source == NameSource::sni || event.name_source == NameSource::quic_sni) {
        json.open("client");
        json.text("server_name", subject_.name);
        json.close();
    }
    if (const std::string_view version = tls_version_name(event.tls_version); !version.empty()) {
        json.text("version", version);
        json.text("version_protocol", "tls");
    }
    json.close();
}

/// Of an HTTP head only the host is in an event.
void EcsEncoder::write_url(JsonWriter& json) {
    if (subject_.event->name_source != NameSource::http_host || subject_.name_is_question) {
        return;
    }
    json.open("url");
    json.text("domain", subject_.name);
    json.text("registered_domain", subject_.parts.registered);
    json.text("subdomain", subject_.parts.subdomain);
    json.text("top_level_domain", subject_.parts.top_level);
    json.close();
}

void EcsEncoder::write_threat(JsonWriter& json, Detail detail) {
    if (subject_.event_class != EventClass::threat || subject_.match_size == 0) {
        return;
    }
    json.open("threat");
    const MatchText& strongest = subject_.matches.front();
    if (strongest.feed != nullptr) {
        json.open("feed");
        json.text("name", strongest.feed->name);
        json.text("description", strongest.feed->category);
        json.close();
    }
    write_indicator(subject_, strongest, json);
    json.open_array("enrichments");
    for (std::size_t i = 0; i < (detail == Detail::full ? subject_.match_size : 1); ++i) {
        const MatchText& match = subject_.matches[i];
        json.open_element();
        write_indicator(subject_, match, json);
        json.open("matched");
        json.text("atomic", match.atomic);
        json.text("field", match.field);
        scratch_.assign(match.feed != nullptr ? std::string_view(match.feed->name) : "unknown");
        scratch_.append(":").append(indicator_word(subject_, match.type)).append(":");
        scratch_.append(match.text);
        json.text("id", scratch_);
        json.text("type", "indicator_match_rule");
        json.text("occurred", subject_.time);
        json.close();
        json.close();
    }
    json.close();
    json.close();
}

void EcsEncoder::write_rule(JsonWriter& json) {
    if (subject_.rule == nullptr) {
        return;
    }
    json.open("rule");
    json.text("id", subject_.rule->id);
    json.text("name", subject_.rule->name);
    json.text("ruleset", subject_.rule->policy);
    json.text("category", subject_.rule->tier);
    json.close();
}

void EcsEncoder::write_workload(JsonWriter& json, Detail detail) {
    const Workload* workload = subject_.workload;
    const bool node = workload != nullptr && workload->kind == Workload::Kind::node;
    json.open("orchestrator");
    if (workload != nullptr) {
        json.text("type", "kubernetes");
        json.text("namespace", workload->namespace_name);
    }
    json.open("cluster");
    json.text("name", subject_.names->cluster);
    json.close();
    if (workload != nullptr) {
        json.open("resource");
        json.text("type", node ? "node" : "pod");
        json.text("name", node ? workload->node : workload->pod);
        json.text("id", workload->uid);
        write_pod_addresses(*workload, json);
        json.open("parent");
        json.text("type", node ? std::string_view() : std::string_view(workload->owner_kind));
        json.close();
        if (detail == Detail::full) {
            write_labels(*workload, json, scratch_);
        }
        json.close();
    }
    json.close();
    if (workload == nullptr) {
        return;
    }
    json.open("container");
    json.text("name", workload->single_container);
    json.close();
    json.open("kubernetes");
    json.text("namespace", workload->namespace_name);
    if (!node) {
        json.open("pod");
        json.text("name", workload->pod);
        json.text("uid", workload->uid);
        json.text("ip", subject_.source);
        json.close();
    }
    if (const std::string_view field = owner_field(workload->owner_kind); !field.empty()) {
        json.open(field);
        json.text("name", workload->owner_name);
        json.close();
    }
    json.open("node");
    json.text("name", workload->node);
    json.close();
    if (detail == Detail::full) {
        write_label_fields(*workload, json, label_keys_);
    }
    json.close();
    json.open("service");
    json.text("name", node ? std::string_view() : service_name(*workload));
    json.close();
}

void EcsEncoder::write_observer(JsonWriter& json) {
    const EventClass event_class = subject_.event_class;
    json.open("observer");
    json.text("type", "firewall");
    json.text("vendor", "Sallyport");
    json.text("product", "sallyport");
    json.text("version", subject_.names->version);
    json.text("name", subject_.names->gateway);
    json.text("hostname", subject_.names->hostname);
    if (event_class == EventClass::flow || event_class == EventClass::threat ||
        event_class == EventClass::policy) {
        json.open("ingress");
        json.text("zone", subject_.names->cluster);
        json.close();
        json.open("egress");
        json.text("zone", settings_.outside_zone);
        json.close();
    }
    json.close();
}

void EcsEncoder::write_related(JsonWriter& json, Detail detail) {
    const bool traffic = is_traffic(subject_.event_class);
    json.open("related");
    json.open_array("ip");
    if (traffic) {
        json.element(subject_.source);
        json.element(subject_.nat != subject_.source ? subject_.nat : "");
        json.element(subject_.destination);
        DnsAnswer answer;
        for (ByteReader reader = answers_of(*subject_.event);
             detail == Detail::full && next_answer(reader, answer);) {
            json.element(answer.is_address ? std::string_view(answer.data) : std::string_view());
        }
    }
    json.close();
    json.open_array("hosts");
    json.element(traffic ? subject_.name : "");
    json.close();
    json.close();
}

void EcsEncoder::write_failure(JsonWriter& json) {
    const Event& event = *subject_.event;
    if (is_traffic(subject_.event_class)) {
        return;
    }
    const bool failed = outcome_of(event) == "failure";
    if (failed) {
        json.open("error");
        scratch_.clear();
        subject_.append_message(scratch_);
        json.text("message", scratch_);
        json.close();
    }
    json.open("log");
    json.text(
        "level",
        event.kind == EventKind::generation_refused ? "error"
        : failed                                    ? "warning"
                                                    : "info"
    );
    json.close();
}

void EcsEncoder::write_sallyport(JsonWriter& json, Detail detail) {
    const Event& event = *subject_.event;
    const bool traffic = is_traffic(subject_.event_class);
    json.open("sallyport");
    json.text("class", name_of(subject_.event_class));
    json.text("gateway", subject_.names->gateway);
    scratch_ = lower_hex(event.boot);
    scratch_.insert(0, scratch_.size() < 8 ? 8 - scratch_.size() : 0, '0');
    json.text("boot", scratch_);
    json.number("worker", event.worker);
    json.number("generation", event.generation);
    json.text("time_ns", std::to_string(event.time_ns));
    json.text("reason", reason_of(event));
    if (traffic && subject_.event_class != EventClass::nat) {
        json.text("verdict", name_of(event.verdict));
        if (event.deny_mode != DenyMode::none) {
            json.text("deny_mode", name_of(event.deny_mode));
        }
        if (event.drop_reason != DropReason::none) {
            json.text("drop_reason", name_of(event.drop_reason));
        }
    }
    if (traffic) {
        write_attribution(json);
        write_nat(json);
        write_flow(json);
    }
    if (subject_.event_class == EventClass::audit) {
        json.open("change");
        json.number(
            event.kind == EventKind::generation_refused ? "generation_old" : "generation_new",
            event.generation
        );
        json.close();
    }
    write_loss(json);
    if (detail == Detail::reduced) {
        json.boolean("truncated", true);
    }
    json.close();
}

void EcsEncoder::write_attribution(JsonWriter& json) {
    const Event& event = *subject_.event;
    if (subject_.workload != nullptr) {
        json.open("workload");
        json.text("kind", subject_.workload->owner_kind);
        json.text("name", subject_.workload->owner_name);
        json.text("service_account", subject_.workload->service_account);
        json.close();
    }
    json.open("attribution");
    json.text("status", name_of(event.attribution));
    const bool found = event.attribution == AttributionStatus::known ||
                       event.attribution == AttributionStatus::node;
    if (found) {
        json.text("method", "address");
        if (event.attribution_age_ms != 0) {  // a table read from files has no age to tell
            json.number("age_ms", event.attribution_age_ms);
        }
        json.number("generation", event.generation);
    }
    json.close();
    if (!subject_.name.empty() && subject_.event_class != EventClass::dns) {
        json.open("name");
        json.text("source", name_of(event.name_source));
        if (event.name_invalid != 0) {
            json.boolean("invalid", true);
        }
        json.close();
    }
}

void EcsEncoder::write_nat(JsonWriter& json) {
    const Event& event = *subject_.event;
    json.open("nat");
    json.text(
        "community_id",
        subject_.event_class == EventClass::nat ? std::string_view()
                                                : std::string_view(subject_.nat_community_id)
    );
    if (event.pool < subject_.names->pools.size()) {
        json.text("pool", subject_.names->pools[event.pool]);
    }
    const bool block =
        event.kind == EventKind::nat_block_allocated || event.kind == EventKind::nat_block_released;
    if (block) {
        json.text("owner", event.source.family != IpFamily::none ? "workload" : "namespace");
        json.open("block");
        json.number("first_port", event.nat_port);
        json.number("last_port", event.nat_port_last);
        json.number(
            "size",
            std::uint64_t{event.nat_port_last} + 1 - std::min(event.nat_port, event.nat_port_last)
        );
        json.close();
    }
    json.close();
}

void EcsEncoder::write_flow(JsonWriter& json) {
    const Event& event = *subject_.event;
    json.open("flow");
    if (event.flow_id != 0) {
        json.text("id", lower_hex(event.flow_id));
    }
    if (event.protocol == kProtocolTcp && event.tcp_flags != 0) {
        json.number("tcp_flags", event.tcp_flags);
    }
    if (event.close_reason != CloseReason::none) {
        json.text("close_reason", name_of(event.close_reason));
    }
    json.close();
    if (is_icmp(event.protocol) && subject_.event_class != EventClass::nat) {
        json.open("icmp");
        json.number("type", event.icmp_type);
        json.number("code", event.icmp_code);
        json.close();
    }
    if (subject_.event_class == EventClass::dns) {
        json.open("dns");
        json.text("transport", transport_name(event.protocol));
        json.close();
    }
    if (subject_.rule != nullptr && !subject_.rule->trace.empty()) {
        json.open("policy");
        json.list("enforced", subject_.rule->trace);
        json.close();
    }
    if (event.match_total > 0) {
        json.open("match");
        json.number("count", event.match_total);
        if (subject_.match_size > 0) {
            const MatchText& strongest = subject_.matches.front();
            json.text("action", name_of(strongest.action));
            if (strongest.feed != nullptr) {
                json.text("feed", strongest.feed->name);
                json.text("category", strongest.feed->category);
            }
        }
        json.close();
    }
}

void EcsEncoder::write_loss(JsonWriter& json) {
    const Event& event = *subject_.event;
    if (event.kind != EventKind::events_shed && event.kind != EventKind::spool_truncated) {
        return;
    }
    const Losses losses = losses_of(event);
    json.open("loss");
    json.number("count", event.loss_count);
    if (losses.ranges.size() == 1) {
        json.number("first_sequence", losses.ranges.front().first_sequence);
        json.number("last_sequence", losses.ranges.front().last_sequence);
    }
    json.text("cause", name_of(losses.cause));
    json.open_array("ranges");
    for (const LossRange& range : losses.ranges) {
        json.open_element();
        json.text("boot", lower_hex(range.boot));
        json.number("worker", range.worker);
        json.number("first_sequence", range.first_sequence);
        json.number("last_sequence", range.last_sequence);
        json.number("count", range.count);
        json.close();
    }
    json.close();
    json.close();
}

}  // namespace sallyport::exporters
