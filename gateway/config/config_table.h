// SPDX-License-Identifier: Apache-2.0
// Every key of the configuration: name, field, help, range. To add a key, add a field to config.h
// and a row here; `sallyport reference config` and all error messages come from these rows.
// Defaults are the fields' own initialisers.
#pragma once

#include "gateway/config/config.h"
#include "gateway/config/config_row.h"

#include <array>
#include <string_view>

namespace sallyport::config {

// In the order of the enumerators in config.h.
inline constexpr std::array<std::string_view, 3> kHugepagesChoices{"auto", "required", "off"};
inline constexpr std::array<std::string_view, 3> kRoleChoices{"", "inside", "outside"};
inline constexpr std::array<std::string_view, 1> kPoolModeChoices{"endpoint-dependent"};
inline constexpr std::array<std::string_view, 2> kPoolModeLater{
    "endpoint-independent", "deterministic"};
inline constexpr std::array<std::string_view, 2> kIpv6Choices{"deny", "route"};
inline constexpr std::array<std::string_view, 2> kUnknownChoices{"deny", "allow"};
inline constexpr std::array<std::string_view, 2> kDnsDenyChoices{"nxdomain", "refused"};
inline constexpr std::array<std::string_view, 2> kDenyModeChoices{"reject", "silent"};
inline constexpr std::array<std::string_view, 3> kActionChoices{"alert", "deny", "allow"};
inline constexpr std::array<std::string_view, 2> kSpoolFullChoices{"drop-oldest", "drop-newest"};
inline constexpr std::array<std::string_view, 2> kEncodingChoices{"ecs", "flat"};
inline constexpr std::array<std::string_view, 4> kEncodingLater{"ocsf", "cef", "leef", "eve"};

inline constexpr Range kNameRange{1, 63};  // as a DNS label: names appear in ids and file names
inline constexpr Range kSomeText{1, 4096};
inline constexpr Range kListRange{1, 4096};
inline constexpr Range kAnyListRange{0, 4096};

inline constexpr std::array kGatewayRows{
    Row{"name",
        field<&GatewaySection::name>(),
        "Name of this gateway: observer.name and the first part of every event id.",
        false,
        kNameRange,
        {},
        Text::name},
    Row{"cluster",
        field<&GatewaySection::cluster>(),
        "Name of the Kubernetes cluster it guards: orchestrator.cluster.name.",
        false,
        {0, 253}},
    Row{"state",
        field<&GatewaySection::state>(),
        "Directory for compiled threat databases; empty uses the spool's directory.",
        false,
        {0, 4096},
        {},
        Text::path},
};

inline constexpr std::array kPortRows{
    Row{"name",
        field<&PortConfig::name>(),
        "Name of the port in metrics, events and messages.",
        true,
        kNameRange,
        {},
        Text::name},
    Row{"device",
        field<&PortConfig::device>(),
        "DPDK device: a PCI address or a virtual device with its arguments.",
        true,
        kSomeText},
    Row{"role",
        choice<&PortConfig::role>(),
        "Which way it looks: to the nodes (inside) or to the world (outside).",
        true,
        {},
        kRoleChoices},
    Row{"addresses",
        field<&PortConfig::addresses>(),
        "The gateway's own addresses on this port, with the length of the network on the link.",
        true,
        {1, 64}},
    Row{"next_hops",
        field<&PortConfig::next_hops>(),
        "Routers for what is not on the link: one IPv4 and one IPv6 address.",
        false,
        {0, 2}},
    Row{"mtu",
        field<&PortConfig::mtu>(),
        "Largest IP packet sent from this port, in bytes.",
        false,
        {1280, 9216}},  // at least the IPv6 minimum, RFC 8200 section 5
    Row{"tunnels", LaterRef{}, "Tunnels that nodes reach the gateway through."},
};

inline constexpr std::array kDataplaneRows{
    Row{"workers",
        field<&DataplaneSection::workers>(),
        "Number of worker cores; auto takes every usable core but the one for control.",
        false,
        {1, 128}},
    Row{"hugepages",
        choice<&DataplaneSection::hugepages>(),
        "Whether packet memory comes from hugepages; auto uses them when there are any.",
        false,
        {},
        kHugepagesChoices},
    Row{"memory",
        field<&DataplaneSection::memory>(),
        "Memory given to DPDK when hugepages are not used.",
        false,
        {64ULL << 20U, 1ULL << 40U}},
    Row{"flows_max",
        field<&DataplaneSection::flows_max>(),
        "Room in the flow table, over all workers; allocated at start.",
        false,
        {1024, 1U << 28U}},
    Row{"idle_sleep",
        field<&DataplaneSection::idle_sleep>(),
        "How long a worker that has nothing to do rests; 0 polls without pause, for cores of its "
        "own.",
        false,
        {0, 1000}},
    Row{"eal_args",
        field<&DataplaneSection::eal_args>(),
        "Further arguments for DPDK's environment, appended as they are.",
        false,
        {0, 64}},
    Row{"ports",
        list<&DataplaneSection::ports>(kPortRows),
        "Network ports, at least one inside and one outside.",
        false,
        {2, 16}},  // kPortsMax of gateway/dataplane/pipeline.h
};

inline constexpr std::array kPoolRows{
    Row{"name",
        field<&PoolConfig::name>(),
        "Name of the pool, used by assignments.",
        true,
        kNameRange,
        {},
        Text::name},
    Row{"addresses",
        field<&PoolConfig::addresses>(),
        "Egress addresses or prefixes that workloads are translated to.",
        true,
        {1, 1024}},
    Row{"mode",
        choice<&PoolConfig::mode>(),
        "How ports are mapped: endpoint-dependent reuses a port for other destinations.",
        false,
        {},
        kPoolModeChoices,
        Text::plain,
        kPoolModeLater},
    Row{"block_size",
        field<&PoolConfig::block_size>(),
        "Ports in a block; a workload takes more blocks as it needs them.",
        false,
        {1, 64512}},  // the ports 1024 to 65535
    Row{"routed",
        field<&PoolConfig::routed>(),
        "The network routes these addresses to the gateway, so they need not be on a port's link."},
};

inline constexpr std::array kAssignmentRows{
    Row{"selector",
        field<&AssignmentConfig::selector>(),
        "Calico selector on the pod's labels, as all() or app == 'api'.",
        false,
        kSomeText},
    Row{"namespaceSelector",
        field<&AssignmentConfig::namespace_selector>(),
        "Calico selector on the labels of the pod's namespace.",
        false,
        kSomeText},
    Row{"pool",
        field<&AssignmentConfig::pool>(),
        "Name of the pool such workloads leave by.",
        true,
        kNameRange,
        {},
        Text::name},
};

inline constexpr std::array kEgressRows{
    Row{"pools",
        list<&EgressSection::pools>(kPoolRows),
        "Pools of egress addresses.",
        false,
        kAnyListRange},
    Row{"assignments",
        list<&EgressSection::assignments>(kAssignmentRows),
        "Which workloads use which pool: the first row that matches.",
        false,
        kAnyListRange},
    Row{"ipv6",
        choice<&EgressSection::ipv6>(),
        "IPv6 from workloads: denied, or routed with its own source address.",
        false,
        {},
        kIpv6Choices},
};

inline constexpr std::array kUnknownRows{
    Row{"hold",
        field<&UnknownWorkloads::hold>(),
        "How long a first packet may wait for its workload to become known; this version takes 0.",
        false,
        {0, 10'000}},
    Row{"then",
        choice<&UnknownWorkloads::then>(),
        "What is done with packets of no known workload.",
        false,
        {},
        kUnknownChoices},
};

inline constexpr std::array kWorkloadsRows{
    Row{"kubernetes", LaterRef{}, "List and watch a cluster's API server."},
    Row{"files",
        field<&WorkloadsSection::files>(),
        "Files or directories with the output of kubectl get pods,namespaces,... -A -o json|yaml.",
        false,
        kListRange,
        {},
        Text::path},
    Row{"unknown",
        section<&WorkloadsSection::unknown>(kUnknownRows),
        "Packets whose source address belongs to no known workload."},
};

inline constexpr std::array kPolicyRows{
    Row{"paths",
        field<&PolicySection::paths>(),
        "Files or directories with projectcalico.org/v3 policy objects.",
        false,
        kAnyListRange,
        {},
        Text::path},
    Row{"dns_deny",
        choice<&PolicySection::dns_deny>(),
        "Answer to a DNS query for a denied name.",
        false,
        {},
        kDnsDenyChoices},
    Row{"never_block",
        field<&PolicySection::never_block>(),
        "Addresses, prefixes and names that no feed may deny; the gateway's own are always among "
        "them.",
        false,
        kAnyListRange},
    Row{"deny_mode",
        choice<&PolicySection::deny_mode>(),
        "Whether a denied sender is told (TCP reset, ICMP prohibited) or met with silence.",
        false,
        {},
        kDenyModeChoices},
};

inline constexpr std::array kCsvRows{
    Row{"value",
        field<&CsvColumns::value>(),
        "Header of the column that holds the indicator.",
        false,
        kSomeText},
    Row{"type",
        field<&CsvColumns::type>(),
        "Header of the column that says what it is.",
        false,
        kSomeText},
    Row{"port",
        field<&CsvColumns::port>(),
        "Header of the column with a destination port.",
        false,
        kSomeText},
    Row{"delimiter",
        field<&CsvColumns::delimiter>(),
        "Character between fields, or the word tab.",
        false,
        {1, 3}},
};

inline constexpr std::array kFeedRows{
    Row{"name",
        field<&FeedConfig::name>(),
        "Name of the feed in events and messages.",
        true,
        kNameRange,
        {},
        Text::name},
    Row{"path",
        field<&FeedConfig::path>(),
        "File or directory the feed is read from.",
        false,
        kSomeText,
        {},
        Text::path},
    Row{"url", field<&FeedConfig::url>(), "The same as a file:// address.", false, kSomeText},
    Row{"every", LaterRef{}, "How often the feed is fetched again."},
    Row{"format",
        field<&FeedConfig::format>(),
        "Format of the file: auto looks at it, others are listed by `feeds check --help`.",
        false,
        kSomeText},
    Row{"action",
        choice<&FeedConfig::action>(),
        "What a match asks for; allow makes it an allow list.",
        false,
        {},
        kActionChoices},
    Row{"category",
        field<&FeedConfig::category>(),
        "Kind of threat, as malware or phishing.",
        false,
        {0, 63}},
    Row{"confidence",
        field<&FeedConfig::confidence>(),
        "How far the feed is trusted, in percent.",
        false,
        {0, 100}},
    Row{"names_exact",
        field<&FeedConfig::names_exact>(),
        "A plain domain means only itself, not what is below it."},
    Row{"allow_public_suffixes",
        field<&FeedConfig::allow_public_suffixes>(),
        "A feed that denies may hold top-level domains and public suffixes."},
    Row{"bad_lines_percent",
        field<&FeedConfig::bad_lines_percent>(),
        "More lines without meaning than this refuse the whole feed.",
        false,
        {0, 100}},
    Row{"csv", section<&FeedConfig::csv>(kCsvRows), "Columns of a CSV feed, by their header."},
};

inline constexpr std::array kSpoolRows{
    Row{"directory",
        field<&SpoolSection::directory>(),
        "Where events are kept until every sink has them.",
        false,
        kSomeText,
        {},
        Text::path},
    Row{"size",
        field<&SpoolSection::size>(),
        "Most room the spool takes.",
        false,
        {1ULL << 20U, 1ULL << 50U}},
    Row{"full",
        choice<&SpoolSection::full>(),
        "What is given up when the spool is full; the loss is counted and announced.",
        false,
        {},
        kSpoolFullChoices},
};

inline constexpr std::array kTopicsRows{
    Row{"prefix",
        field<&KafkaTopics::prefix>(),
        "First part of the topic names: <prefix>.<class>.v1.",
        false,
        {1, 200},
        {},
        Text::name},
};

inline constexpr std::array kTlsRows{
    Row{"ca",
        field<&KafkaTls::ca>(),
        "Certificates the brokers' own must be signed by; empty trusts the system's.",
        false,
        kSomeText,
        {},
        Text::path},
    Row{"cert", field<&KafkaTls::cert>(), "Our certificate.", false, kSomeText, {}, Text::path},
    Row{"key",
        field<&KafkaTls::key>(),
        "The key of our certificate.",
        false,
        kSomeText,
        {},
        Text::path},
    Row{"key_password_file",
        field<&KafkaTls::key_password_file>(),
        "File with the password of the key.",
        false,
        kSomeText,
        {},
        Text::secret},
    Row{"verify_host",
        field<&KafkaTls::verify_host>(),
        "Check that a broker's certificate carries its name."},
};

inline constexpr std::array kSaslRows{
    Row{"mechanism",
        field<&KafkaSasl::mechanism>(),
        "How we prove who we are: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
        true,
        kSomeText},
    Row{"username",
        field<&KafkaSasl::username>(),
        "Name we are known by to the brokers.",
        true,
        kSomeText},
    Row{"password_file",
        field<&KafkaSasl::password_file>(),
        "File with the password.",
        false,
        kSomeText,
        {},
        Text::secret},
    Row{"password_env",
        field<&KafkaSasl::password_env>(),
        "Environment variable with the password.",
        false,
        kSomeText,
        {},
        Text::secret},
};

inline constexpr std::array kKafkaRows{
    Row{"name",
        field<&KafkaSinkConfig::name>(),
        "Name of the sink and of its cursor.",
        false,
        kNameRange,
        {},
        Text::name},
    Row{"brokers",
        field<&KafkaSinkConfig::brokers>(),
        "Brokers to begin with, as host:port.",
        true,
        {1, 256},
        {},
        Text::broker},
    Row{"topics", section<&KafkaSinkConfig::topics>(kTopicsRows), "Names of the topics."},
    Row{"encoding",
        choice<&KafkaSinkConfig::encoding>(),
        "Form of the documents.",
        false,
        {},
        kEncodingChoices,
        Text::plain,
        kEncodingLater},
    Row{"tls",
        section<&KafkaSinkConfig::tls>(kTlsRows),
        "Encrypt the connection; present means on, even when empty."},
    Row{"sasl", section<&KafkaSinkConfig::sasl>(kSaslRows), "Authenticate to the brokers."},
    Row{"rdkafka",
        field<&KafkaSinkConfig::rdkafka>(),
        "Properties of librdkafka, passed on as they are."},
};

inline constexpr std::array kFileSinkRows{
    Row{"name",
        field<&FileSinkConfig::name>(),
        "Name of the sink and of its cursor.",
        false,
        kNameRange,
        {},
        Text::name},
    Row{"path",
        field<&FileSinkConfig::path>(),
        "File that documents are appended to, one a line.",
        true,
        kSomeText,
        {},
        Text::path},
    Row{"encoding",
        choice<&FileSinkConfig::encoding>(),
        "Form of the documents.",
        false,
        {},
        kEncodingChoices,
        Text::plain,
        kEncodingLater},
};

inline constexpr std::array kSinkRows{
    Row{"kafka", section<&SinkConfig::kafka>(kKafkaRows), "Apache Kafka."},
    Row{"file", section<&SinkConfig::file>(kFileSinkRows), "A file of JSON lines."},
    Row{"syslog", LaterRef{}, "A syslog server."},
};

inline constexpr std::array kEventsRows{
    Row{"spool",
        section<&EventsSection::spool>(kSpoolRows),
        "The log on local disk that every event enters first."},
    Row{"sinks",
        list<&EventsSection::sinks>(kSinkRows, true),
        "Who gets the events, each at its own pace.",
        false,
        {1, 64}},
    Row{"flow_update",
        field<&EventsSection::flow_update>(),
        "How often a long flow is reported while it lasts; 0 is never.",
        false,
        {0, 86'400'000}},
};

inline constexpr std::array kAdminRows{
    Row{"socket",
        field<&AdminSection::socket>(),
        "UNIX socket that status, reload and observe ask.",
        false,
        {1, 107},  // sun_path less its NUL, unix(7)
        {},
        Text::path},
    Row{"listen", LaterRef{}, "TCP address of the admin API."},
};

/// The top of the file.
inline constexpr std::array kConfigRows{
    Row{"gateway", section<&Config::gateway>(kGatewayRows), "Who this gateway is."},
    Row{"dataplane", section<&Config::dataplane>(kDataplaneRows), "Ports, cores and memory."},
    Row{"egress", section<&Config::egress>(kEgressRows), "Addresses that workloads leave by."},
    Row{"workloads", section<&Config::workloads>(kWorkloadsRows), "Where pods are known from."},
    Row{"policy", section<&Config::policy>(kPolicyRows), "Rules, and how a denial looks."},
    Row{"feeds", list<&Config::feeds>(kFeedRows), "Threat feeds.", false, kAnyListRange},
    Row{"events", section<&Config::events>(kEventsRows), "Where events go."},
    Row{"firewall", LaterRef{}, "Block lists for firewalls."},
    Row{"admin", section<&Config::admin>(kAdminRows), "The admin API."},
};

}  // namespace sallyport::config
