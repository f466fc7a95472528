// SPDX-License-Identifier: Apache-2.0
// Calico's policy objects as values: what the text says, not yet what it means for a workload.
// Read by read_policies(), checked by policy_check.h, compiled by compiler.h.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/result.h"
#include "gateway/policy/selector.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

// Bounds of the CRDs (calico.md section 6).
inline constexpr std::size_t kRulesMax = 1024;
inline constexpr std::size_t kNetsMax = 256;
inline constexpr std::size_t kPortsMax = 50;
/// Our own: CE gives none. ClusterNetworkPolicy allows 25 a peer and 25 peers.
inline constexpr std::size_t kDomainsMax = 1024;
/// Entries of one network set: a million addresses are a feed, not a set.
inline constexpr std::size_t kSetEntriesMax = 200'000;

/// Where something was written.
struct SourcePlace {
    std::string path;
    std::size_t line = 0;
    std::size_t column = 0;
    [[nodiscard]] std::string text() const { return path + ':' + std::to_string(line); }
    [[nodiscard]] Problem problem(std::string message) const {
        return {path, line, column, std::move(message)};
    }
};

enum class RuleAction : std::uint8_t { allow, deny, log, pass };
std::string_view name_of(RuleAction action) noexcept;  ///< "allow", "deny", "log", "pass"

struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;  ///< inclusive
    friend bool operator==(const PortRange&, const PortRange&) = default;
};

struct IcmpMatch {
    std::optional<std::uint8_t> type;
    std::optional<std::uint8_t> code;
};

/// `source` or `destination` of a rule. Absent and empty selectors are nullopt, as in Calico.
struct RuleEntity {
    std::optional<Selector> selector;
    std::optional<Selector> not_selector;
    std::optional<Selector> namespace_selector;
    std::vector<std::string> service_accounts;  ///< `serviceAccounts.names`
    std::vector<IpPrefix> nets;
    std::vector<IpPrefix> not_nets;
    std::vector<PortRange> ports;
    std::vector<PortRange> not_ports;
    bool has_ports = false;            ///< `ports` has entries, named ones included
    std::vector<std::string> domains;  ///< destination only; results of parse_domain_pattern
    /// Any criterion that only known endpoints and sets can meet.
    [[nodiscard]] bool selects() const {
        return selector || namespace_selector || !service_accounts.empty();
    }
};

struct EgressRule {
    RuleAction action = RuleAction::allow;
    std::uint8_t protocol = 0;      ///< 0: any
    std::uint8_t not_protocol = 0;  ///< 0: none excluded
    IpFamily family = IpFamily::none;
    std::optional<IcmpMatch> icmp;
    std::optional<IcmpMatch> not_icmp;
    RuleEntity source;
    RuleEntity destination;
    std::string name;  ///< metadata.annotations.name
    SourcePlace place;
};

struct GlobalNetworkPolicy {
    std::string name;
    std::string tier = "default";
    double order = std::numeric_limits<double>::infinity();
    Selector selector;
    std::optional<Selector> namespace_selector;
    bool egress = false;  ///< `types`, given or by default, has Egress
    std::vector<EgressRule> rules;
    SourcePlace place;
};

struct GlobalNetworkSet {
    std::string name;
    Labels labels;
    std::vector<IpPrefix> nets;
    std::vector<std::string> domains;
    SourcePlace place;
};

struct Tier {
    std::string name;
    double order = std::numeric_limits<double>::infinity();
    bool pass_at_end = false;  ///< defaultAction: Pass
    SourcePlace place;
};

struct PolicyObjects {
    std::vector<Tier> tiers;
    std::vector<GlobalNetworkPolicy> policies;
    std::vector<GlobalNetworkSet> sets;
};

struct PolicyReading {
    PolicyObjects objects;
    Problems problems;  ///< any of these refuses the whole set
    Problems notes;     ///< true, but worth knowing: ignored ingress, rules that never match
    std::size_t file_count = 0;
};

/// Reads files and directories, then checks everything against everything (policy_check.h).
/// Never throws. Control side, blocking.
PolicyReading read_policies(const std::vector<std::string>& paths);

/// Adds the objects of one text without the checks across objects.
void read_policy_text(std::string_view text, const std::string& path, PolicyReading& out);

}  // namespace sallyport::policy
