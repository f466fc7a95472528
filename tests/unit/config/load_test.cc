// SPDX-License-Identifier: Apache-2.0
// Goal: every class of problem is named with its place, and a right file gives the right values.
#include "gateway/config/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::config {
namespace {

constexpr std::string_view kGood = R"(gateway: {name: egress-a, cluster: prod-eu1}
dataplane:
  workers: 2
  hugepages: "off"
  flows_max: 65536
  ports:
    - {name: inside, device: "net_af_packet0,iface=eth1", role: inside, addresses: [10.1.0.1/24, "fd00:1::1/64"]}
    - name: outside
      device: "0000:3b:00.0"
      role: outside
      addresses: [192.0.2.2/24, "2001:db8::2/64"]
      next_hops: [192.0.2.1, "2001:db8::1"]
egress:
  pools:
    - {name: payments, addresses: [192.0.2.16/30], mode: endpoint-dependent, block_size: 128}
    - {name: default, addresses: [198.51.100.7], routed: true, block_size: 128}
  assignments:
    - {namespaceSelector: "team == 'payments'", pool: payments}
    - {selector: all(), pool: default}
  ipv6: route
workloads: {files: [pods.json, /etc/pods], unknown: {hold: 0s, then: deny}}
policy: {paths: [policy.d], dns_deny: refused, deny_mode: silent}
feeds:
  - {name: bad, path: feeds/bad.txt, action: deny, category: malware, confidence: 90}
  - {name: web, url: "file:///srv/web.csv", format: csv, csv: {value: url, delimiter: tab}}
events:
  spool: {directory: spool, size: 1GiB, full: drop-newest}
  flow_update: 5m
  sinks:
    - kafka: {brokers: ["kafka-1:9093", "[::1]:9092"], topics: {prefix: out}, tls: {},
              sasl: {mechanism: PLAIN, username: sally, password_file: secret},
              rdkafka: {linger.ms: "75"}}
    - file: {path: events.ndjson}
admin: {socket: /run/s.sock}
)";

std::vector<std::string> problems_of(std::string_view text, Purpose purpose = Purpose::run) {
    Problems problems;
    const auto config = parse_config(text, "/etc/s/s.yaml", purpose, problems);
    EXPECT_EQ(config.has_value(), problems.empty());
    std::vector<std::string> out;
    for (const Problem& problem : problems) {
        out.push_back(problem.text());
    }
    return out;
}

/// The good file with one piece of text replaced.
std::string with(std::string_view from, std::string_view to) {
    std::string text(kGood);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return text;
}

TEST(LoadConfig, GoodFileGivesItsValues) {
    Problems problems;
    const auto config = parse_config(kGood, "/etc/s/s.yaml", Purpose::run, problems);
    ASSERT_TRUE(config) << problems.front().text();
    EXPECT_EQ(config->gateway.name, "egress-a");
    EXPECT_EQ(config->dataplane.workers, 2U);
    EXPECT_EQ(config->dataplane.hugepages, HugepagesMode::off);
    ASSERT_EQ(config->dataplane.ports.size(), 2U);
    EXPECT_EQ(config->dataplane.ports[1].role, PortRole::outside);
    EXPECT_EQ(config->dataplane.ports[1].addresses[1].text(), "2001:db8::2/64");
    EXPECT_EQ(config->dataplane.ports[1].next_hops[0].text(), "192.0.2.1");
    EXPECT_EQ(config->egress.pools[0].block_size, 128U);
    EXPECT_EQ(config->egress.ipv6, Ipv6Egress::route);
    EXPECT_EQ(config->workloads.files, (std::vector<std::string>{"/etc/s/pods.json", "/etc/pods"}));
    EXPECT_EQ(config->workloads.unknown.hold, std::chrono::seconds(0));
    EXPECT_EQ(config->policy.dns_deny, DnsDeny::refused);
    EXPECT_EQ(config->feeds[0].path, "/etc/s/feeds/bad.txt");
    EXPECT_EQ(config->feeds[0].action, FeedAction::deny);
    EXPECT_EQ(config->feeds[1].path, "/srv/web.csv");
    EXPECT_EQ(config->feeds[1].csv.delimiter, "tab");
    EXPECT_EQ(config->events.spool.size.bytes, 1ULL << 30U);
    EXPECT_EQ(config->events.flow_update, std::chrono::minutes(5));
    ASSERT_TRUE(config->events.sinks[0].kafka);
    EXPECT_TRUE(config->events.sinks[0].kafka->tls);
    EXPECT_EQ(config->events.sinks[0].kafka->sasl->password_file, "/etc/s/secret");
    EXPECT_EQ(config->events.sinks[0].kafka->rdkafka.at("linger.ms"), "75");
    EXPECT_EQ(config->events.sinks[1].file->path, "/etc/s/events.ndjson");
    EXPECT_EQ(config->state_directory(), "/etc/s/spool");
    EXPECT_EQ(config->places.at("dataplane.flows_max").line, 5U);
}

