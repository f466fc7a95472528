// SPDX-License-Identifier: Apache-2.0
// The whole configuration as plain values. Defaults stand here; names, ranges and help stand in
// config_table.h, which binds each key to its field. Filled by load_config() on the control side,
// never changed afterwards, read by any thread.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/indicator.h"
#include "gateway/model/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::config {

/// A number of bytes; written with a unit (`64GiB`), a bare number is bytes.
struct ByteSize {
    std::uint64_t bytes = 0;
    friend bool operator==(const ByteSize&, const ByteSize&) noexcept = default;
};

struct GatewaySection {
    std::string name = "sallyport";  ///< observer.name, first part of every event id
    std::string cluster;             ///< orchestrator.cluster.name; "" leaves the field out
    std::string state;  ///< directory of compiled databases; "" is the spool's directory
};

enum class HugepagesMode : std::uint8_t { automatic, required, off };
enum class PortRole : std::uint8_t { none, inside, outside };

struct PortConfig {
    std::string name;
    std::string device;  ///< any DPDK device: PCI address or virtual device with its arguments
    PortRole role = PortRole::none;
    std::vector<IpPrefix> addresses;   ///< own addresses with the length of the on-link network
    std::vector<IpAddress> next_hops;  ///< at most one a family; on-link
    std::uint32_t mtu = 1500;          ///< bytes of an IP packet
};

struct DataplaneSection {
    std::optional<std::uint32_t> workers;  ///< empty: auto, one a usable core less the control core
    HugepagesMode hugepages = HugepagesMode::automatic;
    ByteSize memory{512ULL << 20U};  ///< given to DPDK when hugepages are not used
    std::uint32_t flows_max = 1U << 20U;
    std::chrono::milliseconds idle_sleep{0};  ///< 0: workers poll without pause
    std::vector<std::string> eal_args;        ///< appended to the arguments given to DPDK
    std::vector<PortConfig> ports;
};

enum class PoolMode : std::uint8_t { endpoint_dependent };

struct PoolConfig {
    std::string name;
    std::vector<IpPrefix> addresses;
    PoolMode mode = PoolMode::endpoint_dependent;
    std::uint32_t block_size = 64;  ///< ports in a block
    bool routed = false;  ///< the network routes the addresses here; they need not be on-link
};

/// A row of egress.assignments: first match wins. Both selectors given: both must match.
struct AssignmentConfig {
    std::string selector;
    std::string namespace_selector;
    std::string pool;
};

enum class Ipv6Egress : std::uint8_t { deny, route };

struct EgressSection {
    std::vector<PoolConfig> pools;
    std::vector<AssignmentConfig> assignments;
    Ipv6Egress ipv6 = Ipv6Egress::deny;
};

enum class UnknownAction : std::uint8_t { deny, allow };

struct UnknownWorkloads {
    /// How long a first packet may wait for its workload's name. Anything but 0 is refused: this
    /// version judges it at once.
    std::chrono::milliseconds hold{0};
    UnknownAction then = UnknownAction::deny;
};

struct WorkloadsSection {
    std::vector<std::string> files;  ///< files and directories
    UnknownWorkloads unknown;
};

enum class DnsDeny : std::uint8_t { nxdomain, refused };
enum class DenyAnswer : std::uint8_t { reject, silent };

struct PolicySection {
    std::vector<std::string> paths;  ///< files and directories
    DnsDeny dns_deny = DnsDeny::nxdomain;
    /// TCP reset and ICMP prohibited, or nothing at all.
    DenyAnswer deny_mode = DenyAnswer::reject;
    std::vector<std::string> never_block;  ///< addresses, prefixes and names no feed may deny
};

/// Which header of a CSV feed holds what; "" leaves it to the format.
struct CsvColumns {
    std::string value;
    std::string type;
    std::string port;
    std::string delimiter;  ///< one character, or "tab"
};

struct FeedConfig {
    std::string name;
    std::string path;  ///< after a `file://` url was turned into one
    std::string url;   ///< as written; only file:// in this version
    std::string format = "auto";
    FeedAction action = FeedAction::alert;
    std::string category;
    std::uint32_t confidence = 50;  ///< 0..100
    bool names_exact = false;       ///< a plain domain does not cover what is below it
    bool allow_public_suffixes = false;
    std::uint32_t bad_lines_percent = 1;
    CsvColumns csv;
};

enum class SpoolFull : std::uint8_t { drop_oldest, drop_newest };

struct SpoolSection {
    std::string directory = "/var/lib/sallyport/spool";
    ByteSize size{64ULL << 30U};
    SpoolFull full = SpoolFull::drop_oldest;
};

enum class Encoding : std::uint8_t { ecs, flat };

struct KafkaTopics {
    std::string prefix = "egress";  ///< topic is `<prefix>.<class>.v1`
};

struct KafkaTls {
    std::string ca;  ///< files in PEM
    std::string cert;
    std::string key;
    std::string key_password_file;
    bool verify_host = true;
};

struct KafkaSasl {
    std::string mechanism;
    std::string username;
    std::string password_file;
    std::string password_env;
};

struct KafkaSinkConfig {
    std::string name = "kafka";  ///< of the sink's cursor
    std::vector<std::string> brokers;
    KafkaTopics topics;
    Encoding encoding = Encoding::ecs;
    std::optional<KafkaTls> tls;  ///< present means on
    std::optional<KafkaSasl> sasl;
    std::map<std::string, std::string> rdkafka;  ///< librdkafka properties, passed on as they are
};

struct FileSinkConfig {
    std::string name = "file";
    std::string path;  ///< "-" is standard output
    Encoding encoding = Encoding::ecs;
};

/// Exactly one is set.
struct SinkConfig {
    std::optional<KafkaSinkConfig> kafka;
    std::optional<FileSinkConfig> file;
};

struct EventsSection {
    SpoolSection spool;
    std::vector<SinkConfig> sinks;
    std::chrono::milliseconds flow_update{0};  ///< interval of flow-update events; 0 is off
};

struct AdminSection {
    std::string socket = "/run/sallyport/admin.sock";
};

/// Where a key was written: line and column from 1.
struct Place {
    std::size_t line = 0;
    std::size_t column = 0;
};

struct Config {
    GatewaySection gateway;
    DataplaneSection dataplane;
    EgressSection egress;
    WorkloadsSection workloads;
    PolicySection policy;
    std::vector<FeedConfig> feeds;
    EventsSection events;
    AdminSection admin;

    std::string path;                     ///< file it was read from
    std::map<std::string, Place> places;  ///< by key path, `egress.pools[0].name`

    /// A problem at a key's place; at the nearest enclosing key's when the key itself was not
    /// written.
    [[nodiscard]] Problem problem_at(const std::string& key_path, const std::string& message) const;
    /// gateway.state, or the spool's directory when it is not set.
    [[nodiscard]] const std::string& state_directory() const noexcept;
};

}  // namespace sallyport::config
