// SPDX-License-Identifier: Apache-2.0
// Packets of our own: resets, ICMP errors, DNS refusals, echo replies. Each is written into the
// buffer of the packet it answers where possible, and never answers what must not be answered (RFC
// 1122 section 3.2.2).
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"

#include <cstring>

namespace sallyport::dataplane {

using classifier::Headers;
using classifier::kProtocolTcp;
using classifier::kTcpAck;
using classifier::kTcpFin;
using classifier::kTcpRst;
using classifier::kTcpSyn;

namespace {

constexpr std::uint8_t kOurHopLimit = 64;
// ICMP errors made a second and worker, and how many may go at once (RFC 1812 section 4.3.2.8).
constexpr std::uint64_t kIcmpPerSecond = 1000;
constexpr std::uint64_t kIcmpBurst = 200;
// As much of the packet as RFC 1812 section 4.3.2.3 lets an error quote.
constexpr std::size_t kIcmpErrorBytesMax = 576;
constexpr std::size_t kIcmp6ErrorBytesMax = 1280;

void store16(std::uint8_t* at, std::uint16_t host) noexcept {
    const std::uint16_t raw = byte_swap(host);
    std::memcpy(at, &raw, 2);
}

void store32(std::uint8_t* at, std::uint32_t host) noexcept {
    const std::uint32_t raw = byte_swap(host);
    std::memcpy(at, &raw, 4);
}

std::uint32_t read32(const std::uint8_t* at) noexcept {
    return byte_swap(classifier::load32(at));
}

// Sum over pseudo-header and segment (RFC 9293 section 3.1, RFC 8200 section 8.1).
std::uint64_t segment_sum(
    const std::uint8_t* ip, bool v4, std::uint8_t protocol, std::span<const std::uint8_t> segment
) noexcept {
    const std::uint64_t addresses = v4 ? raw_sum({ip + 12, 8}) : raw_sum({ip + 8, 32});
    const std::uint64_t rest =
        byte_swap(static_cast<std::uint16_t>(protocol)) +
        static_cast<std::uint64_t>(byte_swap(static_cast<std::uint16_t>(segment.size())));
    return addresses + rest + raw_sum(segment);
}

void write_ipv4(
    std::uint8_t* ip,
    std::uint32_t source,
    std::uint32_t destination,
    std::uint8_t protocol,
    std::size_t total
) noexcept {
    std::memset(ip, 0, 20);
    ip[0] = 0x45;
    store16(ip + 2, static_cast<std::uint16_t>(total));
    ip[6] = 0x40;  // DF: an atomic datagram needs no identification (RFC 6864)
    ip[8] = kOurHopLimit;
    ip[9] = protocol;
    std::memcpy(ip + 12, &source, 4);
    std::memcpy(ip + 16, &destination, 4);
    const std::uint16_t checksum = checksum_of(raw_sum({ip, 20}));
    std::memcpy(ip + 10, &checksum, 2);
}

void write_ipv6(
    std::uint8_t* ip,
    const std::uint8_t* source,
    const std::uint8_t* destination,
    std::uint8_t protocol,
    std::size_t payload
) noexcept {
    std::array<std::uint8_t, 16> from{};
    std::array<std::uint8_t, 16> to{};
    std::memcpy(from.data(), source, 16);
    std::memcpy(to.data(), destination, 16);
    std::memset(ip, 0, 8);
    ip[0] = 0x60;
    store16(ip + 4, static_cast<std::uint16_t>(payload));
    ip[6] = protocol;
    ip[7] = kOurHopLimit;
    std::memcpy(ip + 8, from.data(), 16);
    std::memcpy(ip + 24, to.data(), 16);
}

struct TcpReset {
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0;
};

void write_reset(
    std::uint8_t* tcp,
    std::uint16_t source_port_raw,
    std::uint16_t destination_port_raw,
    const TcpReset& reset
) noexcept {
    std::memset(tcp, 0, 20);
    std::memcpy(tcp, &source_port_raw, 2);
    std::memcpy(tcp + 2, &destination_port_raw, 2);
    store32(tcp + 4, reset.sequence);
    store32(tcp + 8, reset.acknowledgement);
    tcp[12] = 0x50;
    tcp[13] = reset.flags;
}

// What a closed port would answer to this segment (RFC 9293 section 3.10.7.1).
TcpReset reset_for(const std::uint8_t* tcp, const Headers& headers) noexcept {
    const std::uint32_t sequence = read32(tcp + 4);
    if ((headers.tcp_flags & kTcpAck) != 0) {
        return {read32(tcp + 8), 0, kTcpRst};
    }
    const std::uint32_t length = headers.payload_size +
                                 ((headers.tcp_flags & kTcpSyn) != 0 ? 1U : 0U) +
                                 ((headers.tcp_flags & kTcpFin) != 0 ? 1U : 0U);
    return {0, sequence + length, static_cast<std::uint8_t>(kTcpRst | kTcpAck)};
}

}  // namespace

// Link header back to whoever sent the packet; the frame then starts at `packet.data`.
void Pipeline::turn_around(Context& context, Packet& packet, const Headers& headers) noexcept {
    LinkHeader header;
    header.port = packet.port;
    const bool ethernet = packet.link == classifier::LinkType::ethernet && headers.l3 >= 14 &&
                          headers.l3 <= kLinkHeaderBytesMax;
    header.size = static_cast<std::uint8_t>(ethernet ? headers.l3 : 14);
    std::uint8_t* start = header.bytes.data() + header.bytes.size() - header.size;
    if (ethernet) {
        std::memcpy(start, packet.data + 6, 6);
        std::memcpy(start + 6, context.snapshot.ports[packet.port].link.data(), 6);
        std::memcpy(start + 12, packet.data + 12, headers.l3 - std::size_t{12});
    }
    put_link_header(packet, headers.l3, header);
}

void Pipeline::answer_reset(Context& context, Packet& packet, const Headers& headers) noexcept {
    if ((headers.tcp_flags & kTcpRst) != 0 || headers.protocol != kProtocolTcp) {
        io_.release(packet);
        return;
    }
    std::uint8_t* ip = packet.data + headers.l3;
    const TcpReset reset = reset_for(packet.data + headers.l4, headers);
    turn_around(context, packet, headers);
    const bool v4 = headers.family == IpFamily::v4;
    const std::size_t ip_bytes = v4 ? 20 : 40;
    std::uint8_t* tcp = ip + ip_bytes;
    if (v4) {
        write_ipv4(ip, classifier::load32(ip + 16), classifier::load32(ip + 12), kProtocolTcp, 40);
    } else {
        write_ipv6(ip, ip + 24, ip + 8, kProtocolTcp, 20);
    }
    write_reset(tcp, headers.destination_port, headers.source_port, reset);
    const std::uint16_t checksum = checksum_of(segment_sum(ip, v4, kProtocolTcp, {tcp, 20}));
    std::memcpy(tcp + 16, &checksum, 2);
    packet.size = static_cast<std::uint32_t>(tcp + 20 - packet.data);
    send_own(packet);
}

// The end that the packet was meant for has seen the connection: close its side too, as the sender
// would.
template <class Key>
void Pipeline::pass_reset(
    Context& context,
    const Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    Packet out = io_.allocate();
    if (out.buffer == nullptr) {
        return;
    }
    const bool v4 = std::is_same_v<Key, FlowKey4>;
    const std::size_t ip_bytes = v4 ? 20 : 40;
    std::uint8_t* ip = out.data + 14;
    std::memset(out.data, 0, 14);
    const std::uint8_t* ip_seen = packet.data + headers.l3;
    if (v4) {
        write_ipv4(
            ip, classifier::load32(ip_seen + 12), classifier::load32(ip_seen + 16), kProtocolTcp, 40
        );
    } else {
        write_ipv6(ip, ip_seen + 8, ip_seen + 24, kProtocolTcp, 20);
    }
    const std::uint8_t* tcp_seen = packet.data + headers.l4;
    std::uint8_t* tcp = ip + ip_bytes;
    write_reset(
        tcp,
        headers.source_port,
        headers.destination_port,
        {read32(tcp_seen + 4) + ((headers.tcp_flags & kTcpSyn) != 0 ? 1U : 0U),
         read32(tcp_seen + 8),
         static_cast<std::uint8_t>(kTcpRst | (headers.tcp_flags & kTcpAck))}
    );
    const std::uint16_t checksum = checksum_of(segment_sum(ip, v4, kProtocolTcp, {tcp, 20}));
    std::memcpy(tcp + 16, &checksum, 2);
    out.size = static_cast<std::uint32_t>(14 + ip_bytes + 20);
    Headers made;
    made.family = headers.family;
    made.protocol = kProtocolTcp;
    made.l3 = 14;
    made.l4 = static_cast<std::uint16_t>(14 + ip_bytes);
    made.ip_size = static_cast<std::uint16_t>(ip_bytes + 20);
    made.hop_limit = kOurHopLimit;
    out.ours = true;
    Packet& kept = keep(out);  // may flush, so before it is counted
    ++made_here_;
    translate<Key>(context, kept, made, flow, direction);
}

// The packet leaves by `reason`; its sender is told where that is allowed.
void Pipeline::drop_and_tell(
    Context& context,
    Packet& packet,
    const Headers& headers,
    DropReason reason,
    const IcmpError& error
) noexcept {
    leave(reason);
    if (!answer_icmp_error(context, packet, headers, error)) {
        io_.release(packet);
    }
}

// True when a packet does not fit the port it would leave by: it is gone, and its sender knows what
// fits (RFC 1191, RFC 8201).
bool Pipeline::too_large(
    Context& context, Packet& packet, const Headers& headers, std::size_t port
) noexcept {
    if (headers.ip_size <= context.mtu_min || port >= context.snapshot.ports.size() ||
        headers.ip_size <= context.snapshot.ports[port].mtu) {
        return false;
    }
    if (headers.family == IpFamily::v4 && !headers.dont_fragment) {
        drop(packet, DropReason::oversize);  // fragments are not made by this version
        return true;
    }
    const IcmpError error{3, 4, 2, 0, context.snapshot.ports[port].mtu};
    drop_and_tell(context, packet, headers, DropReason::oversize, error);
    return true;
}

// ICMP or ICMPv6 error about a packet, back to its sender. False: none may be sent, the buffer is
// still the caller's.
bool Pipeline::answer_icmp_error(
    Context& context, Packet& packet, const Headers& headers, const IcmpError& error
) noexcept {
    if (icmp_tokens_ == 0) {
        return false;
    }
    const bool v4 = headers.family == IpFamily::v4;
    const IpAddress own = own_address(context, packet.port, headers.family);
    if (own.family == IpFamily::none) {
        return false;
    }
    --icmp_tokens_;
    const std::size_t ip_bytes = v4 ? 20 : 40;
    const std::size_t room = (v4 ? kIcmpErrorBytesMax : kIcmp6ErrorBytesMax) - ip_bytes - 8;
    const std::size_t quoted = std::min<std::size_t>(headers.ip_size, room);
    std::uint8_t* quote = packet.data + headers.l3;
    std::array<std::uint8_t, 16> sender{};
    std::memcpy(sender.data(), quote + (v4 ? 12 : 8), v4 ? 4 : 16);
    turn_around(context, packet, headers);
    // The new headers grow into the headroom: 28 or 48 bytes before the quoted packet, then the
    // link header.
    const auto link_bytes = static_cast<std::size_t>(quote - packet.data);
    const std::size_t grow = ip_bytes + 8;
    if (grow + link_bytes > kHeadroomBytesMin + headers.l3) {
        return false;
    }
    std::memmove(packet.data - grow, packet.data, link_bytes);
    packet.data -= grow;
    std::uint8_t* ip = packet.data + link_bytes;
    std::uint8_t* icmp = ip + ip_bytes;
    std::memset(icmp, 0, 8);
    icmp[0] = v4 ? error.type4 : error.type6;
    icmp[1] = v4 ? error.code4 : error.code6;
    store32(icmp + 4, error.rest);
    if (v4) {
        std::uint32_t destination = 0;
        std::memcpy(&destination, sender.data(), 4);
        write_ipv4(ip, own.v4_raw(), destination, classifier::kProtocolIcmp, ip_bytes + 8 + quoted);
        const std::uint16_t checksum = checksum_of(raw_sum({icmp, 8 + quoted}));
        std::memcpy(icmp + 2, &checksum, 2);
    } else {
        write_ipv6(ip, own.bytes.data(), sender.data(), classifier::kProtocolIcmp6, 8 + quoted);
        const std::uint16_t checksum =
            checksum_of(segment_sum(ip, false, classifier::kProtocolIcmp6, {icmp, 8 + quoted}));
        std::memcpy(icmp + 2, &checksum, 2);
    }
    packet.size = static_cast<std::uint32_t>(link_bytes + grow + quoted);
    send_own(packet);
    return true;
}

// The query comes back as its own answer: question kept, no records, NXDOMAIN or REFUSED (RFC 1035
// section 4.1.1).
void Pipeline::answer_dns(
    Context& context, Packet& packet, const Headers& headers, const Facts& facts
) noexcept {
    constexpr std::size_t kUdpHeader = 8;
    std::uint8_t* ip = packet.data + headers.l3;
    std::uint8_t* message = packet.data + headers.payload;
    if (facts.dns.question_end < 12 || facts.dns.question_end > headers.payload_size) {
        io_.release(packet);
        return;
    }
    const std::uint8_t rcode = context.snapshot.behaviour.dns_deny_refused ? 5 : 3;
    message[2] = static_cast<std::uint8_t>(0x80U | (message[2] & 0x79U));  // QR, opcode and RD kept
    message[3] = static_cast<std::uint8_t>(0x80U | (message[3] & 0x10U) | rcode);  // RA, CD kept
    std::memset(message + 6, 0, 6);
    const bool v4 = headers.family == IpFamily::v4;
    const std::size_t ip_bytes = v4 ? 20 : 40;
    const std::size_t message_bytes = facts.dns.question_end;
    turn_around(context, packet, headers);
    std::uint8_t* udp = ip + ip_bytes;
    std::memmove(udp + kUdpHeader, message, message_bytes);
    if (v4) {
        write_ipv4(
            ip,
            classifier::load32(ip + 16),
            classifier::load32(ip + 12),
            classifier::kProtocolUdp,
            ip_bytes + kUdpHeader + message_bytes
        );
    } else {
        write_ipv6(ip, ip + 24, ip + 8, classifier::kProtocolUdp, kUdpHeader + message_bytes);
    }
    std::memcpy(udp, &headers.destination_port, 2);
    std::memcpy(udp + 2, &headers.source_port, 2);
    store16(udp + 4, static_cast<std::uint16_t>(kUdpHeader + message_bytes));
    std::memset(udp + 6, 0, 2);
    std::uint16_t checksum =
        checksum_of(segment_sum(ip, v4, classifier::kProtocolUdp, {udp, kUdpHeader + message_bytes})
        );
    checksum = checksum == 0 ? std::uint16_t{0xFFFF} : checksum;
    std::memcpy(udp + 6, &checksum, 2);
    packet.size = static_cast<std::uint32_t>(udp + kUdpHeader + message_bytes - packet.data);
    send_own(packet);
}

void Pipeline::answer_echo(Context& context, Packet& packet, const Headers& headers) noexcept {
    std::uint8_t* ip = packet.data + headers.l3;
    std::uint8_t* icmp = packet.data + headers.l4;
    const bool v4 = headers.family == IpFamily::v4;
    if (headers.l4 != headers.l3 + (v4 ? 20 : 40)) {
        drop(packet, DropReason::consumed);
        return;
    }
    leave(DropReason::consumed);
    turn_around(context, packet, headers);
    icmp[0] = v4 ? 0 : 129;
    std::memset(icmp + 2, 0, 2);
    const std::span<const std::uint8_t> message{icmp, headers.payload_size + std::size_t{8}};
    std::uint16_t checksum = 0;
    if (v4) {
        write_ipv4(
            ip,
            classifier::load32(ip + 16),
            classifier::load32(ip + 12),
            classifier::kProtocolIcmp,
            20 + message.size()
        );
        checksum = checksum_of(raw_sum(message));
    } else {
        write_ipv6(ip, ip + 24, ip + 8, classifier::kProtocolIcmp6, message.size());
        checksum = checksum_of(segment_sum(ip, false, classifier::kProtocolIcmp6, message));
    }
    std::memcpy(icmp + 2, &checksum, 2);
    packet.size = static_cast<std::uint32_t>(message.data() + message.size() - packet.data);
    send_own(packet);
}

IpAddress Pipeline::own_address(const Context& context, std::uint16_t port, IpFamily family)
    const noexcept {
    for (const IpPrefix& own : context.snapshot.ports[port].addresses) {
        if (own.address.family == family) {
            return own.address;
        }
    }
    return {};
}

bool Pipeline::is_own_address(const Context& context, std::uint16_t port, const IpAddress& address)
    const noexcept {
    (void)port;
    for (const PortView& view : context.snapshot.ports) {
        for (const IpPrefix& own : view.addresses) {
            if (own.address == address) {
                return true;
            }
        }
    }
    return false;
}

void Pipeline::refill_icmp_tokens(const Now& now) noexcept {
    const std::uint64_t earned =
        (now.monotonic_ns - icmp_refilled_ns_) / (1'000'000'000U / kIcmpPerSecond);
    if (earned != 0) {
        icmp_tokens_ = std::min(icmp_tokens_ + earned, kIcmpBurst);
        icmp_refilled_ns_ = now.monotonic_ns;
    }
}

template void Pipeline::pass_reset<FlowKey4>(
    Context&, const Packet&, const Headers&, std::uint32_t, Direction
) noexcept;
template void Pipeline::pass_reset<FlowKey6>(
    Context&, const Packet&, const Headers&, std::uint32_t, Direction
) noexcept;

}  // namespace sallyport::dataplane