struct Case {
    std::string_view name;
    std::string_view from;
    std::string_view to;
    std::vector<std::string> expected;
};

void PrintTo(const Case& given, std::ostream* out) {
    *out << given.name;
}

class OneProblem : public testing::TestWithParam<Case> {};

TEST_P(OneProblem, IsNamedWithItsPlace) {
    const Case& given = GetParam();
    EXPECT_EQ(problems_of(with(given.from, given.to)), given.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    OneProblem,
    testing::Values(
        Case{
            "unknown_key",
            "flows_max: 65536",
            "flow_max: 65536",
            {"/etc/s/s.yaml:5:3: dataplane.flow_max: unknown key, did you mean \"flows_max\"?"}},
        Case{
            "unknown_key_far",
            "socket: /run/s.sock",
            "zzz: 1",
            {"/etc/s/s.yaml:34:9: admin.zzz: unknown key, expected socket, listen"}},
        Case{
            "duplicate_key",
            "flows_max: 65536",
            "workers: 3",
            {"/etc/s/s.yaml:5:3: dataplane.workers: written twice, expected once"}},
        Case{
            "not_a_number",
            "flows_max: 65536",
            "flows_max: many",
            {"/etc/s/s.yaml:5:14: dataplane.flows_max: \"many\" is not a number, expected "
             "1024-268435456"}},
        Case{
            "number_outside",
            "block_size: 128",
            "block_size: 70000",
            {"/etc/s/s.yaml:15:90: egress.pools[0].block_size: \"70000\" is outside 1-64512"}},
        Case{
            "number_overflow",
            "block_size: 128",
            "block_size: 99999999999999999999999",
            {"/etc/s/s.yaml:15:90: egress.pools[0].block_size: \"99999999999999999999999\" is "
             "outside 1-64512"}},
        Case{
            "worker_without_block",
            "block_size: 128",
            "block_size: 40000",
            {"/etc/s/s.yaml:15:90: egress.pools[0].block_size: \"40000\" leaves some of 2 workers "
             "without a block, expected at most 32256",
             "/etc/s/s.yaml:16:76: egress.pools[1].block_size: \"128\" differs from 40000 of pool "
             "\"payments\", expected one size for all pools"}},
        Case{
            "workers_word",
            "workers: 2",
            "workers: all",
            {"/etc/s/s.yaml:3:12: dataplane.workers: \"all\" is not a number, expected auto or "
             "1-128"}},
        Case{
            "boolean",
            "addresses: [198.51.100.7], routed: true",
            "addresses: [192.0.2.40], routed: yes",
            {"/etc/s/s.yaml:16:56: egress.pools[1].routed: \"yes\" is neither, expected true or "
             "false"}},
        Case{
            "map_for_number",
            "flows_max: 65536",
            "flows_max: {}",
            {"/etc/s/s.yaml:5:14: dataplane.flows_max: a map stands here, expected a number"}},
        Case{
            "text_for_list",
            "[pods.json, /etc/pods]",
            "pods.json",
            {"/etc/s/s.yaml:21:20: workloads.files: a single value stands here, expected a list of "
             "texts"}},
        Case{
            "list_for_map",
            "policy: {paths: [policy.d], dns_deny: refused, deny_mode: silent}",
            "policy: [policy.d]",
            {"/etc/s/s.yaml:22:9: policy: a list stands here, expected a map"}},
        Case{
            "choice_near",
            "hugepages: \"off\"",
            "hugepages: requird",
            {"/etc/s/s.yaml:4:14: dataplane.hugepages: \"requird\" is no choice, expected auto, "
             "required, off (did you mean \"required\"?)"}},
        Case{
            "choice_later",
            "mode: endpoint-dependent",
            "mode: deterministic",
            {"/etc/s/s.yaml:15:58: egress.pools[0].mode: \"deterministic\" is not supported by "
             "this "
             "version, expected endpoint-dependent"}},
        Case{
            "duration_without_unit",
            "hold: 0s",
            "hold: 200",
            {"/etc/s/s.yaml:21:60: workloads.unknown.hold: \"200\" is not a duration, expected a "
             "number with ms, s, m, h or d, as 200ms"}},
        Case{
            "duration_outside",
            "hold: 0s",
            "hold: 1h",
            {"/etc/s/s.yaml:21:60: workloads.unknown.hold: \"1h\" is outside 0-10s"}},
        Case{
            "size",
            "size: 1GiB",
            "size: 1Gib",
            {"/etc/s/s.yaml:27:35: events.spool.size: \"1Gib\" is not a size, expected a number "
             "with KiB, MiB, GiB or TiB, as 64GiB"}},
        Case{
            "size_outside",
            "size: 1GiB",
            "size: 1KiB",
            {"/etc/s/s.yaml:27:35: events.spool.size: \"1KiB\" is outside 1MiB-1024TiB"}},
        Case{
            "address",
            "next_hops: [192.0.2.1,",
            "next_hops: [192.0.2.256,",
            {"/etc/s/s.yaml:12:19: dataplane.ports[1].next_hops[0]: \"192.0.2.256\" is not an "
             "address, expected one as 192.0.2.1 or 2001:db8::1"}},
        Case{
            "prefix",
            "addresses: [10.1.0.1/24,",
            "addresses: [10.1.0.1/33,",
            {"/etc/s/s.yaml:7:85: dataplane.ports[0].addresses[0]: \"10.1.0.1/33\" is not an "
             "address with a length, expected one as 192.0.2.1/24 or 2001:db8::1/64"}},
        Case{
            "name",
            "name: egress-a",
            "name: 'egress a'",
            {"/etc/s/s.yaml:1:17: gateway.name: \"egress a\" is no name, expected letters, digits, "
             "'-', '_' and '.', not beginning with '-' or '.'"}},
        Case{
            "text_length",
            "name: egress-a",
            "name: ''",
            {"/etc/s/s.yaml:1:17: gateway.name: \"\" has 0 characters, expected 1-63"}},
        Case{
            "control_characters",
            "category: malware",
            "category: \"a\\tb\"",
            {"/etc/s/s.yaml:24:62: feeds[0].category: \"a?b\" holds control characters"}},
        Case{
            "missing_key",
            "role: inside, ",
            "",
            {"/etc/s/s.yaml:7:7: dataplane.ports[0].role: missing, expected inside, outside"}},
        Case{
            "broker",
            "kafka-1:9093",
            "kafka-1",
            {"/etc/s/s.yaml:30:25: events.sinks[0].kafka.brokers[0]: \"kafka-1\" is no broker, "
             "expected host:port"}},
        Case{
            "list_empty",
            "[\"kafka-1:9093\", \"[::1]:9092\"]",
            "[]",
            {"/etc/s/s.yaml:30:24: events.sinks[0].kafka.brokers: 0 entries are outside 1-256"}},
        Case{
            "two_sinks_in_one",
            "- file: {path: events.ndjson}",
            "- {file: {path: a}, kafka: {brokers: ['a:1']}}",
            {"/etc/s/s.yaml:33:7: events.sinks[1]: 2 keys stand here, expected exactly one of "
             "kafka, file, syslog"}}
    ),
    [](const auto& given) { return std::string(given.param.name); }
);

INSTANTIATE_TEST_SUITE_P(
    Later,
    OneProblem,
    testing::Values(
        Case{
            "kubernetes",
            "workloads: {files: [pods.json, /etc/pods], ",
            "workloads: {kubernetes: {in-cluster: {}}, ",
            {"/etc/s/s.yaml:21:13: workloads.kubernetes: not supported by this version"}},
        Case{
            "listen",
            "admin: {socket: /run/s.sock}",
            "admin: {listen: '127.0.0.1:9470'}",
            {"/etc/s/s.yaml:34:9: admin.listen: not supported by this version"}},
        Case{
            "syslog",
            "- file: {path: events.ndjson}",
            "- syslog: {address: 'siem.example:6514'}",
            {"/etc/s/s.yaml:33:7: events.sinks[1].syslog: not supported by this version"}},
        Case{
            "tunnels",
            "role: inside, ",
            "role: inside, tunnels: [{vxlan: {vni: 1}}], ",
            {"/etc/s/s.yaml:7:73: dataplane.ports[0].tunnels: not supported by this version"}},
        Case{
            "firewall",
            "admin: {socket: /run/s.sock}",
            "firewall: {lists: {}}",
            {"/etc/s/s.yaml:34:1: firewall: not supported by this version"}},
        Case{
            "http_feed_without_its_key",
            "file:///srv/web.csv",
            "https://u:p@feeds.example/web?auth-key=s3cret",
            {"/etc/s/s.yaml:25:22: feeds[1].url: \"https://...\" is not supported by this version, "
             "expected file:///path"}},
        Case{
            "feed_interval",
            "format: csv, ",
            "every: 1h, ",
            {"/etc/s/s.yaml:25:45: feeds[1].every: not supported by this version"}},
        Case{
            "encoding",
            "file: {path: events.ndjson}",
            "file: {path: events.ndjson, encoding: cef}",
            {"/etc/s/s.yaml:33:45: events.sinks[1].file.encoding: \"cef\" is not supported by this "
             "version, expected ecs, flat"}}
    ),
    [](const auto& given) { return std::string(given.param.name); }
);

INSTANTIATE_TEST_SUITE_P(
    Contradictions,
    OneProblem,
    testing::Values(
        Case{
            "port_name_twice",
            "- name: outside",
            "- name: inside",
            {"/etc/s/s.yaml:8:13: dataplane.ports[1].name: \"inside\" is taken by "
             "dataplane.ports[0], expected another name"}},
        Case{
            "device_twice",
            "\"0000:3b:00.0\"",
            "\"net_af_packet0,iface=eth1\"",
            {"/etc/s/s.yaml:9:15: dataplane.ports[1].device: \"net_af_packet0,iface=eth1\" is "
             "taken "
             "by dataplane.ports[0], expected another device"}},
        Case{
            "role_missing",
            "role: outside",
            "role: inside",
            {"/etc/s/s.yaml:6:3: dataplane.ports: no port has the role outside, expected at least "
             "one inside and one outside",
             "/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"192.0.2.16/30\" is in the "
             "network of port \"outside\", which looks inside"}},
        Case{
            "next_hop_off_link",
            "next_hops: [192.0.2.1,",
            "next_hops: [192.0.3.1,",
            {"/etc/s/s.yaml:12:19: dataplane.ports[1].next_hops[0]: \"192.0.3.1\" is not on the "
             "link, expected an address in one of the networks of dataplane.ports[1].addresses"}},
        Case{
            "next_hop_ourselves",
            "next_hops: [192.0.2.1,",
            "next_hops: [192.0.2.2,",
            {"/etc/s/s.yaml:12:19: dataplane.ports[1].next_hops[0]: \"192.0.2.2\" is the port's "
             "own "
             "address, expected a router's"}},
        Case{
            "next_hop_twice",
            "next_hops: [192.0.2.1, \"2001:db8::1\"]",
            "next_hops: [192.0.2.1, 192.0.2.3]",
            {"/etc/s/s.yaml:12:30: dataplane.ports[1].next_hops[1]: \"192.0.2.3\" is a second of "
             "its family, expected one"}},
        Case{
            "port_address_impossible",
            "addresses: [10.1.0.1/24,",
            "addresses: [127.0.0.1/8,",
            {"/etc/s/s.yaml:7:85: dataplane.ports[0].addresses[0]: \"127.0.0.1/8\" cannot be the "
             "address of a port"}},
        Case{
            "links_overlap",
            "addresses: [10.1.0.1/24,",
            "addresses: [192.0.2.130/25,",
            {"/etc/s/s.yaml:11:19: dataplane.ports[1].addresses[0]: \"192.0.2.2/24\" overlaps "
             "192.0.2.130/25 of port \"inside\", expected another network on each port"}},
        Case{
            "pool_is_port_address",
            "192.0.2.16/30",
            "192.0.2.0/30",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"192.0.2.0/30\" holds 192.0.2.2, "
             "the address of port \"outside\", expected addresses of the pool's own"}},
        Case{
            "pool_is_next_hop",
            "192.0.2.16/30",
            "192.0.2.1",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"192.0.2.1/32\" holds 192.0.2.1, "
             "a "
             "next hop of port \"outside\""}},
        Case{
            "pool_is_broadcast",
            "192.0.2.16/30",
            "192.0.2.252/30",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"192.0.2.252/30\" holds the "
             "network or broadcast address of 192.0.2.0/24 on port \"outside\""}},
        Case{
            "pool_outside_link",
            "192.0.2.16/30",
            "203.0.113.16/30",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"203.0.113.16/30\" is outside "
             "the "
             "networks of every outside port, expected addresses in one of them, or `routed: true` "
             "when the network routes them here"}},
        Case{
            "pool_host_bits",
            "192.0.2.16/30",
            "192.0.2.17/30",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"192.0.2.17/30\" has bits set "
             "after its length, expected 192.0.2.16/30"}},
        Case{
            "pool_ipv6",
            "192.0.2.16/30",
            "'2001:db8::10'",
            {"/etc/s/s.yaml:15:36: egress.pools[0].addresses[0]: \"2001:db8::10/128\" is IPv6, "
             "which is not supported by this version, expected IPv4 (see egress.ipv6)"}},
        Case{
            "pools_overlap",
            "[198.51.100.7], routed: true",
            "[192.0.2.18]",
            {"/etc/s/s.yaml:16:35: egress.pools[1].addresses[0]: \"192.0.2.18/32\" overlaps "
             "192.0.2.16/30 of pool \"payments\""}},
        Case{
            "pool_name_twice",
            "- {name: default,",
            "- {name: payments,",
            {"/etc/s/s.yaml:16:14: egress.pools[1].name: \"payments\" is taken by egress.pools[0], "
             "expected another name",
             "/etc/s/s.yaml:19:31: egress.assignments[1].pool: \"default\" is no pool, expected "
             "one "
             "of egress.pools"}},
        Case{
            "assignment_to_unknown_pool",
            "pool: payments}",
            "pool: payment}",
            {"/etc/s/s.yaml:18:55: egress.assignments[0].pool: \"payment\" is no pool, did you "
             "mean "
             "\"payments\"?"}},
        Case{
            "assignment_of_nothing",
            "{selector: all(), pool: default}",
            "{pool: default}",
            {"/etc/s/s.yaml:19:7: egress.assignments[1]: selects nothing, expected selector or "
             "namespaceSelector (selector: all() for everything)"}},
        Case{
            "block_sizes",
            "routed: true, block_size: 128",
            "routed: true, block_size: 64",
            {"/etc/s/s.yaml:16:76: egress.pools[1].block_size: \"64\" differs from 128 of pool "
             "\"payments\", expected one size for all pools"}},
        Case{
            "hold_of_a_later_version",
            "hold: 0s",
            "hold: 200ms",
            {"/etc/s/s.yaml:21:60: workloads.unknown.hold: \"200ms\" needs a later version, which "
             "can "
             "hold a packet until its workload is known; expected 0"}},
        Case{
            "no_workloads",
            "files: [pods.json, /etc/pods], ",
            "",
            {"/etc/s/s.yaml:21:1: workloads.files: missing, expected files that tell which pod has "
             "which address"}},
        Case{
            "feed_name_twice",
            "name: web",
            "name: bad",
            {"/etc/s/s.yaml:25:12: feeds[1].name: \"bad\" is taken by feeds[0], expected another "
             "name"}},
        Case{
            "feed_without_file",
            "path: feeds/bad.txt, ",
            "",
            {"/etc/s/s.yaml:24:5: feeds[0].path: missing, expected a file or directory with the "
             "feed"}},
        Case{
            "feed_with_two",
            "name: web, ",
            "name: web, path: x, ",
            {"/etc/s/s.yaml:25:31: feeds[1].url: path is written too, expected one of path and "
             "url"}},
        Case{
            "delimiter",
            "delimiter: tab",
            "delimiter: ';;'",
            {"/etc/s/s.yaml:25:87: feeds[1].csv.delimiter: \";;\" is no delimiter, expected one "
             "character or tab"}},
        Case{
            "never_block",
            "dns_deny: refused",
            "never_block: [10.0.0.0/8, kube.example, 'a b']",
            {"/etc/s/s.yaml:22:69: policy.never_block[2]: \"a b\" is neither an address, a prefix "
             "nor a "
             "name"}},
        Case{
            "password_nowhere",
            ", password_file: secret",
            "",
            {"/etc/s/s.yaml:31:15: events.sinks[0].kafka.sasl: no places for the password, "
             "expected "
             "one of password_file and password_env"}},
        Case{
            "certificate_without_key",
            "tls: {}",
            "tls: {cert: a.pem}",
            {"/etc/s/s.yaml:30:79: events.sinks[0].kafka.tls: cert and key belong "
             "together, expected both or none"}},
        Case{
            "secret_in_rdkafka",
            "linger.ms: \"75\"",
            "sasl.password: hunter2",
            {"/etc/s/s.yaml:32:25: events.sinks[0].kafka.rdkafka.sasl.password: a secret does not "
             "belong in this file, expected the sasl and tls keys with files"}},
        Case{
            "sink_name_twice",
            "- file: {path: events.ndjson}",
            "- file: {path: events.ndjson, name: kafka}",
            {"/etc/s/s.yaml:33:41: events.sinks[1].file.name: \"kafka\" is taken by "
             "events.sinks[0].kafka, expected another name"}}
    ),
    [](const auto& given) { return std::string(given.param.name); }
);

