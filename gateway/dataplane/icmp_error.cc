// SPDX-License-Identifier: Apache-2.0
// ICMP errors about flows of ours (RFC 5508 section 4): found by the packet they quote, given the
// addresses that their receiver knows, passed on. They never create, refresh or end a flow (RFC
// 5508 REQ-6).
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"

#include <cstring>

namespace sallyport::dataplane {

using classifier::Headers;
using classifier::kProtocolIcmp;
using classifier::kProtocolTcp;
using classifier::kProtocolUdp;

namespace {

constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kQuotedTransportMin = 8;  // RFC 792: at least 64 bits of the original data

struct Quote {
    std::uint8_t* ip = nullptr;
    std::uint8_t* l4 = nullptr;
    std::uint8_t protocol = 0;
    bool ok = false;
};

Quote quoted_ipv4(Packet& packet, const Headers& headers) noexcept {
    Quote out;
    if (headers.payload_size < 20 + kQuotedTransportMin) {
        return out;
    }
    out.ip = packet.data + headers.l4 + kIcmpHeader;
    const std::size_t header = (out.ip[0] & 0x0FU) * 4U;
    const bool fragment = (classifier::load16(out.ip + 6) & 0xFF1FU) != 0;  // any offset
    if ((out.ip[0] >> 4U) != 4 || header < 20 || fragment ||
        headers.payload_size < header + kQuotedTransportMin ||
        fold_sum(raw_sum({out.ip, header})) != 0xFFFF) {  // RFC 5508 REQ-3a
        return out;
    }
    out.l4 = out.ip + header;
    out.protocol = out.ip[9];
    out.ok = out.protocol == kProtocolTcp || out.protocol == kProtocolUdp ||
             out.protocol == kProtocolIcmp;
    return out;
}

// The flow's key as the quoted packet shows it. An error that comes in quotes a packet we sent out,
// whose source is the inside half; one that goes out quotes a packet we sent in.
FlowKey4 quoted_key(const Quote& quote, Direction error) noexcept {
    const bool inbound = error == Direction::inbound;
    FlowKey4 key;
    key.inside = classifier::load32(quote.ip + (inbound ? 12 : 16));
    key.outside = classifier::load32(quote.ip + (inbound ? 16 : 12));
    if (quote.protocol == kProtocolIcmp) {
        key.inside_port = classifier::load16(quote.l4 + 4);
    } else {
        key.inside_port = classifier::load16(quote.l4 + (inbound ? 0 : 2));
        key.outside_port = classifier::load16(quote.l4 + (inbound ? 2 : 0));
    }
    key.protocol = quote.protocol;
    key.direction = static_cast<std::uint8_t>(error);
    return key;
}

void rewrite_quote(
    const Quote& quote, Direction error, std::uint32_t address, std::uint16_t port
) noexcept {
    const std::size_t address_at = error == Direction::inbound ? 12 : 16;
    const std::size_t port_at = quote.protocol == kProtocolIcmp ? 4
                                : error == Direction::inbound   ? 0
                                                                : 2;
    const std::uint64_t delta = delta32(classifier::load32(quote.ip + address_at), address);
    const std::uint16_t checksum =
        update_checksum(classifier::load16(quote.ip + 10), fold_sum(delta));
    std::memcpy(quote.ip + 10, &checksum, 2);
    std::memcpy(quote.ip + address_at, &address, 4);
    std::memcpy(quote.l4 + port_at, &port, 2);
}

}  // namespace

void Pipeline::icmp_error(Context& context, Packet& packet, const Headers& headers) noexcept {
    const bool inside = context.snapshot.ports[packet.port].role == PortRole::inside;
    const bool capture = context.snapshot.behaviour.capture;
    if (headers.family == IpFamily::v6 || capture || headers.hop_limit <= 1) {
        // Untranslated families are told apart by the routing that brought them here, not by a
        // mapping.
        drop(
            packet,
            headers.hop_limit <= 1 ? DropReason::hop_limit : DropReason::icmp_error_unmatched
        );
        return;
    }
    const std::span<const std::uint8_t> message{
        packet.data + headers.l4, headers.payload_size + kIcmpHeader};
    const Quote quote = quoted_ipv4(packet, headers);
    const Direction direction = inside ? Direction::outbound : Direction::inbound;
    // An error goes to the sender of what it quotes; one that goes elsewhere is a way to send
    // anything anywhere past the policy.
    if (!quote.ok || fold_sum(raw_sum(message)) != 0xFFFF ||
        classifier::load32(packet.data + headers.l3 + 16) != classifier::load32(quote.ip + 12)) {
        drop(packet, DropReason::icmp_error_unmatched);
        return;
    }
    const FlowKey4 key = quoted_key(quote, direction);
    if (settings_.workers > 1 && give_away(packet, owner_of(context, key))) {
        return;
    }
    const std::uint32_t flow = flows4_.find(key);
    if (flow == kNoFlow || flows4_.hot(flow).state.verdict == Verdict::deny) {
        drop(packet, DropReason::icmp_error_unmatched);
        return;
    }
    const FlowHot<FlowKey4>& hot = flows4_.hot(flow);
    std::uint8_t* ip = packet.data + headers.l3;
    std::uint8_t* icmp = packet.data + headers.l4;
    const bool inbound = direction == Direction::inbound;
    const std::uint32_t address = inbound ? hot.key.inside : hot.state.nat_address;
    rewrite_quote(quote, direction, address, inbound ? hot.key.inside_port : hot.state.nat_port);
    std::memcpy(ip + (inbound ? 16 : 12), &address, 4);
    --ip[8];
    std::memset(ip + 10, 0, 2);
    const std::uint16_t ip_checksum =
        checksum_of(raw_sum({ip, static_cast<std::size_t>(headers.l4 - headers.l3)}));
    std::memcpy(ip + 10, &ip_checksum, 2);
    std::memset(icmp + 2, 0, 2);
    const std::uint16_t icmp_checksum = checksum_of(raw_sum(message));
    std::memcpy(icmp + 2, &icmp_checksum, 2);
    forward_error(context, packet, headers, flow, direction);
}

void Pipeline::forward_error(
    Context& context,
    Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    const FlowState& state = flows4_.hot(flow).state;
    if (direction == Direction::inbound) {
        put_link_header(packet, headers.l3, peers_[state.peer]);
        packet.size = headers.ip_size + peers_[state.peer].size;
        send(packet);
        return;
    }
    LinkHeader header;
    header.port = context.outside;
    const std::uint64_t link = neighbours_.word(state.next_hop);
    std::uint8_t* start = header.bytes.data() + header.bytes.size() - 14;
    std::memcpy(start, &link, 6);
    std::memcpy(start + 6, context.snapshot.ports[context.outside].link.data(), 6);
    start[12] = 0x08;
    put_link_header(packet, headers.l3, header);
    packet.size = headers.ip_size + 14U;
    if (link == 0) {
        wait_for_neighbour(context, packet, state.next_hop);
        return;
    }
    send(packet);
}

}  // namespace sallyport::dataplane
