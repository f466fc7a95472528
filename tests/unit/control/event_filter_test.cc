// SPDX-License-Identifier: Apache-2.0
// Goal: each filter says yes and no to the right documents, and combinations mean what Hubble's
// mean.
#include "gateway/control/event_filter.h"

#include "gateway/control/event_query.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace sallyport::control {
namespace {

const nlohmann::json& document() {
    static const nlohmann::json kDocument = nlohmann::json::parse(R"({
      "event": {"id": "egw-1:5f0c2a91:3:8812", "action": "threat-match", "reason": "feed-match"},
      "network": {"type": "ipv4", "transport": "tcp", "protocol": "tls"},
      "source": {"ip": "10.42.3.17", "port": 48122, "nat": {"ip": "203.0.113.7", "port": 31002}},
      "destination": {"ip": "198.51.100.9", "port": 443, "domain": "c2.example"},
      "tls": {"client": {"server_name": "c2.example"}},
      "threat": {"feed": {"name": "urlhaus"}, "enrichments": [
        {"indicator": {"provider": "urlhaus"}}, {"indicator": {"provider": "ipsum"}}]},
      "rule": {"id": "payments-egress/3", "name": "block-c2", "ruleset": "payments-egress"},
      "orchestrator": {"namespace": "payments", "cluster": {"name": "prod-eu1"},
        "resource": {"name": "api-7d9c-x2k", "label": ["app:api", "team:checkout"]}},
      "kubernetes": {"node": {"name": "node-3"}},
      "sallyport": {"class": "threat", "verdict": "deny",
        "workload": {"kind": "Deployment", "name": "api"}}
    })");
    return kDocument;
}

struct Case {
    std::string name;
    std::string value;
    bool expected;
};
void PrintTo(const Case& given, std::ostream* out) {
    *out << given.name << ":" << given.value;
}

class OneFilter : public testing::TestWithParam<Case> {};

TEST_P(OneFilter, AnswersAsItSays) {
    const Case& given = GetParam();
    const auto filter = EventFilter::make({{given.name, given.value, false}});
    ASSERT_TRUE(filter) << filter.error().message;
    EXPECT_EQ(filter.value().matches(document()), given.expected);
    // Negated, each is its own opposite; and nothing matches a document without fields.
    const auto negated = EventFilter::make({{given.name, given.value, true}});
    EXPECT_EQ(negated.value().matches(document()), !given.expected);
    EXPECT_FALSE(filter.value().matches(nlohmann::json::object()));
    EXPECT_FALSE(filter.value().matches(nlohmann::json::array()));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    OneFilter,
    testing::Values(
        Case{"namespace", "payments", true},
        Case{"namespace", "pay", false},
        Case{"pod", "api", true},
        Case{"pod", "payments/api-7", true},
        Case{"pod", "frontend/api", false},
        Case{"pod", "web", false},
        Case{"workload", "api", true},
        Case{"workload", "payments/api", true},
        Case{"workload", "deployment/api", true},
        Case{"workload", "StatefulSet/api", false},
        Case{"workload", "web", false},
        Case{"label", "app=api", true},
        Case{"label", "app", true},
        Case{"label", "app=web", false},
        Case{"label", "ap", false},
        Case{"ip", "10.42.0.0/16", true},
        Case{"ip", "198.51.100.9", true},
        Case{"ip", "203.0.113.7", false},
        Case{"from-ip", "10.42.3.17", true},
        Case{"from-ip", "198.51.100.9", false},
        Case{"to-ip", "198.51.100.0/24", true},
        Case{"to-ip", "10.42.3.17", false},
        Case{"to-ip", "2001:db8::/32", false},
        Case{"snat-ip", "203.0.113.7", true},
        Case{"snat-ip", "203.0.113.8", false},
        Case{"to-fqdn", "c2.example", true},
        Case{"to-fqdn", "*.example", true},
        Case{"to-fqdn", "C2.EXAMPLE", true},
        Case{"to-fqdn", "c2.exam", false},
        Case{"to-fqdn", "*.test", false},
        Case{"port", "443", true},
        Case{"port", "48122", true},
        Case{"port", "80", false},
        Case{"from-port", "443", false},
        Case{"to-port", "443", true},
        Case{"to-port", "400-500", true},
        Case{"to-port", "444-500", false},
        Case{"protocol", "TCP", true},
        Case{"protocol", "tls", true},
        Case{"protocol", "udp", false},
        Case{"verdict", "deny", true},
        Case{"verdict", "DROPPED", true},
        Case{"verdict", "FORWARDED", false},
        Case{"verdict", "TRANSLATED", true},
        Case{"type", "threat", true},
        Case{"type", "threat-match", true},
        Case{"type", "flow", false},
        Case{"feed", "urlhaus", true},
        Case{"feed", "ipsum", true},
        Case{"feed", "other", false},
        Case{"rule", "block-c2", true},
        Case{"rule", "payments-egress", true},
        Case{"rule", "payments-egress/*", true},
        Case{"rule", "allow-*", false},
        Case{"reason", "feed-match", true},
        Case{"reason", "FEED_MATCH", true},
        Case{"reason", "policy-deny", false},
        Case{"node-name", "node-*", true},
        Case{"node-name", "node-4", false},
        Case{"cluster", "prod-eu1", true},
        Case{"cluster", "x", false},
        Case{"uuid", "egw-1:5f0c2a91:3:8812", true},
        Case{"uuid", "egw-1:5f0c2a91:3:8813", false}
    )
);

TEST(EventFilter, EveryRowHasHelpAndIsTestedAbove) {
    EXPECT_EQ(filter_rows().size(), 21U);
    for (const FilterRow& row : filter_rows()) {
        EXPECT_GT(row.help.size(), 5U) << row.name;
        EXPECT_FALSE(row.value.empty()) << row.name;
    }
}