TEST(LoadConfig, SecretsAreNeverShown) {
    for (const std::string& problem :
         problems_of(with("password_file: secret", "password_file: \"hunter2\\x01\""))) {
        EXPECT_EQ(problem.find("hunter2"), std::string::npos) << problem;
    }
}

TEST(LoadConfig, AllProblemsInOneRunOrderedByPlace) {
    std::string text = with("flows_max: 65536", "flow_max: 65536");
    text.replace(text.find("size: 1GiB"), 10, "size: 1xyz");
    text.replace(text.find("pool: payments}"), 15, "pool: payment}");
    const std::vector<std::string> problems = problems_of(text);
    ASSERT_EQ(problems.size(), 3U);
    EXPECT_NE(problems[0].find(":5:3: dataplane.flow_max"), std::string::npos);
    EXPECT_NE(problems[1].find(":18:55: egress.assignments[0].pool"), std::string::npos);
    EXPECT_NE(problems[2].find(":27:35: events.spool.size"), std::string::npos);
}

TEST(LoadConfig, ReplayNeedsNoPortsPoolsOrSinks) {
    EXPECT_EQ(problems_of("gateway: {name: a}", Purpose::replay), std::vector<std::string>{});
    EXPECT_EQ(problems_of("gateway: {name: a}").size(), 3U);
}

