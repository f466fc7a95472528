// SPDX-License-Identifier: Apache-2.0
// ARP (RFC 826) and neighbour discovery (RFC 4861) for our own addresses and our next hops, and the
// packets that wait for an answer.
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"

#include <cstring>

namespace sallyport::dataplane {

using classifier::Headers;

namespace {

constexpr std::uint64_t kWaitNs = 3'000'000'000U;  // as long as Linux asks before it gives up
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::uint8_t kSourceLinkOption = 1;
constexpr std::uint8_t kTargetLinkOption = 2;

// Link address option of a neighbour discovery message whose options start at `at`; false when
// there is none.
bool link_option(
    std::span<const std::uint8_t> options, std::uint8_t type, LinkAddress& out
) noexcept {
    for (std::size_t at = 0; at + 8 <= options.size();) {
        const std::size_t bytes = options[at + 1] * std::size_t{8};
        if (bytes == 0) {
            return false;
        }
        if (options[at] == type && at + 8 <= options.size()) {
            std::memcpy(out.data(), options.data() + at + 2, 6);
            return true;
        }
        at += bytes;
    }
    return false;
}

std::uint64_t icmp6_sum(
    const std::uint8_t* ip, const std::uint8_t* icmp, std::size_t bytes
) noexcept {
    return raw_sum({ip + 8, 32}) + byte_swap(static_cast<std::uint16_t>(bytes)) +
           byte_swap(std::uint16_t{58}) + raw_sum({icmp, bytes});
}

void finish_icmp6(std::uint8_t* ip, std::uint8_t* icmp, std::size_t bytes) noexcept {
    std::memset(icmp + 2, 0, 2);
    const std::uint16_t checksum = checksum_of(icmp6_sum(ip, icmp, bytes));
    std::memcpy(icmp + 2, &checksum, 2);
}

void write_ipv6_header(
    std::uint8_t* ip, const IpAddress& source, const IpAddress& destination, std::size_t payload
) noexcept {
    std::memset(ip, 0, 8);
    ip[0] = 0x60;
    ip[4] = static_cast<std::uint8_t>(payload >> 8U);
    ip[5] = static_cast<std::uint8_t>(payload);
    ip[6] = 58;
    ip[7] = 255;  // RFC 4861 section 7.1: anything less came from off the link
    std::memcpy(ip + 8, source.bytes.data(), 16);
    std::memcpy(ip + 24, destination.bytes.data(), 16);
}

}  // namespace

void Pipeline::neighbour_message(
    Context& context, Packet& packet, const Headers& headers
) noexcept {
    if (context.snapshot.behaviour.capture) {
        drop(packet, DropReason::consumed);
        return;
    }
    if (headers.family == IpFamily::v6) {
        neighbour_discovery(context, packet, headers);
    } else {
        arp(context, packet, headers.l3);
    }
}

void Pipeline::arp(Context& context, Packet& packet, std::size_t l3) noexcept {
    std::uint8_t* message = packet.data + l3;
    const PortView& port = context.snapshot.ports[packet.port];
    constexpr std::uint8_t kEthernetIpv4[6] = {0, 1, 8, 0, 6, 4};
    if (std::memcmp(message, kEthernetIpv4, 6) != 0 || l3 > kLinkHeaderBytesMax) {
        drop(packet, DropReason::consumed);
        return;
    }
    const bool request = message[7] == 1;
    const IpAddress sender = IpAddress::v4_raw(classifier::load32(message + 14));
    const std::uint32_t target = classifier::load32(message + 24);
    LinkAddress link{};
    std::memcpy(link.data(), message + 8, 6);
    const std::uint16_t neighbour = neighbours_.find(sender, packet.port);
    if (neighbour != kNoNeighbour && (link[0] & 1U) == 0) {
        neighbours_.learn(neighbour, link, context.now.seconds());
        retry_waiting(context);
    }
    const bool egress =
        port.role == PortRole::outside && context.snapshot.owns_egress_address(target);
    bool ours = egress;
    for (const IpPrefix& own : port.addresses) {
        ours |= own.address.is_v4() && own.address.v4_raw() == target;
    }
    if (!request || !ours) {
        drop(packet, DropReason::consumed);
        return;
    }
    leave(DropReason::consumed);
    Headers headers;
    headers.l3 = static_cast<std::uint16_t>(l3);
    turn_around(context, packet, headers);
    message[7] = 2;
    std::memcpy(message + 18, message + 8, 10);  // target becomes the asker
    std::memcpy(message + 8, port.link.data(), 6);
    std::memcpy(message + 14, &target, 4);
    packet.size = static_cast<std::uint32_t>(message + 28 - packet.data);
    send_own(packet);
}

void Pipeline::neighbour_discovery(
    Context& context, Packet& packet, const Headers& headers
) noexcept {
    std::uint8_t* ip = packet.data + headers.l3;
    std::uint8_t* icmp = packet.data + headers.l4;
    const PortView& port = context.snapshot.ports[packet.port];
    const bool plain =
        headers.l4 == headers.l3 + 40 && headers.hop_limit == 255 && headers.payload_size >= 16;
    const bool known = headers.icmp_type == kSolicitation || headers.icmp_type == kAdvertisement;
    const std::size_t bytes = headers.payload_size + std::size_t{8};
    if (!plain || !known || headers.l3 > kLinkHeaderBytesMax || headers.icmp_code != 0 ||
        fold_sum(icmp6_sum(ip, icmp, bytes)) != 0xFFFF) {  // RFC 4861 sections 7.1.1, 7.1.2
        drop(packet, DropReason::consumed);
        return;
    }
    const IpAddress source = IpAddress::v6(ip + 8);
    const IpAddress target = IpAddress::v6(icmp + 8);
    const bool solicitation = headers.icmp_type == kSolicitation;
    LinkAddress link{};
    const std::span<const std::uint8_t> options{icmp + 24, headers.payload_size - std::size_t{16}};
    const bool has_link =
        link_option(options, solicitation ? kSourceLinkOption : kTargetLinkOption, link);
    const std::uint16_t neighbour = neighbours_.find(solicitation ? source : target, packet.port);
    if (has_link && neighbour != kNoNeighbour && (link[0] & 1U) == 0) {
        neighbours_.learn(neighbour, link, context.now.seconds());
        retry_waiting(context);
    }
    bool ours = false;
    for (const IpPrefix& own : port.addresses) {
        ours |= own.address == target;
    }
    if (!solicitation || !ours || packet.capacity < headers.l3 + 72U) {
        drop(packet, DropReason::consumed);
        return;
    }
    leave(DropReason::consumed);
    turn_around(context, packet, headers);
    std::memset(icmp, 0, 8);
    icmp[0] = kAdvertisement;
    // Who asks without an address of its own (duplicate detection) is answered to all nodes (RFC
    // 4861 section 7.2.4).
    const bool anonymous = source == IpAddress::v6(std::array<std::uint8_t, 16>{}.data());
    if (anonymous) {
        constexpr std::uint8_t kAllNodesLink[6] = {0x33, 0x33, 0, 0, 0, 1};
        std::memcpy(packet.data, kAllNodesLink, 6);
    }
    icmp[4] = anonymous ? 0xA0 : 0xE0;  // router, solicited, override
    std::memcpy(icmp + 8, target.bytes.data(), 16);
    icmp[24] = kTargetLinkOption;
    icmp[25] = 1;
    std::memcpy(icmp + 26, port.link.data(), 6);
    std::array<std::uint8_t, 16> all_nodes{0xFF, 2};
    all_nodes[15] = 1;
    write_ipv6_header(ip, target, anonymous ? IpAddress::v6(all_nodes.data()) : source, 32);
    finish_icmp6(ip, icmp, 32);
    packet.size = static_cast<std::uint32_t>(icmp + 32 - packet.data);
    send_own(packet);
}

// Sends a request for a next hop's link address.
void Pipeline::ask(Context& context, std::uint16_t neighbour) noexcept {
    const IpAddress wanted = neighbours_.address(neighbour);
    const std::uint16_t port_index = neighbours_.port(neighbour);
    const IpAddress own = own_address(context, port_index, wanted.family);
    Packet packet = own.family == IpFamily::none ? Packet{} : io_.allocate();
    if (packet.buffer == nullptr) {
        return;
    }
    const PortView& port = context.snapshot.ports[port_index];
    std::uint8_t* frame = packet.data;
    std::memset(frame, 0xFF, 6);
    std::memcpy(frame + 6, port.link.data(), 6);
    if (wanted.is_v4()) {
        constexpr std::uint8_t kRequest[10] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
        std::memcpy(frame + 12, kRequest, 10);
        std::memcpy(frame + 22, port.link.data(), 6);
        std::memcpy(frame + 28, own.bytes.data(), 4);
        std::memset(frame + 32, 0, 6);
        std::memcpy(frame + 38, wanted.bytes.data(), 4);
        packet.size = 42;
    } else {
        // Solicited-node multicast, RFC 4291 section 2.7.1.
        IpAddress group;
        group.family = IpFamily::v6;
        group.bytes = {
            0xFF,
            2,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            0xFF,
            wanted.bytes[13],
            wanted.bytes[14],
            wanted.bytes[15]};
        const std::uint8_t destination[8] = {
            0x33, 0x33, 0xFF, wanted.bytes[13], wanted.bytes[14], wanted.bytes[15], 0, 0};
        std::memcpy(frame, destination, 6);
        frame[12] = 0x86;
        frame[13] = 0xDD;
        std::uint8_t* ip = frame + 14;
        std::uint8_t* icmp = ip + 40;
        write_ipv6_header(ip, own, group, 32);
        std::memset(icmp, 0, 32);
        icmp[0] = kSolicitation;
        std::memcpy(icmp + 8, wanted.bytes.data(), 16);
        icmp[24] = kSourceLinkOption;
        icmp[25] = 1;
        std::memcpy(icmp + 26, port.link.data(), 6);
        finish_icmp6(ip, icmp, 32);
        packet.size = 14 + 40 + 32;
    }
    packet.port = port_index;
    send_own(keep(packet));
}

void Pipeline::wait_for_neighbour(
    Context& context, const Packet& packet, std::uint16_t neighbour
) noexcept {
    if (packet.ours) {
        give_up(packet);
        return;
    }
    if (waiting_used_ < waiting_.size()) {
        for (Waiting& waiting : waiting_) {
            if (!waiting.used) {
                waiting = {packet, neighbour, context.now.monotonic_ns + kWaitNs, true};
                ++waiting_used_;
                counters_.pending_packets.set(waiting_used_);
                break;
            }
        }
    } else {
        give_up(packet);
    }
    if (neighbours_.wants_request(neighbour, context.now.seconds())) {
        ask(context, neighbour);
    }
}

void Pipeline::retry_waiting(Context& context) noexcept {
    for (std::size_t i = 0; waiting_used_ != 0 && i < waiting_.size(); ++i) {
        Waiting& waiting = waiting_[i];
        if (!waiting.used) {
            continue;
        }
        const std::uint64_t link = neighbours_.word(waiting.neighbour);
        if (link != 0) {
            std::memcpy(waiting.packet.data, &link, 6);
            send(keep(waiting.packet));
        } else if (context.now.monotonic_ns >= waiting.deadline_ns) {
            drop(waiting.packet, DropReason::neighbour_unresolved);
        } else {
            continue;
        }
        waiting.used = false;
        --waiting_used_;
        counters_.pending_packets.set(waiting_used_);
    }
}

}  // namespace sallyport::dataplane