bool passes(const std::vector<FilterTerm>& terms) {
    const auto filter = EventFilter::make(terms);
    EXPECT_TRUE(filter) << filter.error().message;
    return filter.value().matches(document());
}

TEST(EventFilter, SameNamesAreAlternativesOthersMustAllHold) {
    EXPECT_TRUE(passes({}));
    EXPECT_TRUE(passes({{"to-port", "80", false}, {"to-port", "443", false}}));
    EXPECT_TRUE(passes({{"to-port", "443", false}, {"namespace", "payments", false}}));
    EXPECT_FALSE(passes({{"to-port", "443", false}, {"namespace", "frontend", false}}));
    EXPECT_FALSE(passes({{"to-port", "443", false}, {"namespace", "payments", true}}));
    EXPECT_TRUE(passes({{"to-port", "443", false}, {"namespace", "frontend", true}}));
}

TEST(EventFilter, WrongValuesAreNamedWithWhatWasExpected) {
    const auto problem = [](std::string name, std::string value) {
        const auto filter = EventFilter::make({{std::move(name), std::move(value), false}});
        return filter ? std::string() : filter.error().message;
    };
    EXPECT_EQ(problem("nonsense", "x"), "\"nonsense\" is no filter");
    EXPECT_EQ(
        problem("to-ip", "10.0.0.0/40"),
        "to-ip: \"10.0.0.0/40\" does not fit, expected an address or a prefix as 192.0.2.0/24"
    );
    for (const auto* port : {"http", "65536", "-1", "80-", "90-80", "80-90-100", "80x"}) {
        EXPECT_EQ(
            problem("port", port),
            "port: \"" + std::string(port) +
                "\" does not fit, expected a port or a range as 8000-8080"
        );
    }
    EXPECT_EQ(
        problem("verdict", "maybe"),
        "verdict: \"maybe\" does not fit, expected allow, deny, undecided, FORWARDED, DROPPED, "
        "AUDIT "
        "or TRANSLATED"
    );
    EXPECT_NE(problem("type", "l7"), "");
    EXPECT_NE(problem("label", "=x"), "");
    EXPECT_NE(problem("namespace", ""), "");
    EXPECT_NE(problem("namespace", std::string(EventFilter::kValueBytesMax + 1, 'a')), "");
    EXPECT_FALSE(EventFilter::make(
        std::vector<FilterTerm>(EventFilter::kTermsMax + 1, FilterTerm{"port", "1", false})
    ));
}

TEST(EventFilter, DocumentsOfOtherShapesNeverMatchAndNeverThrow) {
    const auto odd = nlohmann::json::parse(
        R"({"source": [], "destination": {"port": -1, "ip": 5}, "orchestrator": "x",
            "threat": {"enrichments": {"indicator": 1}}})"
    );
    for (const FilterRow& row : filter_rows()) {
        std::string value = "x";
        if (row.value == "CIDR") {
            value = "10.0.0.0/8";
        } else if (row.value == "PORT") {
            value = "1";
        } else if (row.name == "verdict") {
            value = "deny";
        } else if (row.name == "type") {
            value = "flow";
        }
        const auto filter = EventFilter::make({{std::string(row.name), value, false}});
        ASSERT_TRUE(filter) << filter.error().message;
        EXPECT_FALSE(filter.value().matches(odd)) << row.name;
    }
}

TEST(Glob, StarsStandForAnyCharacters) {
    EXPECT_TRUE(glob_matches("*", ""));
    EXPECT_TRUE(glob_matches("a*c", "abbc"));
    EXPECT_TRUE(glob_matches("*a*b*", "xxaxxbxx"));
    EXPECT_FALSE(glob_matches("a*c", "abcd"));
    EXPECT_FALSE(glob_matches("", "a"));
    // The shape that makes backtracking matchers exponential.
    EXPECT_FALSE(glob_matches("*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST(EventQuery, GoesThereAndBack) {
    EventQuery query;
    query.follow = true;
    query.last = 20;
    query.since = 1'782'345'678'123'456'789;
    query.filter =
        EventFilter::make({{"to-fqdn", "*.a&b=c%", false}, {"port", "443", true}}).value();
    const std::string path = event_query_path(query);
    EXPECT_EQ(
        path,
        "/v1/events?follow=1&last=20&since=1782345678123456789&f=to-fqdn%3A%2A.a%26b%3Dc%25&f=%"
        "21port%3A443"
    );
    const auto back = parse_event_query(
        {{"follow", "1"},
         {"last", "20"},
         {"since", "1782345678123456789"},
         {"f", "to-fqdn:*.a&b=c%"},
         {"f", "!port:443"}}
    );
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(event_query_path(back.value()), path);
}

TEST(EventQuery, RefusesWhatItDoesNotUnderstand) {
    EXPECT_FALSE(parse_event_query({{"folow", "1"}}));
    EXPECT_FALSE(parse_event_query({{"follow", "2"}}));
    EXPECT_FALSE(parse_event_query({{"last", "1000001"}}));
    EXPECT_FALSE(parse_event_query({{"since", "18446744073709551616"}}));
    EXPECT_FALSE(parse_event_query({{"since", ""}}));
    EXPECT_FALSE(parse_event_query({{"last", "1"}, {"last", "2"}}));
    EXPECT_FALSE(parse_event_query({{"f", "port"}}));
    EXPECT_FALSE(parse_event_query({{"f", "port:x"}}));
    EXPECT_FALSE(parse_event_query({{"f", ""}}));
}

}  // namespace
}  // namespace sallyport::control
