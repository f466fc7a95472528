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

/// The common case, inlined into the pipeline's decode pass: untagged Ethernet, IPv4 without
/// options, unfragmented TCP or UDP. Anything else goes through decode(); a test compares the two.
[[nodiscard]] inline bool decode_plain_ipv4(
    const std::uint8_t* frame, std::size_t size, Headers& out
) noexcept {
    constexpr std::size_t kL3 = 14;
    constexpr std::size_t kL4 = 34;
    if (size < kL4 + 20 || size > kFrameBytesMax || load16(frame + 12) != 0x0008 ||
        frame[kL3] != 0x45) {
        return false;
    }
    const std::uint8_t* ip = frame + kL3;
    const std::uint16_t total = load_be16(ip + 2);
    // Any fragment bit or offset: the mask leaves out DF and the reserved bit.
    if (total > size - kL3 || (load16(ip + 6) & 0xFF3FU) != 0) {
        return false;
    }
    const std::uint8_t protocol = ip[9];
    const std::uint8_t* l4 = frame + kL4;
    std::size_t header = 8;
    if (protocol == kProtocolTcp) {
        header = static_cast<std::size_t>(l4[12] >> 4U) * 4;
        out.tcp_flags = l4[13];
        // SYN with FIN is refused by decode(), with its reason.
        if (header < 20 || (out.tcp_flags & (kTcpSyn | kTcpFin)) == (kTcpSyn | kTcpFin)) {
            return false;
        }
    } else if (protocol == kProtocolUdp) {
        out.tcp_flags = 0;
        const std::uint16_t udp_size = load_be16(l4 + 4);
        if (udp_size < 8 || udp_size != total - 20) {
            return false;
        }
    } else {
        return false;
    }
    if (total < 20 + header) {
        return false;
    }
    out.drop = DropReason::none;
    out.kind = FrameKind::flow;
    out.family = IpFamily::v4;
    out.protocol = protocol;
    out.hop_limit = ip[8];
    out.vlan = 0;
    out.l3 = kL3;
    out.l4 = kL4;
    out.payload = static_cast<std::uint16_t>(kL4 + header);
    out.payload_size = static_cast<std::uint16_t>(total - 20 - header);
    out.ip_size = total;
    out.source_port = load16(l4);
    out.destination_port = load16(l4 + 2);
    out.dont_fragment = (ip[6] & 0x40U) != 0;
    return true;
}

}  // namespace sallyport::classifier
