// SPDX-License-Identifier: Apache-2.0
#include "exporters/ecs_subject.h"

#include "exporters/event_tuple.h"

#include <algorithm>
#include <libpsl.h>
#include <utility>

namespace sallyport::exporters {
namespace {

void set_text(const IpAddress& address, std::string& out) {
    out = address.family == IpFamily::none ? std::string() : address.text();
}

/// Bytes outside printable ASCII as \DDD, as in zone files (RFC 1035 section 5.1).
void set_printable(std::string_view name, std::string& out) {
    out.clear();
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F) {
            out += c;
        } else {
            out += '\\';
            out += static_cast<char>('0' + byte / 100);
            out += static_cast<char>('0' + byte / 10 % 10);
            out += static_cast<char>('0' + byte % 10);
        }
    }
}

bool looks_like_address(std::string_view name) {
    return IpAddress::parse(name).has_value();
}

void append_destination(const Subject& subject, std::string& out) {
    const Event& event = *subject.event;
    const bool by_name = !subject.name.empty() && !subject.name_is_question;
    const bool bracket = !by_name && event.destination.is_v6();
    out.append(bracket ? "[" : "");
    out.append(by_name ? subject.name : subject.destination);
    out.append(bracket ? "]" : "");
    if (has_ports(event.protocol)) {
        out.append(":").append(std::to_string(event.destination_port));
    }
}

void append_flow_message(const Subject& subject, std::string& out) {
    const Event& event = *subject.event;
    out.append(name_of(event.verdict)).append(" ");
    subject.append_who(out);
    out.append(" -> ");
    append_destination(subject, out);
    const std::string_view transport = transport_name(event.protocol);
    if (!transport.empty()) {
        out.append(" ").append(transport);
    }
    if (event.app_protocol != AppProtocol::none) {
        out.append("/").append(name_of(event.app_protocol));
    }
    if (const std::uint64_t bytes = event.bytes_in + event.bytes_out; bytes > 0) {
        out.append(" ").append(std::to_string(bytes)).append(" bytes");
    }
}

void append_dns_message(const Subject& subject, std::string& out) {
    const Event& event = *subject.event;
    out.append(name_of(event.verdict)).append(" ");
    subject.append_who(out);
    out.append(event.kind == EventKind::dns_answer ? " dns answer " : " dns query ");
    if (event.kind == EventKind::dns_answer) {
        out.append(dns_response_name(event.dns_flags)).append(" ");
    }
    out.append(dns_type_name(event.dns_type)).append(" ").append(subject.name);
}

void append_threat_message(const Subject& subject, std::string& out) {
    out.append(name_of(subject.event->verdict)).append(" ");
    subject.append_who(out);
    out.append(" -> ");
    append_destination(subject, out);
    if (subject.match_size > 0) {
        const MatchText& match = subject.matches.front();
        out.append(" matched ").append(match.feed != nullptr ? match.feed->name : match.text);
        out.append(" (").append(match.field).append(")");
    }
}

void append_verdict_message(const Subject& subject, std::string& out) {
    const Event& event = *subject.event;
    out.append(name_of(event.verdict)).append(" ");
    subject.append_who(out);
    out.append(" -> ");
    append_destination(subject, out);
    if (subject.name_is_question) {
        out.append(" asking for ").append(subject.name);
    }
    if (subject.rule != nullptr) {
        out.append(" by ").append(subject.rule->name);
    }
    if (event.reason != VerdictReason::none) {
        out.append(" (").append(name_of(event.reason)).append(")");
    }
}

void append_nat_message(const Subject& subject, std::string& out) {
    const Event& event = *subject.event;
    if (event.kind == EventKind::nat_exhausted) {
        out.append("no egress ports left for ");
        subject.append_who(out);
        if (!subject.nat.empty()) {
            out.append(" on ").append(subject.nat);
        }
        return;
    }
    out.append("egress ports ").append(subject.nat);
    out.append(" ").append(std::to_string(event.nat_port));
    out.append("-").append(std::to_string(event.nat_port_last));
    out.append(event.kind == EventKind::nat_block_allocated ? " given to " : " taken from ");
    subject.append_who(out);
}

