// SPDX-License-Identifier: Apache-2.0
// Frame to headers: link layer, IPv4 or IPv6, TCP, UDP or ICMP. Every offset in Headers has been
// checked against the bytes that are there; whoever uses them needs no further length check.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/drop_reason.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sallyport::classifier {

/// What the first byte of a frame is. Ports carry Ethernet; captures bring the others.
enum class LinkType : std::uint8_t { ethernet, raw_ip, linux_cooked_v1, linux_cooked_v2, bsd_null };

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpAck = 0x10;

/// Longest frame that is looked at; offsets are 16 bits. Longer ones (BIG TCP) are `oversize`.
inline constexpr std::size_t kFrameBytesMax = 65535;

/// What a frame is, beyond its headers.
enum class FrameKind : std::uint8_t {
    none,        ///< not to be forwarded: see Headers::drop
    flow,        ///< TCP, UDP or ICMP echo: has a 5-tuple
    icmp_error,  ///< ICMP or ICMPv6 error that quotes a packet
    neighbour,   ///< ARP, or ICMPv6 neighbour discovery
};

struct Headers {
    DropReason drop = DropReason::none;  ///< set when kind is none
    FrameKind kind = FrameKind::none;
    IpFamily family = IpFamily::none;
    std::uint8_t protocol = 0;
    std::uint8_t tcp_flags = 0;
    std::uint8_t hop_limit = 0;
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint16_t vlan = 0;  ///< outermost VLAN id (0 also for priority tags)
    std::uint16_t l3 = 0;    ///< offset of the IP (or ARP) header in the frame
    std::uint16_t l4 = 0;
    std::uint16_t payload = 0;           ///< offset of the transport payload
    std::uint16_t payload_size = 0;      ///< by the IP header, never past the frame
    std::uint16_t ip_size = 0;           ///< IPv4 total length, or IPv6 payload length + 40
    std::uint16_t source_port = 0;       ///< raw network order; ICMP echo: identifier
    std::uint16_t destination_port = 0;  ///< raw network order; ICMP echo: 0
    bool icmp_reply = false;             ///< echo reply (against request)
    bool dont_fragment = false;
};

/// Decodes one frame. noexcept, reads only inside `frame`; any thread.
[[nodiscard]] Headers decode(std::span<const std::uint8_t> frame, LinkType link) noexcept;

inline std::uint16_t load16(const std::uint8_t* p) noexcept {
    std::uint16_t v = 0;
    std::memcpy(&v, p, 2);
    return v;
}
inline std::uint32_t load32(const std::uint8_t* p) noexcept {
    std::uint32_t v = 0;
    std::memcpy(&v, p, 4);
    return v;
}
inline std::uint16_t load_be16(const std::uint8_t* p) noexcept {
    return __builtin_bswap16(load16(p));
}

/// The common case in one word: untagged Ethernet, IPv4 without options, unfragmented TCP or UDP,
/// at least 54 bytes. Its headers stand at fixed offsets, so this is all a settled flow's packet
/// needs besides its key: total length in bits 0-15, TCP flags in 16-23, TTL in 24-31. 0 for
/// anything else, which decode() judges.
using PlainBrief = std::uint32_t;
inline constexpr std::size_t kPlainL3 = 14;
inline constexpr std::size_t kPlainL4 = 34;

[[nodiscard]] inline PlainBrief plain_ipv4_brief(
    const std::uint8_t* frame, std::size_t size
) noexcept {
    if (size < kPlainL4 + 20 || size > kFrameBytesMax) {
        return 0;
    }
    std::uint64_t head =
        0;  // EtherType, version and header length, TOS, total length, identification
    std::uint64_t tail = 0;  // fragment, TTL, protocol, checksum, half of the source
    std::memcpy(&head, frame + 12, 8);
    std::memcpy(&tail, frame + 20, 8);
    // Any fragment bit or offset: the mask leaves out DF and the reserved bit.
    if ((head & 0xFFFFFFU) != 0x450008U || (tail & 0xFF3FU) != 0) {
        return 0;
    }
    const std::uint32_t total = __builtin_bswap16(static_cast<std::uint16_t>(head >> 32U));
    const auto protocol = static_cast<std::uint8_t>(tail >> 24U);
    const auto hop_limit = static_cast<std::uint8_t>(tail >> 16U);
    if (total > size - kPlainL3) {
        return 0;
    }
    const std::uint8_t* l4 = frame + kPlainL4;
    if (protocol == kProtocolUdp) {
        const std::uint32_t udp_size = load_be16(l4 + 4);
        if (udp_size < 8 || udp_size + 20 != total) {
            return 0;
        }
        return total | static_cast<std::uint32_t>(hop_limit) << 24U;
    }
    const std::uint32_t header = static_cast<std::uint32_t>(l4[12] >> 4U) * 4;
    const std::uint8_t tcp_flags = l4[13];
    // SYN with FIN is refused by decode(), with its reason.
    if (protocol != kProtocolTcp || header < 20 || total < 20 + header ||
        (tcp_flags & (kTcpSyn | kTcpFin)) == (kTcpSyn | kTcpFin)) {
        return 0;
    }
    return total | static_cast<std::uint32_t>(tcp_flags) << 16U |
           static_cast<std::uint32_t>(hop_limit) << 24U;
}

/// The headers of a frame that plain_ipv4_brief() took, as decode() would give them.
[[nodiscard]] inline Headers headers_of_plain(
    const std::uint8_t* frame, PlainBrief brief
) noexcept {
    const std::uint8_t* l4 = frame + kPlainL4;
    Headers out;
    out.kind = FrameKind::flow;
    out.family = IpFamily::v4;
    out.protocol = frame[23];
    out.tcp_flags = static_cast<std::uint8_t>(brief >> 16U);
    out.hop_limit = static_cast<std::uint8_t>(brief >> 24U);
    out.ip_size = static_cast<std::uint16_t>(brief);
    const std::size_t header =
        out.protocol == kProtocolTcp ? static_cast<std::size_t>(l4[12] >> 4U) * 4 : 8;
    out.l3 = kPlainL3;
    out.l4 = kPlainL4;
    out.payload = static_cast<std::uint16_t>(kPlainL4 + header);
    out.payload_size = static_cast<std::uint16_t>(out.ip_size - 20 - header);
    out.source_port = load16(l4);
    out.destination_port = load16(l4 + 2);
    out.dont_fragment = (frame[20] & 0x40U) != 0;
    return out;
}

}  // namespace sallyport::classifier