TEST(LoadConfig, WhatIsNoConfigurationAtAll) {
    EXPECT_EQ(
        problems_of(""),
        std::vector<std::string>{"/etc/s/s.yaml: the file is empty, expected a configuration"}
    );
    EXPECT_EQ(
        problems_of("gateway: [a\nb: c"),
        std::vector<std::string>{"/etc/s/s.yaml:2:2: not YAML: end of sequence flow not found"}
    );
    EXPECT_EQ(
        problems_of("- a"),
        std::vector<std::string>{"/etc/s/s.yaml:1:1: a list stands here, expected a map"}
    );
    EXPECT_EQ(
        problems_of(std::string(kConfigBytesMax + 1, '#')),
        std::vector<std::string>{"/etc/s/s.yaml: is larger than 1MiB, expected a configuration"}
    );
    std::string two(kGood);
    EXPECT_EQ(
        problems_of(two + "---\na: b\n"),
        std::vector<std::string>{"/etc/s/s.yaml:35:1: a second document begins here, expected one"}
    );
}

TEST(LoadConfig, StrayCharactersEnd) {
    for (const auto* text : {",", "gateway: {name: a}\n,", "%", "@", "a: b\n...\n,"}) {
        EXPECT_FALSE(problems_of(text).empty()) << text;
    }
}