void set_match_text(const Subject& subject, const ThreatMatch& match, MatchText& out) {
    const Event& event = *subject.event;
    out.field = "destination.ip";
    out.atomic = subject.destination;
    switch (match.type) {
        case IndicatorType::none:
        case IndicatorType::address:
            out.text = subject.destination;
            return;
        case IndicatorType::prefix:
            out.text = IpPrefix{event.destination, match.detail}.canonical().text();
            return;
        case IndicatorType::address_port:
            out.text =
                event.destination.is_v6() ? "[" + subject.destination + "]" : subject.destination;
            out.text.append(":").append(std::to_string(event.destination_port));
            return;
        case IndicatorType::domain:
        case IndicatorType::suffix:
        case IndicatorType::subdomains:
            // `detail` counts in the name as it was looked up, which printable text may not be.
            set_printable(
                event.text_view().substr(std::min<std::size_t>(match.detail, event.text_size)),
                out.text
            );
            break;
        case IndicatorType::pattern:
            out.text = match.indicator < subject.names->patterns.size()
                           ? subject.names->patterns[match.indicator]
                           : std::string();
            break;
    }
    out.atomic = subject.name;
    const bool from_tls =
        event.name_source == NameSource::sni || event.name_source == NameSource::quic_sni;
    out.field = subject.name_is_question ? "dns.question.name"
                : from_tls               ? "tls.client.server_name"
                                         : "destination.domain";
}

}  // namespace

DomainParts domain_parts(const std::string& name) {
    DomainParts out;
    const psl_ctx_t* list = psl_builtin();
    if (list == nullptr || name.find('.') == std::string::npos || looks_like_address(name)) {
        return out;
    }
    const std::string_view view = name;
    if (const char* registered = psl_registrable_domain(list, name.c_str())) {
        const auto at = static_cast<std::size_t>(registered - name.c_str());
        out.registered = view.substr(at);
        out.subdomain = at > 0 ? view.substr(0, at - 1) : std::string_view();
    }
    if (const char* suffix = psl_unregistrable_domain(list, name.c_str())) {
        out.top_level = view.substr(static_cast<std::size_t>(suffix - name.c_str()));
    }
    return out;
}

void Subject::take(const Event& in_event, const EventDictionary& in_names, CommunityId& community) {
    event = &in_event;
    names = &in_names;
    event_class = class_of(in_event.kind);
    workload = workload_of(in_event, in_names);
    rule = in_event.rule < in_names.rules.size() ? &in_names.rules[in_event.rule] : nullptr;
    id.clear();
    append_event_id(in_event, in_names, id);
    time.clear();
    append_time(in_event.time_ns, time);
    set_text(in_event.source, source);
    set_text(in_event.destination, destination);
    set_text(in_event.nat, nat);
    community_id = community.of(tuple_before_nat(in_event));
    nat_community_id = community.of(tuple_after_nat(in_event));
    take_name();
    take_matches();
}

void Subject::take_name() {
    const bool has_name = event_class != EventClass::audit && event_class != EventClass::health &&
                          event_class != EventClass::nat;
    name_is_question = event_class == EventClass::dns || (event->app_protocol == AppProtocol::dns &&
                                                          event->name_source == NameSource::dns);
    name.clear();
    parts = {};
    if (!has_name) {
        return;
    }
    set_printable(
        event->text_view().substr(0, std::min<std::size_t>(event->text_size, event->text.size())),
        name
    );
    if (event_class == EventClass::dns && name.empty()) {
        name = ".";
    }
    if (event->name_invalid == 0) {
        parts = domain_parts(name);
    }
}

