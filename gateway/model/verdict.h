// SPDX-License-Identifier: Apache-2.0
// What is done with a flow, by which rule, and why: closed lists, spelled as in events and metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// `undecided` passes only as far as needed to learn the name a rule asks for.
enum class Verdict : std::uint8_t { undecided = 0, allow = 1, deny = 2 };

/// How a denied sender is told (ECS sallyport.deny_mode).
enum class DenyMode : std::uint8_t {
    none = 0,
    silent = 1,      ///< dropped without a word
    reset = 2,       ///< TCP RST to the client (and to the server, if it has seen the connection)
    reject = 3,      ///< ICMP administratively prohibited, 3/13 (RFC 5508 REQ-8)
    dns_answer = 4,  ///< the query was answered NXDOMAIN or REFUSED by us
};

// Name, help. The name with '_' as '-' is `event.reason` / `sallyport.reason`.
#define SALLYPORT_VERDICT_REASONS(X)                                                              \
    X(none, "no verdict yet")                                                                     \
    X(policy_allow, "a rule of a policy allowed the flow")                                        \
    X(policy_deny, "a rule of a policy denied the flow")                                          \
    X(policy_default_allow, "no policy selects the workload, so its namespace profile allows it") \
    X(policy_default_deny, "a policy selects the workload and none of its rules matched")         \
    X(feed_match, "the destination is on a threat feed whose action is deny")                     \
    X(feed_allow, "the destination is on a feed whose action is allow")                           \
    X(unknown_workload, "no workload owns the source address")                                    \
    X(ambiguous_workload, "more than one running workload claims the source address")             \
    X(no_egress_pool, "no assignment gives the workload an egress address")                       \
    X(ports_exhausted, "the workload has no egress port left for this destination")               \
    X(flow_table_full, "the flow table has no room for a new flow")                               \
    X(match_error,                                                                                \
      "a pattern matcher failed; treated as the exception rule says, never as no match")

enum class VerdictReason : std::uint8_t {
#define X(name, help) name,
    SALLYPORT_VERDICT_REASONS(X)
#undef X
        count_
};

/// Where the destination's name was seen.
enum class NameSource : std::uint8_t { none = 0, sni = 1, http_host = 2, dns = 3, quic_sni = 4 };

/// Protocol recognised in the first payload bytes.
enum class AppProtocol : std::uint8_t { none = 0, dns = 1, tls = 2, http = 3, quic = 4, ssh = 5 };

/// How the workload of a flow was found.
enum class AttributionStatus : std::uint8_t { known = 0, unknown = 1, ambiguous = 2, node = 3 };

constexpr std::string_view name_of(Verdict v) noexcept {
    constexpr std::array<std::string_view, 3> kNames{"undecided", "allow", "deny"};
    return kNames[static_cast<std::size_t>(v) % kNames.size()];
}
constexpr std::string_view name_of(DenyMode m) noexcept {
    constexpr std::array<std::string_view, 5> kNames{
        "none", "silent", "reset", "reject", "dns_answer"};
    return kNames[static_cast<std::size_t>(m) % kNames.size()];
}
constexpr std::string_view name_of(NameSource s) noexcept {
    constexpr std::array<std::string_view, 5> kNames{"none", "sni", "http_host", "dns", "quic_sni"};
    return kNames[static_cast<std::size_t>(s) % kNames.size()];
}
constexpr std::string_view name_of(AppProtocol p) noexcept {
    constexpr std::array<std::string_view, 6> kNames{"none", "dns", "tls", "http", "quic", "ssh"};
    return kNames[static_cast<std::size_t>(p) % kNames.size()];
}
constexpr std::string_view name_of(AttributionStatus s) noexcept {
    constexpr std::array<std::string_view, 4> kNames{"known", "unknown", "ambiguous", "node"};
    return kNames[static_cast<std::size_t>(s) % kNames.size()];
}
/// As written in events: words joined by '-' ("policy-deny").
std::string_view name_of(VerdictReason reason) noexcept;
std::string_view help_of(VerdictReason reason) noexcept;

}  // namespace sallyport
