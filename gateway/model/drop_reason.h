// SPDX-License-Identifier: Apache-2.0
// Every packet that is not transmitted leaves by exactly one of these doors. One row a reason: the
// name is the metric label, the text is what an operator should conclude (`sallyport reference
// drops`).
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport {

#define SALLYPORT_DROP_REASONS(X)                                                                 \
    X(none, "not dropped")                                                                        \
    X(consumed,                                                                                   \
      "ours: ARP, neighbour discovery, ping to the gateway, or answered in place; no loss")       \
    X(malformed_ethernet, "frame shorter than its Ethernet or VLAN header")                       \
    X(unsupported_ethertype,                                                                      \
      "neither IPv4, IPv6 nor ARP (LLDP, STP, MPLS...): normal on a switch port")                 \
    X(malformed_ipv4,                                                                             \
      "IPv4 header truncated, wrong version, or lengths that contradict each other")              \
    X(malformed_ipv6, "IPv6 header truncated or lengths that contradict each other")              \
    X(ipv4_source_route, "IPv4 source-route option: never forwarded (RFC 7126)")                  \
    X(ipv6_extension_limit, "more IPv6 extension headers than are walked (8 headers, 256 bytes)") \
    X(malformed_transport,                                                                        \
      "TCP, UDP or ICMP header truncated or with impossible lengths or flags")                    \
    X(fragment, "IP fragment: fragments are not reassembled by this version")                     \
    X(unsupported_protocol, "a transport other than TCP, UDP and ICMP echo")                      \
    X(not_for_us, "Ethernet destination is another station's address")                            \
    X(martian_source,                                                                             \
      "source address that cannot be a workload: loopback, multicast, unspecified, our own")      \
    X(martian_destination,                                                                        \
      "destination that is never forwarded: multicast, broadcast, loopback, link-local, ours")    \
    X(hop_limit, "TTL or hop limit reached; the sender was told with ICMP time exceeded")         \
    X(unknown_workload,                                                                           \
      "no workload owns the source address and `workloads.unknown.then` is deny")                 \
    X(ambiguous_workload,                                                                         \
      "several running workloads claim the source address: a wrong name is worse than none")      \
    X(policy_denied, "denied by a policy rule or a policy's default")                             \
    X(feed_denied, "destination is on a threat feed whose action is deny")                        \
    X(match_error, "a pattern matcher failed and the exception rule denies")                      \
    X(dns_denied, "DNS query for a denied name; the client was answered")                         \
    X(no_egress_pool,                                                                             \
      "no `egress.assignments` row gives this workload a pool for this address family")           \
    X(nat_ports_exhausted,                                                                        \
      "the workload's egress address has no port left for this destination: add addresses or "    \
      "lower the load")                                                                           \
    X(nat_blocks_exhausted, "no free port block in the pool: add addresses")                      \
    X(flow_table_full, "no room in the flow table: raise `dataplane.flows_max`")                  \
    X(midstream, "TCP packet of no known flow that is not a SYN; the client was reset")           \
    X(no_flow,                                                                                    \
      "packet from outside that belongs to no flow: scans and late packets, silent by design")    \
    X(icmp_error_unmatched, "ICMP error that quotes no flow of ours")                             \
    X(neighbour_unresolved, "next hop did not answer ARP or neighbour discovery in time")         \
    X(no_next_hop,                                                                                \
      "the outside port has neither the destination on-link nor a next hop of its family")        \
    X(transmit_full, "the device's transmit queue was full: the port is slower than the load")    \
    X(handover_full, "ring to the worker that owns the flow was full")                            \
    X(oversize,                                                                                   \
      "packet larger than the MTU of the port it would leave by, or than a packet buffer; with "  \
      "DF set, and in IPv6, the sender was told what fits")                                       \
    X(ipv6_source_route, "IPv6 routing header with segments left: never forwarded (RFC 5095)")    \
    X(peer_table_full,                                                                            \
      "no room for another station that packets from inside come from (4096 a worker): many "     \
      "nodes, or forged link addresses")

enum class DropReason : std::uint8_t {
#define X(name, help) name,
    SALLYPORT_DROP_REASONS(X)
#undef X
        count_
};

inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::count_);

std::string_view name_of(DropReason reason) noexcept;
std::string_view help_of(DropReason reason) noexcept;

}  // namespace sallyport
