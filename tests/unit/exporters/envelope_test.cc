// SPDX-License-Identifier: Apache-2.0
#include "exporters/envelope.h"

#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <map>

namespace sallyport::exporters {
namespace {

Envelope make(const Event& event) {
    EnvelopeMaker maker("ecs/9.4.0");
    Envelope out;
    maker.make(event, sample_dictionary(), out);
    return out;
}

Event of_kind(EventKind kind) {
    Event event = sample_flow_end();
    event.kind = kind;
    return event;
}

TEST(Envelope, KeysFollowTheClass) {
    EXPECT_EQ(make(of_kind(EventKind::flow_end)).key, "1:zHGtyo0LzDGX8vkmQQL01NUnLjs=");
    EXPECT_EQ(make(of_kind(EventKind::dns_query)).key, "1:zHGtyo0LzDGX8vkmQQL01NUnLjs=");
    EXPECT_EQ(make(of_kind(EventKind::threat_match)).key, "prod-eu1/payments");
    EXPECT_EQ(make(of_kind(EventKind::verdict)).key, "prod-eu1/payments");
    EXPECT_EQ(make(of_kind(EventKind::nat_block_released)).key, "203.0.113.7");
    EXPECT_EQ(make(of_kind(EventKind::config_reload)).key, "egw-1");
    EXPECT_EQ(make(of_kind(EventKind::spool_truncated)).key, "egw-1");
    Event unknown = of_kind(EventKind::threat_match);
    unknown.workload = kUnknownWorkload;
    EXPECT_EQ(make(unknown).key, "prod-eu1/");
}

TEST(Envelope, HeadersSayWhatIsInside) {
    std::map<std::string, std::string> headers;
    for (const RecordHeader& header : make(sample_threat()).headers) {
        headers.emplace(header.name, header.value);
    }
    const std::map<std::string, std::string> expected{
        {"action", "deny"},
        {"cluster", "prod-eu1"},
        {"content-type", "application/json"},
        {"event-class", "threat"},
        {"event-id", "egw-1:5f0c2a91:3:8812"},
        {"namespace", "payments"},
        {"node", "node-3"},
        {"producer", "sallyport/0.1.0"},
        {"schema", "ecs/9.4.0"}};
    EXPECT_EQ(headers, expected);
}

TEST(Envelope, WorkersOfTheGatewayItselfHaveLetters) {
    Event event = of_kind(EventKind::config_reload);
    event.worker = kControlWorker;
    EXPECT_EQ(make(event).headers[3].value, "egw-1:5f0c2a91:c:8811");
    event.worker = kSpoolWorker;
    event.boot = 0x1;
    EXPECT_EQ(make(event).headers[3].value, "egw-1:00000001:s:8811");
    event.boot = 0xFEDCBA9876543210ULL;
    EXPECT_EQ(make(event).headers[3].value, "egw-1:fedcba9876543210:s:8811");
}

}  // namespace
}  // namespace sallyport::exporters
