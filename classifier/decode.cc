// SPDX-License-Identifier: Apache-2.0
#include "classifier/decode.h"

namespace sallyport::classifier {
namespace {

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr std::uint16_t kEtherArp = 0x0806;
constexpr std::uint16_t kEtherVlan = 0x8100;
constexpr std::uint16_t kEtherQinq = 0x88A8;  // IEEE 802.1ad
constexpr std::size_t kVlanTagsMax = 2;
constexpr std::size_t kExtensionHeadersMax = 8;  // failures-and-attacks E2
constexpr std::size_t kExtensionBytesMax = 256;  // failures-and-attacks E2
constexpr std::uint8_t kIpv6HopByHop = 0;
constexpr std::uint8_t kIpv6Routing = 43;
constexpr std::uint8_t kIpv6Fragment = 44;
constexpr std::uint8_t kIpv6DestinationOptions = 60;
constexpr std::uint8_t kOptionLooseSourceRoute = 131;
constexpr std::uint8_t kOptionStrictSourceRoute = 137;

using Frame = std::span<const std::uint8_t>;

Headers refuse(Headers headers, DropReason reason) noexcept {
    headers.kind = FrameKind::none;
    headers.drop = reason;
    return headers;
}

// Offset and EtherType of what follows the link layer; false when the frame is too short for it.
bool strip_ethernet(Frame frame, Headers& out, std::uint16_t& ether_type) noexcept {
    std::size_t at = 12;
    if (frame.size() < 14) {
        return false;
    }
    ether_type = load_be16(frame.data() + at);
    for (std::size_t tags = 0;
         tags < kVlanTagsMax && (ether_type == kEtherVlan || ether_type == kEtherQinq);
         ++tags) {
        if (frame.size() < at + 6) {
            return false;
        }
        if (tags == 0) {
            out.vlan = load_be16(frame.data() + at + 2) & 0x0FFFU;
        }
        at += 4;
        ether_type = load_be16(frame.data() + at);
    }
    out.l3 = static_cast<std::uint16_t>(at + 2);
    return true;
}

std::uint16_t type_of_ip(Frame frame) noexcept {
    if (frame.empty()) {
        return 0;
    }
    const unsigned version = frame[0] >> 4U;
    return version == 4 ? kEtherIpv4 : version == 6 ? kEtherIpv6 : std::uint16_t{0};
}

bool strip_link(Frame frame, LinkType link, Headers& out, std::uint16_t& ether_type) noexcept {
    switch (link) {
        case LinkType::ethernet:
            return strip_ethernet(frame, out, ether_type);
        case LinkType::raw_ip:
            ether_type = type_of_ip(frame);
            return true;
        case LinkType::linux_cooked_v1:  // LINKTYPE_LINUX_SLL: protocol in bytes 14-15
            if (frame.size() < 16) {
                return false;
            }
            ether_type = load_be16(frame.data() + 14);
            out.l3 = 16;
            return true;
        case LinkType::linux_cooked_v2:  // LINKTYPE_LINUX_SLL2: protocol in bytes 0-1
            if (frame.size() < 20) {
                return false;
            }
            ether_type = load_be16(frame.data());
            out.l3 = 20;
            return true;
        case LinkType::bsd_null:  // LINKTYPE_NULL: address family in the capturing host's order
            if (frame.size() < 4) {
                return false;
            }
            ether_type = type_of_ip(frame.subspan(4));
            out.l3 = 4;
            return true;
    }
    return false;
}

Headers decode_tcp(Frame frame, Headers out, std::size_t segment) noexcept {
    const std::uint8_t* l4 = frame.data() + out.l4;
    if (segment < 20) {
        return refuse(out, DropReason::malformed_transport);
    }
    const std::size_t header = static_cast<std::size_t>(l4[12] >> 4U) * 4;
    out.tcp_flags = l4[13];
    // SYN with FIN opens nothing legal and is an evasion (failures-and-attacks E7).
    if (header < 20 || header > segment ||
        (out.tcp_flags & (kTcpSyn | kTcpFin)) == (kTcpSyn | kTcpFin)) {
        return refuse(out, DropReason::malformed_transport);
    }
    out.source_port = load16(l4);
    out.destination_port = load16(l4 + 2);
    out.payload = static_cast<std::uint16_t>(out.l4 + header);
    out.payload_size = static_cast<std::uint16_t>(segment - header);
    out.kind = FrameKind::flow;
    return out;
}

Headers decode_udp(Frame frame, Headers out, std::size_t segment) noexcept {
    const std::uint8_t* l4 = frame.data() + out.l4;
    if (segment < 8) {
        return refuse(out, DropReason::malformed_transport);
    }
    const std::uint16_t size = load_be16(l4 + 4);
    if (size < 8 || size > segment) {
        return refuse(out, DropReason::malformed_transport);
    }
    out.source_port = load16(l4);
    out.destination_port = load16(l4 + 2);
    out.payload = static_cast<std::uint16_t>(out.l4 + 8);
    out.payload_size = static_cast<std::uint16_t>(size - 8);
    out.kind = FrameKind::flow;
    return out;
}

// RFC 792 and RFC 4443: which types quote a packet.
bool quotes_a_packet(const Headers& headers) noexcept {
    if (headers.family == IpFamily::v4) {
        return headers.icmp_type == 3 || headers.icmp_type == 11 || headers.icmp_type == 12;
    }
    return headers.icmp_type >= 1 && headers.icmp_type <= 4;
}

Headers decode_icmp(Frame frame, Headers out, std::size_t segment) noexcept {
    const std::uint8_t* l4 = frame.data() + out.l4;
    if (segment < 8) {
        return refuse(out, DropReason::malformed_transport);
    }
    out.icmp_type = l4[0];
    out.icmp_code = l4[1];
    const bool v4 = out.family == IpFamily::v4;
    const std::uint8_t request = v4 ? 8 : 128;
    const std::uint8_t reply = v4 ? 0 : 129;
    out.payload = static_cast<std::uint16_t>(out.l4 + 8);
    out.payload_size = static_cast<std::uint16_t>(segment - 8);
    if (out.icmp_type == request || out.icmp_type == reply) {
        out.icmp_reply = out.icmp_type == reply;
        out.source_port = load16(l4 + 4);  // the identifier
        out.kind = FrameKind::flow;
        return out;
    }
    if (!v4 && out.icmp_type >= 133 && out.icmp_type <= 137) {
        out.kind = FrameKind::neighbour;
        return out;
    }
    if (quotes_a_packet(out)) {
        out.kind = FrameKind::icmp_error;
        return out;
    }
    return refuse(out, DropReason::unsupported_protocol);
}

Headers decode_transport(Frame frame, Headers out, std::size_t segment) noexcept {
    switch (out.protocol) {
        case kProtocolTcp:
            return decode_tcp(frame, out, segment);
        case kProtocolUdp:
            return decode_udp(frame, out, segment);
        case kProtocolIcmp:
            return out.family == IpFamily::v4 ? decode_icmp(frame, out, segment)
                                              : refuse(out, DropReason::unsupported_protocol);
        case kProtocolIcmp6:
            return out.family == IpFamily::v6 ? decode_icmp(frame, out, segment)
                                              : refuse(out, DropReason::unsupported_protocol);
        default:
            return refuse(out, DropReason::unsupported_protocol);
    }
}

bool has_source_route(Frame options) noexcept {
    for (std::size_t i = 0; i < options.size();) {
        const std::uint8_t type = options[i];
        if (type == kOptionLooseSourceRoute || type == kOptionStrictSourceRoute) {
            return true;
        }
        if (type == 0) {
            return false;
        }
        const std::size_t step = type == 1 ? 1 : (i + 1 < options.size() ? options[i + 1] : 0);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return false;
}

Headers decode_ipv4(Frame frame, Headers out) noexcept {
    if (frame.size() < out.l3 + 20U) {
        return refuse(out, DropReason::malformed_ipv4);
    }
    const std::uint8_t* ip = frame.data() + out.l3;
    const std::size_t header = std::size_t{ip[0] & 0x0FU} * 4;
    const std::size_t total = load_be16(ip + 2);
    out.family = IpFamily::v4;
    out.protocol = ip[9];
    out.hop_limit = ip[8];
    if ((ip[0] >> 4U) != 4 || header < 20 || total < header || total > frame.size() - out.l3) {
        return refuse(out, DropReason::malformed_ipv4);
    }
    out.ip_size = static_cast<std::uint16_t>(total);
    out.dont_fragment = (ip[6] & 0x40U) != 0;
    if (header > 20 && has_source_route({ip + 20, header - 20})) {
        return refuse(out, DropReason::ipv4_source_route);
    }
    if ((load_be16(ip + 6) & 0x3FFFU) != 0) {
        return refuse(out, DropReason::fragment);
    }
    out.l4 = static_cast<std::uint16_t>(out.l3 + header);
    return decode_transport(frame, out, total - header);
}

bool is_extension(std::uint8_t next) noexcept {
    return next == kIpv6HopByHop || next == kIpv6Routing || next == kIpv6DestinationOptions;
}

Headers decode_ipv6(Frame frame, Headers out) noexcept {
    if (frame.size() < out.l3 + 40U) {
        return refuse(out, DropReason::malformed_ipv6);
    }
    const std::uint8_t* ip = frame.data() + out.l3;
    const std::size_t total = load_be16(ip + 4) + 40U;
    out.family = IpFamily::v6;
    out.hop_limit = ip[7];
    if ((ip[0] >> 4U) != 6 || total > frame.size() - out.l3 || total > kFrameBytesMax) {
        return refuse(out, DropReason::malformed_ipv6);
    }
    out.ip_size = static_cast<std::uint16_t>(total);
    std::uint8_t next = ip[6];
    std::size_t at = 40;
    for (std::size_t count = 0; is_extension(next) || next == kIpv6Fragment; ++count) {
        if (at + 8 > total) {
            return refuse(out, DropReason::malformed_ipv6);
        }
        // An atomic fragment (offset 0, no more) is a whole packet: RFC 6946.
        if (next == kIpv6Fragment && (load_be16(ip + at + 2) & 0xFFF9U) != 0) {
            return refuse(out, DropReason::fragment);
        }
        // What names further hops would take the packet elsewhere than where it was judged to go.
        if (next == kIpv6Routing && ip[at + 3] != 0) {
            return refuse(out, DropReason::ipv6_source_route);
        }
        const std::size_t step = next == kIpv6Fragment ? 8 : (ip[at + 1] + std::size_t{1}) * 8;
        next = ip[at];
        at += step;
        if (count >= kExtensionHeadersMax || at - 40 > kExtensionBytesMax) {
            return refuse(out, DropReason::ipv6_extension_limit);
        }
        if (at > total) {
            return refuse(out, DropReason::malformed_ipv6);
        }
    }
    out.protocol = next;
    out.l4 = static_cast<std::uint16_t>(out.l3 + at);
    return decode_transport(frame, out, total - at);
}

}  // namespace

Headers decode(std::span<const std::uint8_t> frame, LinkType link) noexcept {
    Headers out;
    if (frame.size() > kFrameBytesMax) {
        return refuse(out, DropReason::oversize);
    }
    std::uint16_t ether_type = 0;
    if (!strip_link(frame, link, out, ether_type)) {
        return refuse(out, DropReason::malformed_ethernet);
    }
    switch (ether_type) {
        case kEtherIpv4:
            return decode_ipv4(frame, out);
        case kEtherIpv6:
            return decode_ipv6(frame, out);
        case kEtherArp:
            if (frame.size() < out.l3 + 28U) {
                return refuse(out, DropReason::malformed_ethernet);
            }
            out.kind = FrameKind::neighbour;
            return out;
        default:
            return refuse(out, DropReason::unsupported_ethertype);
    }
}

}  // namespace sallyport::classifier
