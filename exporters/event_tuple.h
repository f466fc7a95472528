// SPDX-License-Identifier: Apache-2.0
// The tuples of an event that Community IDs are made of.
#pragma once

#include "exporters/community_id.h"
#include "gateway/model/event.h"

namespace sallyport::exporters {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;
inline constexpr std::uint8_t kProtocolSctp = 132;

constexpr bool is_icmp(std::uint8_t protocol) noexcept {
    return protocol == kProtocolIcmp || protocol == kProtocolIcmp6;
}
constexpr bool has_ports(std::uint8_t protocol) noexcept {
    return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp;
}

/// As the workload and its network see the flow.
inline FlowTuple tuple_before_nat(const Event& event) noexcept {
    const bool icmp = is_icmp(event.protocol);
    return {
        event.source,
        event.destination,
        event.protocol,
        icmp ? std::uint16_t{event.icmp_type} : event.source_port,
        icmp ? std::uint16_t{event.icmp_code} : event.destination_port};
}

/// As the world outside sees it. Without a translation both sides are the same flow only by
/// accident: the source is then an address of no family, and there is no id.
inline FlowTuple tuple_after_nat(const Event& event) noexcept {
    FlowTuple out = tuple_before_nat(event);
    out.source = event.nat;
    if (!is_icmp(event.protocol)) {
        out.source_port = event.nat_port;
    }
    return out;
}

}  // namespace sallyport::exporters
