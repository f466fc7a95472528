// SPDX-License-Identifier: Apache-2.0
// A flow's identity: the 5-tuple plus a tunnel key, one type a family so that IPv4 pays nothing for
// IPv6.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace sallyport {

/// Which side of the gateway a packet came from.
enum class Direction : std::uint8_t {
    outbound = 0,  ///< workload to destination, key holds the workload's own (private) addresses
    inbound = 1,   ///< destination to workload, key holds the translated (public) ones
};

/// IPv4 key, 16 bytes, no padding: hashed and compared as bytes. Fields are in network order and
/// always written from the workload's point of view: `inside` is the pod (outbound) or the egress
/// address (inbound), `outside` the destination; so a packet and its reply give the same outside
/// half. ICMP echo: the identifier is `inside_port`, `outside_port` is 0.
struct FlowKey4 {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t direction = 0;  ///< Direction; private and public tuples never collide
    std::uint16_t tunnel = 0;    ///< 0: no tunnel (tunnels are a later capability)
    /// As two words: member by member it is six comparisons and branches, on every packet.
    friend bool operator==(const FlowKey4& a, const FlowKey4& b) noexcept {
        std::array<std::uint64_t, 2> x{};
        std::array<std::uint64_t, 2> y{};
        std::memcpy(x.data(), &a, sizeof x);
        std::memcpy(y.data(), &b, sizeof y);
        return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
    }
};
static_assert(sizeof(FlowKey4) == 16 && std::has_unique_object_representations_v<FlowKey4>);

struct FlowKey6 {
    std::array<std::uint64_t, 2> inside{};
    std::array<std::uint64_t, 2> outside{};
    std::uint16_t inside_port = 0;
    std::uint16_t outside_port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t direction = 0;
    std::uint16_t tunnel = 0;
    friend bool operator==(const FlowKey6&, const FlowKey6&) noexcept = default;
};
static_assert(sizeof(FlowKey6) == 40 && std::has_unique_object_representations_v<FlowKey6>);

}  // namespace sallyport