TEST(LoadConfig, TruncatedAtEveryByteNeverThrows) {
    for (std::size_t size = 0; size < kGood.size(); ++size) {
        Problems problems;
        const auto config = parse_config(kGood.substr(0, size), "s.yaml", Purpose::run, problems);
        EXPECT_EQ(config.has_value(), problems.empty()) << size;
    }
}

TEST(LoadConfig, FilesThatCannotBeRead) {
    Problems problems;
    EXPECT_FALSE(load_config("/nonexistent/s.yaml", Purpose::run, problems));
    EXPECT_FALSE(load_config("/", Purpose::run, problems));
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_EQ(
        problems[0].text(), "/nonexistent/s.yaml: cannot be opened: No such file or directory"
    );
    EXPECT_EQ(problems[1].text(), "/: is a directory, expected a file");
}

TEST(LoadConfig, ProblemAtAKeyNotWrittenPointsAtItsSection) {
    Problems problems;
    const auto config = parse_config(kGood, "s.yaml", Purpose::run, problems);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->problem_at("feeds[0].format", "x").text(), "s.yaml:24:5: feeds[0].format: x");
    EXPECT_EQ(config->problem_at("nowhere", "x").text(), "s.yaml: nowhere: x");
}

}  // namespace
}  // namespace sallyport::config