void Subject::take_matches() {
    match_size = std::min<std::size_t>(event->match_size, kThreatMatchesMax);
    for (std::size_t i = 0; i < match_size; ++i) {
        const ThreatMatch& match = event->matches[i];
        MatchText& out = matches[i];
        out.feed = match.feed < names->feeds.size() ? &names->feeds[match.feed] : nullptr;
        out.type = match.type;
        out.action = match.action;
        out.confidence = match.confidence;
        set_match_text(*this, match, out);
    }
}

void Subject::append_who(std::string& out) const {
    if (workload == nullptr) {
        out.append(source.empty() ? "unknown" : source);
    } else if (workload->kind == Workload::Kind::node) {
        out.append("node/").append(workload->node);
    } else {
        out.append(workload->namespace_name).append("/");
        out.append(workload->owner_name.empty() ? workload->pod : workload->owner_name);
    }
}

void Subject::append_message(std::string& out) const {
    switch (event_class) {
        case EventClass::flow:
            append_flow_message(*this, out);
            return;
        case EventClass::dns:
            append_dns_message(*this, out);
            return;
        case EventClass::threat:
            append_threat_message(*this, out);
            return;
        case EventClass::policy:
            append_verdict_message(*this, out);
            return;
        case EventClass::nat:
            append_nat_message(*this, out);
            return;
        case EventClass::audit:
        case EventClass::health:
            if (event->text_size == 0) {
                out.append(action_of(event->kind));
                if (event->loss_count > 0) {
                    out.append(": ")
                        .append(std::to_string(event->loss_count))
                        .append(" events lost");
                }
                return;
            }
            out.append(event->text_view());
            return;
    }
}

std::string_view transport_name(std::uint8_t protocol) noexcept {
    switch (protocol) {
        case kProtocolTcp:
            return "tcp";
        case kProtocolUdp:
            return "udp";
        case kProtocolSctp:
            return "sctp";
        case kProtocolIcmp:
            return "icmp";
        case kProtocolIcmp6:
            return "ipv6-icmp";
        default:
            return "";
    }
}

std::string_view confidence_word(std::uint8_t confidence) noexcept {
    return confidence == 0   ? "Not Specified"
           : confidence < 30 ? "Low"
           : confidence < 70 ? "Medium"
                             : "High";
}

std::string dns_type_name(std::uint16_t type) {
    // IANA "Resource Record (RR) TYPEs": those seen in ordinary traffic.
    constexpr std::array<std::pair<std::uint16_t, std::string_view>, 25> kNames{{
        {1, "A"},      {2, "NS"},      {5, "CNAME"},  {6, "SOA"},   {12, "PTR"},
        {13, "HINFO"}, {15, "MX"},     {16, "TXT"},   {28, "AAAA"}, {33, "SRV"},
        {35, "NAPTR"}, {39, "DNAME"},  {41, "OPT"},   {43, "DS"},   {46, "RRSIG"},
        {47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"}, {52, "TLSA"}, {64, "SVCB"},
        {65, "HTTPS"}, {99, "SPF"},    {252, "AXFR"}, {255, "ANY"}, {257, "CAA"},
    }};
    const auto at = std::ranges::find(kNames, type, &decltype(kNames)::value_type::first);
    return at != kNames.end() ? std::string(at->second) : "TYPE" + std::to_string(type);
}

std::string_view dns_response_name(std::uint16_t flags) noexcept {
    // RFC 1035 section 4.1.1, RFC 2136 section 2.2; extended codes need EDNS, which events do not
    // carry.
    constexpr std::array<std::string_view, 16> kNames{
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "YXDOMAIN",
        "YXRRSET",
        "NXRRSET",
        "NOTAUTH",
        "NOTZONE",
        "RCODE11",
        "RCODE12",
        "RCODE13",
        "RCODE14",
        "RCODE15"};
    return kNames[flags & 0xFU];
}

}  // namespace sallyport::exporters
