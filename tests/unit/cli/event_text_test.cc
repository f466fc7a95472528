// SPDX-License-Identifier: Apache-2.0
// Goal: the line an operator reads, for each kind of event, with hostile text made harmless.
#include "gateway/cli/event_text.h"

#include "tests/unit/cli/test_console.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

std::string line_of(const char* json, bool colour = false) {
    TestConsole console;
    console.console.colour = colour;
    return compact_line(nlohmann::json::parse(json), console.console);
}

constexpr const char* kThreat = R"({
  "@timestamp": "2026-06-25T00:01:18.123456789Z",
  "event": {"action": "threat-match", "reason": "feed-match"},
  "network": {"transport": "tcp", "protocol": "tls"},
  "source": {"ip": "10.42.3.17", "port": 48122, "nat": {"ip": "203.0.113.7", "port": 31002}},
  "destination": {"ip": "198.51.100.9", "port": 443, "domain": "c2.example"},
  "threat": {"feed": {"name": "urlhaus"}, "indicator": {"name": "c2.example"}},
  "rule": {"name": "block-c2"},
  "orchestrator": {"namespace": "payments", "resource": {"name": "api-7d9c-x2k"}},
  "sallyport": {"class": "threat", "verdict": "deny", "workload": {"kind": "Deployment", "name": "api"}}
})";

TEST(CompactLine, ThreatMatch) {
    EXPECT_EQ(
        line_of(kThreat),
        "2026-06-25T00:01:18.123Z payments/api(api-7d9c-x2k):48122 -> c2.example:443 TCP/tls DENY "
        "threat-match matched c2.example reason=feed-match rule=block-c2 feed=urlhaus "
        "snat=203.0.113.7:31002"
    );
    EXPECT_NE(line_of(kThreat, true).find("\x1b[31mDENY\x1b[0m"), std::string::npos);
}

TEST(CompactLine, FlowEndOfABarePodOverIpv6) {
    EXPECT_EQ(
        line_of(R"({"@timestamp": "2026-06-25T00:01:18Z", "event": {"action": "flow-end"},
            "network": {"transport": "udp"},
            "source": {"ip": "fd00::1", "port": 5, "bytes": 100},
            "destination": {"ip": "2001:db8::1", "port": 53, "bytes": 0},
            "orchestrator": {"namespace": "web", "resource": {"name": "solo"}},
            "sallyport": {"verdict": "allow", "workload": {"kind": "Pod", "name": "solo"}}})"),
        "2026-06-25T00:01:18Z web/solo:5 -> [2001:db8::1]:53 UDP ALLOW flow-end 100B out 0B in"
    );
}

TEST(CompactLine, DnsQueryOfNobodyKnown) {
    EXPECT_EQ(
        line_of(R"({"@timestamp": "2026-06-25T00:01:18.5Z", "event": {"action": "dns-query"},
            "network": {"transport": "udp", "protocol": "dns"}, "source": {"ip": "10.9.9.9", "port": 7},
            "destination": {"ip": "10.0.0.10", "port": 53},
            "dns": {"question": {"name": "a.example", "type": "AAAA"}},
            "sallyport": {"verdict": "undecided", "attribution": {"status": "unknown"}}})"),
        "2026-06-25T00:01:18.5Z unknown 10.9.9.9:7 -> 10.0.0.10:53 UDP/dns UNDECIDED dns-query "
        "Query "
        "a.example AAAA"
    );
}

TEST(CompactLine, EventsWithoutADestination) {
    EXPECT_EQ(
        line_of(R"({"@timestamp": "2026-06-25T00:01:18Z", "event": {"action": "config-reload"},
            "message": "generation 8 in force"})"),
        "2026-06-25T00:01:18Z config-reload generation 8 in force"
    );
    EXPECT_EQ(
        line_of(
            R"({"@timestamp": "2026-06-25T00:01:18Z", "event": {"action": "nat-block-allocated"},
            "source": {"nat": {"ip": "203.0.113.7"}},
            "orchestrator": {"namespace": "payments", "resource": {"name": "api-1"}},
            "sallyport": {"workload": {"name": "api"},
                "nat": {"block": {"first_port": 1024, "last_port": 1087}}}})"
        ),
        "2026-06-25T00:01:18Z nat-block-allocated payments/api(api-1) ports 1024-1087 "
        "snat=203.0.113.7"
    );
}

TEST(CompactLine, ControlCharactersNeverReachTheTerminal) {
    const std::string line = line_of(
        R"({"@timestamp": "t", "event": {"action": "x"},
            "destination": {"domain": "\u001b[2Jevil\r\n.example", "ip": "1.2.3.4"}})"
    );
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_NE(line.find("?[2Jevil??.example"), std::string::npos);
}

TEST(CompactLine, ShapesThatAreNoEventsNeverThrow) {
    for (const auto* json :
         {"{}",
          "[]",
          "null",
          "5",
          R"({"source": 1, "destination": []})",
          R"({"@timestamp": 5, "event": {"action": {}}})"}) {
        (void)line_of(json);
        (void)table_line(nlohmann::json::parse(json));
    }
}

TEST(TableLine, StandsUnderItsHeading) {
    const std::string line = table_line(nlohmann::json::parse(kThreat));
    const std::string heading = table_heading();
    EXPECT_EQ(line.find("c2.example:443"), heading.find("DESTINATION"));
    EXPECT_EQ(line.find("urlhaus"), heading.find("FEED"));
    EXPECT_EQ(line.find("203.0.113.7:31002"), heading.find("EGRESS"));
}

}  // namespace
}  // namespace sallyport::cli
