// SPDX-License-Identifier: Apache-2.0
#include "exporters/ecs_encoder.h"

#include "exporters/byte_io.h"
#include "exporters/flat_encoder.h"
#include "exporters/loss.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sallyport::exporters {
namespace {

using Json = nlohmann::json;

Json encode(const Event& event, Detail detail = Detail::full) {
    EcsEncoder encoder;
    std::string out;
    encoder.encode(event, sample_dictionary(), detail, out);
    EXPECT_EQ(out.find('\n'), std::string::npos);
    return Json::parse(out);
}

Event dns_event(EventKind kind, std::uint64_t sequence) {
    Event event = sample_flow_end(sequence);
    event.kind = kind;
    event.start_ns = 0;
    event.end_ns = 0;
    event.rule = kNoRule;
    event.protocol = 17;
    event.source_port = 40000;
    event.destination = address("10.96.0.10");
    event.destination_port = 53;
    event.app_protocol = AppProtocol::dns;
    event.name_source = NameSource::dns;
    event.tls_version = 0;
    event.tcp_flags = 0;
    event.close_reason = CloseReason::none;
    event.packets_out = event.packets_in = event.bytes_out = event.bytes_in = 0;
    event.dns_id = 45444;
    event.dns_type = 1;
    event.dns_class = 1;
    event.dns_flags = 0x0100;
    set_text(event, "www.partner.co.uk");
    return event;
}

void add_answer(Event& event, std::uint16_t type, std::uint32_t ttl, std::string_view data) {
    std::string packed(reinterpret_cast<const char*>(event.data.data()), event.data_size);
    put(packed, type);
    put(packed, ttl);
    put(packed, static_cast<std::uint8_t>(data.size()));
    packed.append(data);
    std::memcpy(event.data.data(), packed.data(), packed.size());
    event.data_size = static_cast<std::uint16_t>(packed.size());
}

Event dns_answer(std::uint64_t sequence) {
    Event event = dns_event(EventKind::dns_answer, sequence);
    event.dns_flags = 0x8580;
    add_answer(event, 5, 300, "edge.partner.co.uk");
    add_answer(event, 1, 60, std::string_view("\xC0\x00\x02\x50", 4));
    const IpAddress six = address("2001:db8::50");
    add_answer(
        event, 28, 60, std::string_view(reinterpret_cast<const char*>(six.bytes.data()), 16)
    );
    return event;
}

Event icmp_of_a_node(std::uint64_t sequence) {
    Event event = sample_flow_end(sequence);
    event.kind = EventKind::flow_start;
    event.end_ns = 0;
    event.workload = kNode;
    event.attribution = AttributionStatus::node;
    event.protocol = 1;
    event.icmp_type = 8;
    event.source = address("10.1.0.12");
    event.app_protocol = AppProtocol::none;
    event.name_source = NameSource::none;
    event.tls_version = 0;
    event.tcp_flags = 0;
    event.close_reason = CloseReason::none;
    event.text_size = 0;
    event.rule = kNoRule;
    event.vlan = 42;
    return event;
}

Event unknown_v6_denied(std::uint64_t sequence) {
    Event event = sample_flow_end(sequence);
    event.kind = EventKind::flow_denied;
    event.end_ns = 0;
    event.workload = kUnknownWorkload;
    event.attribution = AttributionStatus::unknown;
    event.source = address("2001:db8:1::9");
    event.destination = address("2001:db8::80");
    event.nat = IpAddress{};
    event.nat_port = 0;
    event.pool = kNoPool;
    event.rule = kNoRule;
    event.verdict = Verdict::deny;
    event.deny_mode = DenyMode::reject;
    event.reason = VerdictReason::unknown_workload;
    event.drop_reason = DropReason::unknown_workload;
    event.name_source = NameSource::none;
    event.app_protocol = AppProtocol::none;
    event.tls_version = 0;
    event.close_reason = CloseReason::none;
    event.packets_in = event.bytes_in = 0;
    event.packets_out = 1;
    event.bytes_out = 60;
    event.text_size = 0;
    return event;
}

Event threat_on_a_query(std::uint64_t sequence) {
    Event event = dns_event(EventKind::threat_match, sequence);
    event.verdict = Verdict::deny;
    event.deny_mode = DenyMode::dns_answer;
    event.reason = VerdictReason::feed_match;
    set_text(event, "a.b.evil-7.example");
    event.matches[0] = {0, IndicatorType::suffix, FeedAction::deny, 4, 90, 0, 3};
    event.matches[1] = {0, IndicatorType::pattern, FeedAction::alert, 0, 0, 0, 0};
    event.match_size = 2;
    event.match_total = 9;
    return event;
}

Event threat_by_address(std::uint64_t sequence) {
    Event event = sample_threat(sequence);
    event.text_size = 0;
    event.name_source = NameSource::none;
    event.matches[0] = {1, IndicatorType::address_port, FeedAction::alert, 0, 40, 0, 3};
    event.matches[1] = {1, IndicatorType::prefix, FeedAction::alert, 24, 10, 0, 4};
    return event;
}

Event nat_block(EventKind kind, std::uint64_t sequence) {
    Event event = base_event(kind, sequence);
    event.workload = kApiPod;
    event.attribution = AttributionStatus::known;
    event.source = address("10.42.3.17");
    event.nat = address("203.0.113.7");
    event.nat_port = 30976;
    event.nat_port_last = 31103;
    event.pool = 0;
    event.protocol = 6;
    if (kind == EventKind::nat_block_released) {
        event.start_ns = event.time_ns - 60'000'000'000ULL;
        event.end_ns = event.time_ns;
    }
    return event;
}

Event control(EventKind kind, std::string_view text, std::uint64_t sequence) {
    Event event = base_event(kind, sequence);
    event.worker = kControlWorker;
    set_text(event, text);
    return event;
}

Event truncated_spool(std::uint64_t sequence) {
    LossLedger ledger;
    ledger.add(sample_flow_end(9001));
    ledger.add(sample_flow_end(9412));
    Event event = ledger.take_events(LossCause::disk_full, "kafka had not sent them").front();
    event.sequence = sequence;
    event.boot = kBoot;
    event.generation = kGeneration;
    event.time_ns = base_event(EventKind::flow_end, 1).time_ns;
    return event;
}

Event shed(std::uint64_t sequence) {
    Event event = base_event(EventKind::events_shed, sequence);
    event.loss_count = 412;
    event.loss_first_sequence = 9001;
    event.loss_last_sequence = 9412;
    event.start_ns = event.time_ns - 1'000'000'000;
    event.end_ns = event.time_ns;
    return event;
}

/// One of each kind and of each shape that the encoder treats differently.
std::vector<Event> all_samples() {
    Event verdict = sample_flow_end(20);
    verdict.kind = EventKind::verdict;
    Event query_verdict = dns_event(EventKind::verdict, 21);
    query_verdict.verdict = Verdict::deny;
    query_verdict.reason = VerdictReason::policy_deny;
    query_verdict.rule = 0;
    Event update = sample_flow_end(22);
    update.kind = EventKind::flow_update;
    update.close_reason = CloseReason::none;
    Event undecided = sample_flow_end(23);
    undecided.kind = EventKind::flow_start;
    undecided.verdict = Verdict::undecided;
    undecided.reason = VerdictReason::none;
    undecided.end_ns = 0;
    undecided.workload = kDaemonPod;
    Event hostile = sample_flow_end(24);
    hostile.name_invalid = 1;
    set_text(hostile, "</script>\r\n\x01\xFF.example");
    return {
        sample_flow_end(1),
        update,
        undecided,
        hostile,
        icmp_of_a_node(2),
        unknown_v6_denied(3),
        dns_event(EventKind::dns_query, 4),
        dns_answer(5),
        sample_threat(6),
        threat_on_a_query(7),
        threat_by_address(8),
        verdict,
        query_verdict,
        nat_block(EventKind::nat_block_allocated, 9),
        nat_block(EventKind::nat_block_released, 10),
        nat_block(EventKind::nat_exhausted, 11),
        control(EventKind::config_reload, "generation 1207 is in force", 1),
        control(
            EventKind::generation_refused,
            "10-payments.yaml:14:7: unknown selector operator 'inn'",
            2
        ),
        control(EventKind::part_state, "kafka: broker 127.0.0.1:9092 refuses", 3),
        shed(12),
        truncated_spool(1),
    };
}

void compare_golden(const std::string& file, const std::string& now) {
    const std::string path =
        std::string(SALLYPORT_SOURCE_ROOT) + "/tests/unit/exporters/golden/" + file;
    if (std::getenv("SALLYPORT_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << now;
    }
    std::ifstream in(path);
    std::stringstream golden;
    golden << in.rdbuf();
    EXPECT_EQ(now, golden.str()) << "SALLYPORT_UPDATE_GOLDEN=1 rewrites " << path;
}

TEST(EcsEncoder, K15DocumentsAreThoseOfTheGoldenFile) {
    EcsEncoder encoder({.tags = {"edge"}});
    std::string out;
    for (const Event& event : all_samples()) {
        encoder.encode(event, sample_dictionary(), out);
        out += '\n';
    }
    compare_golden("ecs.ndjson", out);
}

TEST(FlatEncoder, K15DocumentsAreThoseOfTheGoldenFile) {
    FlatEncoder encoder;
    std::string out;
    for (const Event& event : all_samples()) {
        std::string document;
        encoder.encode(event, sample_dictionary(), document);
        out += document.empty() ? "" : document + "\n";
    }
    compare_golden("flat.ndjson", out);
}

TEST(EcsEncoder, IsDeterministicAndKeepsNothingFromTheLastEvent) {
    EcsEncoder used;
    for (const Event& event : all_samples()) {
        std::string scratch;
        used.encode(event, sample_dictionary(), scratch);
    }
    for (const Event& event : all_samples()) {
        EcsEncoder fresh;
        std::string first;
        std::string second;
        fresh.encode(event, sample_dictionary(), first);
        used.encode(event, sample_dictionary(), second);
        EXPECT_EQ(first, second);
    }
}

TEST(EcsEncoder, AFlowHasBothCommunityIds) {
    const Json doc = encode(sample_flow_end());
    EXPECT_EQ(doc["network"]["community_id"], "1:zHGtyo0LzDGX8vkmQQL01NUnLjs=");
    EXPECT_EQ(doc["sallyport"]["nat"]["community_id"], "1:tflNYCHb2FU6k5KmTjeTO8cDQ+I=");
    EXPECT_EQ(doc["event"]["id"], "egw-1:5f0c2a91:3:8811");
    EXPECT_EQ(doc["@timestamp"], "2026-06-25T00:01:18.123456789Z");
    EXPECT_EQ(doc["event"]["duration"], 6120000000U);
    EXPECT_EQ(doc["orchestrator"]["resource"]["label"], Json({"app:api", "team:checkout"}));
    EXPECT_EQ(doc["destination"]["registered_domain"], "partner.example");
    EXPECT_EQ(doc["destination"]["subdomain"], "api");
}

TEST(EcsEncoder, LabelsAreFieldsWhoseNamesNeverClash) {
    EventDictionary names = sample_dictionary();
    names.workloads[kApiPod].labels = {
        {"app", "api"},
        {"app.kubernetes.io/name", "api"},
        {"a.b", "1"},
        {"a_b", "2"},
        {"empty", ""}};
    EcsEncoder encoder;
    std::string out;
    encoder.encode(sample_flow_end(), names, out);
    EXPECT_EQ(
        Json::parse(out)["kubernetes"]["labels"],
        Json({{"app", "api"}, {"app_kubernetes_io/name", "api"}, {"a_b", "1"}})
    );
    out.clear();
    encoder.encode(sample_flow_end(), names, Detail::reduced, out);
    EXPECT_FALSE(Json::parse(out)["kubernetes"].contains("labels"));
}

TEST(EcsEncoder, SaysWhyAndWhatIsKnownOfAnHttpHead) {
    Event event = sample_flow_end();
    event.reason = VerdictReason::feed_match;
    event.name_source = NameSource::http_host;
    event.attribution_age_ms = 0;
    const Json doc = encode(event);
    EXPECT_EQ(doc["sallyport"]["reason"], doc["event"]["reason"]);
    EXPECT_EQ(doc["url"]["domain"], "api.partner.example");
    EXPECT_EQ(doc["sallyport"]["attribution"]["method"], "address");
    EXPECT_FALSE(doc["sallyport"]["attribution"].contains("age_ms"));  // not known, so not said
    EXPECT_FALSE(encode(sample_flow_end()).contains("url"));           // a name of a ClientHello
}

TEST(EcsEncoder, AMatchSaysWhatMatchedAndWhere) {
    const Json doc = encode(sample_threat());
    EXPECT_EQ(doc["event"]["risk_score"], 81.0);
    EXPECT_EQ(doc["event"]["severity"], 4);
    EXPECT_EQ(doc["threat"]["indicator"]["confidence"], "High");
    const Json& first = doc["threat"]["enrichments"][0];
    EXPECT_EQ(first["matched"]["field"], "tls.client.server_name");
    EXPECT_EQ(first["matched"]["id"], "urlhaus:domain:c2.example");
    const Json& second = doc["threat"]["enrichments"][1];
    EXPECT_EQ(second["indicator"]["ip"], "198.51.100.9");
    EXPECT_EQ(second["matched"]["id"], "ipsum:ipv4:198.51.100.9");

    const Json by_query = encode(threat_on_a_query(1));
    EXPECT_EQ(by_query["threat"]["indicator"]["name"], "evil-7.example");
    EXPECT_EQ(by_query["dns"]["question"]["name"], "a.b.evil-7.example");
    EXPECT_FALSE(by_query["destination"].contains("domain"));
    EXPECT_EQ(by_query["threat"]["enrichments"][0]["matched"]["field"], "dns.question.name");
    EXPECT_EQ(by_query["threat"]["enrichments"][1]["indicator"]["name"], "*.evil-*.example");
    EXPECT_EQ(by_query["sallyport"]["match"]["count"], 9);

    const Json by_address = encode(threat_by_address(1));
    EXPECT_EQ(by_address["threat"]["indicator"]["name"], "198.51.100.9:443");
    EXPECT_EQ(by_address["threat"]["indicator"]["port"], 443);
    EXPECT_EQ(by_address["threat"]["enrichments"][1]["indicator"]["name"], "198.51.100.0/24");
}

TEST(EcsEncoder, AnUnknownWorkloadIsSaidAndNeverGuessed) {
    const Json doc = encode(unknown_v6_denied(1));
    EXPECT_EQ(doc["sallyport"]["attribution"]["status"], "unknown");
    EXPECT_FALSE(doc.contains("kubernetes"));
    EXPECT_FALSE(doc["orchestrator"].contains("namespace"));
    EXPECT_FALSE(doc["sallyport"]["attribution"].contains("method"));
    EXPECT_FALSE(doc["sallyport"].contains("nat"));
}

TEST(EcsEncoder, IdsBeyondTheDictionaryAreLeftOut) {
    Event event = sample_threat();
    event.workload = 4000000000U;
    event.rule = 4000000000U;
    event.pool = 60000;
    event.matches[0].feed = 60000;
    event.matches[1] = {0, IndicatorType::pattern, FeedAction::alert, 0, 0, 0, 4000000000U};
    event.matches[2] = {0, IndicatorType::suffix, FeedAction::alert, 255, 0, 0, 0};
    event.matches[3] = {0, IndicatorType::prefix, FeedAction::alert, 255, 0, 0, 0};
    event.match_size = 4;
    const Json doc = encode(event);
    EXPECT_FALSE(doc.contains("kubernetes"));
    EXPECT_FALSE(doc.contains("rule"));
    EXPECT_FALSE(doc["threat"].contains("feed"));
    EXPECT_EQ(doc["threat"]["enrichments"].size(), 4U);
}

TEST(EcsEncoder, K13AHostileNameStaysInsideItsField) {
    Event event = sample_flow_end();
    set_text(event, "a\",\"evil\":\"1</script>\r\n\x80.example");
    const Json doc = encode(event);
    EXPECT_FALSE(doc["destination"].contains("evil"));
    EXPECT_EQ(doc["destination"]["domain"], "a\",\"evil\":\"1</script>\\013\\010\\128.example");
}

TEST(EcsEncoder, K6TheReducedFormLeavesOutWhatHasNoBoundAndSaysSo) {
    const Json doc = encode(sample_threat(), Detail::reduced);
    EXPECT_TRUE(doc["sallyport"]["truncated"]);
    EXPECT_FALSE(doc["orchestrator"]["resource"].contains("label"));
    EXPECT_EQ(doc["threat"]["enrichments"].size(), 1U);
    EXPECT_FALSE(encode(dns_answer(1), Detail::reduced)["dns"].contains("answers"));
}

TEST(EcsEncoder, AnswersCutOffAnywhereGiveTheWholeOnes) {
    const Event whole = dns_answer(1);
    for (std::uint16_t size = 0; size <= whole.data_size; ++size) {
        Event event = whole;
        event.data_size = size;
        const Json doc = encode(event);
        const std::size_t answers =
            doc["dns"].contains("answers") ? doc["dns"]["answers"].size() : 0;
        EXPECT_LE(answers, 3U);
    }
    EXPECT_EQ(encode(whole)["dns"]["answers"].size(), 3U);
    EXPECT_EQ(encode(whole)["dns"]["resolved_ip"], Json({"192.0.2.80", "2001:db8::50"}));
}

TEST(EcsEncoder, WithoutADictionaryItStillEncodes) {
    EcsEncoder encoder;
    for (const Event& event : all_samples()) {
        std::string out;
        encoder.encode(event, EventDictionary{}, out);
        EXPECT_FALSE(Json::parse(out, nullptr, false).is_discarded());
    }
}

TEST(EcsEncoder, TimesOfTheWholeRangeAreRight) {
    const auto time = [](std::uint64_t ns) {
        std::string out;
        append_time(ns, out);
        return out;
    };
    EXPECT_EQ(time(0), "1970-01-01T00:00:00.000000000Z");
    EXPECT_EQ(time(951782400000000000ULL), "2000-02-29T00:00:00.000000000Z");
    EXPECT_EQ(time(1709251199999999999ULL), "2024-02-29T23:59:59.999999999Z");
    EXPECT_EQ(time(4107542400000000000ULL), "2100-03-01T00:00:00.000000000Z");
    EXPECT_EQ(time(~0ULL), "2554-07-21T23:34:33.709551615Z");
}

TEST(Encoders, AreFoundByNameAndRefusedByName) {
    EXPECT_TRUE(make_encoder("ecs"));
    EXPECT_TRUE(make_encoder("flat"));
    EXPECT_EQ(
        make_encoder("ocsf").error().message,
        "encoding \"ocsf\" is not supported by this version, expected one of ecs, flat"
    );
    EXPECT_EQ(
        make_encoder("esc").error().message,
        "encoding \"esc\" is unknown, expected one of ecs, flat"
    );
}

}  // namespace
}  // namespace sallyport::exporters
