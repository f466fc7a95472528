// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/pipeline.h"

#include "gateway/dataplane/checksum.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace sallyport::dataplane {

using classifier::FrameKind;
using classifier::Headers;
using classifier::kProtocolTcp;
using classifier::kProtocolUdp;
using classifier::kTcpFin;
using classifier::kTcpRst;
using classifier::kTcpSyn;

static_assert(std::endian::native == std::endian::little, "TTL and link header words assume it");

namespace {

constexpr std::size_t kPrefetchAhead = 8;
// Flows judged again under a new snapshot in one burst; the others keep their verdict until their
// next packet (performance.md 5.5: without a budget a reload with a million live flows is a latency
// cliff).
constexpr std::uint32_t kRejudgePerBurst = 16;
// Ports asked one by one in one burst, for flows whose random tries found none: some 200 us.
constexpr std::uint32_t kScanPortsPerBurst = 4096;
// A burst that looks at so many payloads has those of the next bursts read ahead.
constexpr std::uint32_t kPayloadsWorthReadingAhead = 2;
constexpr std::uint32_t kReadAheadBursts = 64;
// Shares flows out over workers; the same in all of them. Buckets use keys of their own.
constexpr FlowHashKey kSteeringKey{};
constexpr std::uint64_t kLinkMask = 0xFFFFFFFFFFFFULL;
// TTL and protocol share a 16-bit word; taking one from the TTL adds ~m + (m - 1) = 0xFFFE to the
// sum.
constexpr std::uint32_t kHopDelta = 0xFFFE;
// The hot 32-bit byte counters are moved to the cold part before this bit could carry.
constexpr std::uint32_t kBytesFlush = 0x80000000U;

FlowHashKey table_key(std::uint64_t seed, std::uint64_t which) {
    if (seed == 0) {
        return FlowHashKey::random();
    }
    FlowHashKey key;
    for (std::uint64_t& word : key.word) {
        word = fold_multiply(word ^ seed, 0x9E3779B97F4A7C15ULL + which);
    }
    return key;
}

// One hop less, and the sums of an IPv4 packet whose address and port were rewritten (RFC 1624).
inline void take_hop(
    std::uint8_t* ip,
    std::uint8_t* l4,
    std::uint8_t protocol,
    std::uint32_t l3_delta,
    std::uint32_t l4_delta
) noexcept {
    --ip[8];
    std::uint16_t checksum = update_checksum(classifier::load16(ip + 10), l3_delta + kHopDelta);
    std::memcpy(ip + 10, &checksum, 2);
    const bool udp = protocol == kProtocolUdp;
    std::uint8_t* at = l4 + (udp ? 6 : protocol == kProtocolTcp ? 16 : 2);
    checksum = classifier::load16(at);
    if (udp && checksum == 0) [[unlikely]] {
        return;  // RFC 768: zero means "no checksum"
    }
    checksum = update_checksum(checksum, l4_delta);
    checksum = udp && checksum == 0 ? std::uint16_t{0xFFFF} : checksum;
    std::memcpy(at, &checksum, 2);
}

IpAddress address_of(const FlowKey4& key) noexcept {
    return IpAddress::v4_raw(key.inside);
}
IpAddress address_of(const FlowKey6& key) noexcept {
    return IpAddress::v6(reinterpret_cast<const std::uint8_t*>(key.inside.data()));
}

HashKey name_key(std::uint64_t seed) {
    return seed == 0 ? random_hash_key() : HashKey{seed, ~seed};
}

}  // namespace

Pipeline::Pipeline(
    const PipelineSettings& settings,
    PacketIo& io,
    NeighbourTable& neighbours,
    EventRings& events,
    Counters& counters
)
    : settings_(settings),
      io_(io),
      neighbours_(neighbours),
      events_(events),
      counters_(counters),
      flows4_(settings.flows_max, table_key(settings.seed, 4)),
      flows6_(settings.flows6_max, table_key(settings.seed, 6)),
      names_(settings.names_max, name_key(settings.seed)),
      peers_(table_key(settings.seed, 14).word[0]),
      random_(settings.seed == 0 ? random_hash_key().k0 : settings.seed) {}

void Pipeline::process(Batch& batch, const Snapshot& snapshot, const Now& now) noexcept {
    Context context = context_of(snapshot, now);
    rejudge_budget_ = kRejudgePerBurst;
    scan_budget_ = kScanPortsPerBurst;
    flow_update_seconds_ = snapshot.behaviour.flow_update_seconds;
    lookup4_.size = 0;
    lookup6_.size = 0;
    decode(context, batch);
    find_flows(context, batch, lookup4_);
    find_flows(context, batch, lookup6_);
    resolve(context, batch, lookup4_);
    resolve(context, batch, lookup6_);
    if (payloads_read_ >= kPayloadsWorthReadingAhead) {
        read_ahead_bursts_ = kReadAheadBursts;
    } else if (read_ahead_bursts_ != 0) {
        --read_ahead_bursts_;
    }
    payloads_read_ = 0;
    if (prepared_any_) {
        prepared_any_ = false;
        prepared_.fill(Prepared{});
        in_hand_ = Prepared{};
        ahead_size_ = 0;
    }
    flush_transmit();
    assert(doors_agree());
}

// Every packet received has left by one door, is waiting, or was handed over.
bool Pipeline::doors_agree() const noexcept {
    std::uint64_t left = counters_.transmitted_packets.get() + counters_.pending_packets.get() +
                         counters_.handed_over.get();
    for (const Counter& dropped : counters_.drops) {
        left += dropped.get();
    }
    return counters_.received_packets.get() == left;
}

Pipeline::Context Pipeline::context_of(const Snapshot& snapshot, const Now& now) const noexcept {
    Context context{snapshot, now};
    for (std::size_t i = 0; i < snapshot.ports.size() && i < context.inside.size(); ++i) {
        context.inside[i] = snapshot.ports[i].role == PortRole::inside;
        if (!snapshot.behaviour.capture) {
            context.mtu_min = std::min<std::uint32_t>(context.mtu_min, snapshot.ports[i].mtu);
            std::memcpy(&context.link[i], snapshot.ports[i].link.data(), 6);
            context.link_mask = kLinkMask;
        }
    }
    context.outside = snapshot.outside_port();
    if (context.outside < snapshot.ports.size()) {
        std::memcpy(&context.own_link, snapshot.ports[context.outside].link.data(), 6);
    }
    return context;
}

void Pipeline::decode(Context& context, Batch& batch) noexcept {
    std::uint64_t bytes = 0;
    const bool alone = settings_.workers == 1;
    for (std::size_t i = 0; i < std::min(kPrefetchAhead, batch.size); ++i) {
        __builtin_prefetch(batch.packets[i].data);
    }
    for (std::size_t i = 0; i < batch.size; ++i) {
        if (i + kPrefetchAhead < batch.size) {
            __builtin_prefetch(batch.packets[i + kPrefetchAhead].data);
        }
        Packet& packet = batch.packets[i];
        bytes += packet.size;
        const bool ethernet = packet.link == classifier::LinkType::ethernet;
        const classifier::PlainBrief brief =
            ethernet && alone ? classifier::plain_ipv4_brief(packet.data, packet.size) : 0;
        if (brief == 0 || !context.is_for_us(packet)) [[unlikely]] {
            decode_any(context, batch, i);
            continue;
        }
        // The key's two halves as they lie in the packet; a reply has them the other way round.
        std::uint64_t addresses = 0;
        std::uint32_t ports = 0;
        std::memcpy(&addresses, packet.data + classifier::kPlainL3 + 12, 8);
        std::memcpy(&ports, packet.data + classifier::kPlainL4, 4);
        std::uint64_t rest = static_cast<std::uint64_t>(packet.data[23]) << 32U;
        if (!context.inside[packet.port]) {
            addresses = std::rotl(addresses, 32);
            ports = std::rotl(ports, 16);
            rest |= std::uint64_t{1} << 40U;
        }
        const std::size_t at = lookup4_.size++;
        FlowKey4& key = lookup4_.key[at];
        rest |= ports;
        std::memcpy(static_cast<void*>(&key), &addresses, 8);
        std::memcpy(&key.inside_port, &rest, 8);
        const std::uint64_t hash = flows4_.hash(key);
        flows4_.prefetch(hash);
        lookup4_.hash[at] = hash;
        lookup4_.brief[at] = brief;
        lookup4_.packet[at] = static_cast<std::uint8_t>(i);
    }
    counters_.received_packets.add(batch.size);
    counters_.received_bytes.add(bytes);
}

// Frames that are not plain IPv4: tagged, IPv6, ICMP, ARP, of a capture, or for another worker.
void Pipeline::decode_any(Context& context, Batch& batch, std::size_t i) noexcept {
    Packet& packet = batch.packets[i];
    Headers& headers = batch.headers[i];
    headers = classifier::decode(packet.frame(), packet.link);
    const bool addressed = headers.kind == FrameKind::flow || headers.kind == FrameKind::icmp_error;
    if (addressed && packet.link == classifier::LinkType::ethernet && !context.is_for_us(packet)) {
        drop(packet, DropReason::not_for_us);
        return;
    }
    if (headers.kind != FrameKind::flow) {
        if (headers.kind == FrameKind::neighbour) {
            neighbour_message(context, packet, headers);
        } else if (headers.kind == FrameKind::icmp_error) {
            icmp_error(context, packet, headers);
        } else {
            drop(packet, headers.drop);
        }
        return;
    }
    const Direction direction =
        context.inside[packet.port] ? Direction::outbound : Direction::inbound;
    if (settings_.workers > 1 && hand_over(context, packet, headers, direction)) {
        return;
    }
    const auto index = static_cast<std::uint8_t>(i);
    if (headers.family == IpFamily::v4) {
        look_up(lookup4_, key_of<FlowKey4>(packet, headers, direction), index);
        // Alone among workers these would have been taken above.
        lookup4_.brief[lookup4_.size - 1] =
            packet.link == classifier::LinkType::ethernet
                ? classifier::plain_ipv4_brief(packet.data, packet.size)
                : 0;
    } else {
        look_up(lookup6_, key_of<FlowKey6>(packet, headers, direction), index);
    }
}

template <class Key>
void Pipeline::look_up(Lookup<Key>& lookup, const Key& key, std::uint8_t packet) noexcept {
    const std::uint64_t hash = flows<Key>().hash(key);
    flows<Key>().prefetch(hash);
    lookup.key[lookup.size] = key;
    lookup.hash[lookup.size] = hash;
    lookup.packet[lookup.size++] = packet;
}

template <class Key>
Key Pipeline::key_of(const Packet& packet, const Headers& headers, Direction direction)
    const noexcept {
    const std::uint8_t* ip = packet.data + headers.l3;
    const bool outbound = direction == Direction::outbound;
    Key key;
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        const std::uint32_t source = classifier::load32(ip + 12);
        const std::uint32_t destination = classifier::load32(ip + 16);
        key.inside = outbound ? source : destination;
        key.outside = outbound ? destination : source;
    } else {
        std::memcpy((outbound ? key.inside : key.outside).data(), ip + 8, 16);
        std::memcpy((outbound ? key.outside : key.inside).data(), ip + 24, 16);
    }
    // ICMP echo has one identifier for both directions: it stands where the inside port does.
    const bool swap =
        !outbound && (headers.protocol == kProtocolTcp || headers.protocol == kProtocolUdp);
    key.inside_port = swap ? headers.destination_port : headers.source_port;
    key.outside_port = swap ? headers.source_port : headers.destination_port;
    key.protocol = headers.protocol;
    key.direction = static_cast<std::uint8_t>(direction);
    return key;
}

// With several workers a packet may arrive at one that does not own its flow: replies are owned by
// whoever owns the egress port, and where the device cannot steer, outbound flows are shared out by
// hash.
std::uint16_t Pipeline::owner_of(const Context& context, const FlowKey4& key) const noexcept {
    if (key.direction == static_cast<std::uint8_t>(Direction::inbound) &&
        context.snapshot.behaviour.translate) {
        return worker_of_port(
            byte_swap(key.inside_port), context.snapshot.block_size, settings_.workers
        );
    }
    if (settings_.distribute) {
        FlowKey4 either = key;
        either.direction = 0;
        return static_cast<std::uint16_t>(flow_hash(kSteeringKey, either) % settings_.workers);
    }
    return settings_.worker;
}

// True when the packet belongs to another worker: it is gone.
bool Pipeline::give_away(const Packet& packet, std::uint16_t owner) noexcept {
    if (owner == settings_.worker) {
        return false;
    }
    if (io_.hand_over(owner, packet)) {
        counters_.handed_over.add(1);
    } else {
        drop(packet, DropReason::handover_full);
    }
    return true;
}

bool Pipeline::hand_over(
    Context& context, const Packet& packet, const Headers& headers, Direction direction
) noexcept {
    if (headers.family == IpFamily::v6) {
        auto key = key_of<FlowKey6>(packet, headers, direction);
        key.direction = 0;
        const std::uint64_t hash = flow_hash(kSteeringKey, key);
        return give_away(packet, static_cast<std::uint16_t>(hash % settings_.workers));
    }
    return give_away(packet, owner_of(context, key_of<FlowKey4>(packet, headers, direction)));
}

template <class Key>
void Pipeline::find_flows(const Context& context, Batch& batch, Lookup<Key>& lookup) noexcept {
    FlowTable<Key>& table = flows<Key>();
    std::array<std::uint8_t, kBatchSize> fresh;  // NOLINT(*-member-init): as many as are counted
    std::size_t fresh_size = 0;
    for (std::size_t i = 0; i < lookup.size; ++i) {
        const std::uint32_t flow = table.candidate(lookup.hash[i]);
        lookup.flow[i] = flow;
        if (flow != kNoFlow) [[likely]] {
            __builtin_prefetch(&table.hot(flow), 1);
        } else if (lookup.key[i].direction == static_cast<std::uint8_t>(Direction::outbound)) {
            fresh[fresh_size++] = static_cast<std::uint8_t>(i);
        }
    }
    if (context.snapshot.behaviour.capture) {
        return;  // which way its packets go is not known yet
    }
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        if (fresh_size != 0) [[unlikely]] {
            prepared_any_ = true;
            prepare_flows(context, {fresh.data(), fresh_size});
        }
    }
    if (read_ahead_bursts_ != 0) {
        find_open(context, batch, lookup);
    }
}

// Which packets may have their payload looked at. Asking costs every packet of settled flows a
// little, so it is done only while there are payloads to look at.
template <class Key>
void Pipeline::find_open(const Context& context, Batch& batch, Lookup<Key>& lookup) noexcept {
    FlowTable<Key>& table = flows<Key>();
    std::array<std::uint8_t, kBatchSize> open;  // NOLINT(*-member-init): as many as are counted
    std::size_t open_size = 0;
    for (std::size_t i = 0; i < lookup.size; ++i) {
        const std::uint32_t flow = lookup.flow[i];
        const bool settled = flow != kNoFlow && (table.hot(flow).state.flags & kFlowSettled) != 0;
        open[open_size] = static_cast<std::uint8_t>(i);
        open_size += settled ? 0 : 1;
    }
    if (open_size != 0 && context.snapshot.threats->has_names()) [[unlikely]] {
        prepared_any_ = true;
        read_ahead(context, batch, lookup, {open.data(), open_size});
    }
}

// The whole of a settled flow's plain packet. False, with nothing changed, when a slower stage must
// look.
[[gnu::always_inline]] inline bool Pipeline::forward_settled(
    Context& context,
    Packet& packet,
    classifier::PlainBrief brief,
    FlowHot<FlowKey4>& flow,
    std::uint8_t direction
) noexcept {
    FlowState& state = flow.state;
    constexpr classifier::PlainBrief kControl =
        static_cast<classifier::PlainBrief>(kTcpSyn | kTcpFin | kTcpRst) << 16U;
    constexpr classifier::PlainBrief kTwoHops = 2U << 24U;
    if ((state.flags & kFlowSettled) == 0 || state.generation != context.snapshot.generation ||
        brief < kTwoHops || (brief & kControl) != 0 || (brief & 0xFFFFU) > context.mtu_min)
        [[unlikely]] {
        return false;
    }
    std::uint8_t* frame = packet.data;
    std::uint8_t* ip = frame + classifier::kPlainL3;
    std::uint8_t* l4 = frame + classifier::kPlainL4;
    const std::uint32_t ip_size = brief & 0xFFFFU;
    std::uint32_t l3_delta = state.l3_delta;
    std::uint32_t l4_delta = state.l4_delta;
    if (direction == static_cast<std::uint8_t>(Direction::outbound)) {
        const std::uint64_t link = neighbours_.word(state.next_hop);
        std::uint64_t station = 0;
        std::memcpy(&station, frame + 6, 8);
        const std::uint32_t total = state.bytes_out + ip_size;
        if (link == 0 || !peers_.same_station(state.peer, station) || (total & kBytesFlush) != 0)
            [[unlikely]] {
            return false;
        }
        state.last_seen_ns = context.now.monotonic_ns;
        ++state.packets_out;
        state.bytes_out = total;
        std::memcpy(ip + 12, &state.nat_address, 4);
        std::memcpy(l4, &state.nat_port, 2);
        // Next hop, then our own address: twelve bytes in two stores; the EtherType stays.
        const std::uint64_t first = (link & kLinkMask) | context.own_link << 48U;
        const auto second = static_cast<std::uint32_t>(context.own_link >> 16U);
        std::memcpy(frame, &first, 8);
        std::memcpy(frame + 8, &second, 4);
        packet.port = context.outside;
        packet.size = ip_size + classifier::kPlainL3;
    } else {
        const std::uint32_t total = state.bytes_in + ip_size;
        if ((total & kBytesFlush) != 0) [[unlikely]] {
            return false;
        }
        ++state.packets_in;
        state.bytes_in = total;
        std::memcpy(ip + 16, &flow.key.inside, 4);
        std::memcpy(l4 + 2, &flow.key.inside_port, 2);
        l3_delta = static_cast<std::uint16_t>(~l3_delta);
        l4_delta = static_cast<std::uint16_t>(~l4_delta);
        const LinkHeader& header = peers_[state.peer];
        put_link_header(packet, classifier::kPlainL3, header);
        packet.size = ip_size + header.size;
    }
    state.tcp_flags |= static_cast<std::uint8_t>(brief >> 16U);
    take_hop(ip, l4, flow.key.protocol, l3_delta, l4_delta);
    send(packet);
    return true;
}

template <class Key>
void Pipeline::resolve(Context& context, Batch& batch, Lookup<Key>& lookup) noexcept {
    FlowTable<Key>& table = flows<Key>();
    const bool capture = context.snapshot.behaviour.capture;
    for (std::size_t i = 0; i < lookup.size; ++i) {
        Packet& packet = batch.packets[lookup.packet[i]];
        Headers& headers = batch.headers[lookup.packet[i]];
        Key& key = lookup.key[i];
        std::uint32_t flow = lookup.flow[i];
        if (!capture && (flow == kNoFlow || !table.matches(flow, key))) [[unlikely]] {
            flow = table.find(key, lookup.hash[i]);
        }
        if constexpr (std::is_same_v<Key, FlowKey4>) {
            const classifier::PlainBrief brief = lookup.brief[i];
            if (brief != 0) [[likely]] {
                if (flow != kNoFlow && !capture &&
                    forward_settled(context, packet, brief, table.hot(flow), key.direction))
                    [[likely]] {
                    continue;
                }
                headers = classifier::headers_of_plain(packet.data, brief);
            }
        }
        if (capture) {
            flow = orient(context, packet, headers, key);
        }
        in_hand_ = prepared_[lookup.packet[i]];
        attend(context, packet, headers, key, flow);
    }
}

// A capture has no ports to tell inside from outside. In order: a flow already known keeps its
// direction (its replies may be addressed to the egress address or, captured inside, to the
// workload); a known workload is inside; a SYN comes from inside and its answer from outside; else
// the side with the lower, well-known port is the server. Sets `key` and returns the flow, kNoFlow
// when it is new.
template <class Key>
std::uint32_t Pipeline::orient(
    const Context& context, const Packet& packet, const Headers& headers, Key& key
) noexcept {
    FlowTable<Key>& table = flows<Key>();
    const Key outbound = key_of<Key>(packet, headers, Direction::outbound);
    const Key inbound = key_of<Key>(packet, headers, Direction::inbound);
    key = inbound;
    std::uint32_t flow = table.find(inbound);
    if (flow == kNoFlow) {
        Key untranslated = inbound;
        untranslated.direction = static_cast<std::uint8_t>(Direction::outbound);
        flow = untranslated == outbound ? kNoFlow : table.find(untranslated);
    }
    if (flow != kNoFlow) {
        return flow;
    }
    key = outbound;
    flow = table.find(outbound);
    if (flow == kNoFlow &&
        comes_from_outside(context, headers, address_of(outbound), address_of(inbound))) {
        key = inbound;
    }
    return flow;
}

bool Pipeline::comes_from_outside(
    const Context& context,
    const Headers& headers,
    const IpAddress& source,
    const IpAddress& destination
) noexcept {
    const WorkloadTable& workloads = *context.snapshot.workloads;
    const bool source_known = workloads.find(source) != kUnknownWorkload;
    const bool destination_known = workloads.find(destination) != kUnknownWorkload;
    if (source_known != destination_known) {
        return destination_known;
    }
    if (headers.protocol == kProtocolTcp && (headers.tcp_flags & kTcpSyn) != 0) {
        return (headers.tcp_flags & classifier::kTcpAck) != 0;
    }
    if (headers.protocol == kProtocolTcp || headers.protocol == kProtocolUdp) {
        constexpr std::uint16_t kWellKnown = 1024;
        return byte_swap(headers.source_port) < kWellKnown &&
               byte_swap(headers.destination_port) >= kWellKnown;
    }
    return headers.icmp_reply;
}

// Slow-path twin of forward_settled for any family and protocol; the caller has checked the hop
// limit.
template <class Key>
void Pipeline::translate(
    Context& context,
    Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    FlowHot<Key>& hot = flows<Key>().hot(flow);
    const FlowState& state = hot.state;
    const bool outbound = direction == Direction::outbound;
    std::uint8_t* ip = packet.data + headers.l3;
    std::uint8_t* l4 = packet.data + headers.l4;
    const std::size_t port_offset = headers.protocol == classifier::kProtocolIcmp ? 4
                                    : outbound                                    ? 0
                                                                                  : 2;
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        const std::uint32_t address = outbound ? state.nat_address : hot.key.inside;
        const std::uint16_t port = outbound ? state.nat_port : hot.key.inside_port;
        // A reply captured inside already carries the workload's address.
        const bool done = !outbound && classifier::load32(ip + 16) == address;
        const std::uint16_t l3_delta = done       ? std::uint16_t{0}
                                       : outbound ? state.l3_delta
                                                  : static_cast<std::uint16_t>(~state.l3_delta);
        const std::uint16_t l4_delta = done       ? std::uint16_t{0}
                                       : outbound ? state.l4_delta
                                                  : static_cast<std::uint16_t>(~state.l4_delta);
        std::memcpy(ip + (outbound ? 12 : 16), &address, 4);
        std::memcpy(l4 + port_offset, &port, 2);
        take_hop(ip, l4, headers.protocol, l3_delta, l4_delta);
    } else {
        --ip[7];  // IPv6 has no header checksum and is not translated
    }
    if (!outbound) {
        const LinkHeader& header = peers_[state.peer];
        put_link_header(packet, headers.l3, header);
        packet.size = headers.ip_size + header.size;
        send(packet);
        return;
    }
    LinkHeader header;
    header.port = context.outside;
    if (!neighbours_.is_current(state.next_hop)) {
        // Nothing answered for so long that the entry went to another address.
        (void)choose_next_hop<Key>(context, flow);
    }
    const std::uint64_t link = neighbours_.word(state.next_hop);
    std::uint8_t* start = header.bytes.data() + header.bytes.size() - 14;
    std::memcpy(start, &link, 6);
    std::memcpy(start + 6, context.snapshot.ports[context.outside].link.data(), 6);
    start[12] = std::is_same_v<Key, FlowKey4> ? 0x08 : 0x86;
    start[13] = std::is_same_v<Key, FlowKey4> ? 0x00 : 0xDD;
    put_link_header(packet, headers.l3, header);
    packet.size = headers.ip_size + 14U;
    if (link == 0 && !context.snapshot.behaviour.capture) {
        wait_for_neighbour(context, packet, state.next_hop);
        return;
    }
    send(packet);
}

void Pipeline::put_link_header(Packet& packet, std::size_t l3, const LinkHeader& header) noexcept {
    // 24 bytes before any IP header: kHeadroomBytesMin guarantees them.
    std::uint8_t* ip = packet.data + l3;
    std::memcpy(ip - header.bytes.size(), header.bytes.data(), header.bytes.size());
    packet.data = ip - header.size;
    packet.port = header.port;
}

void Pipeline::send_own(Packet& packet) noexcept {
    packet.ours = true;
    ++made_here_;
    send(packet);
}

// A place for a packet made here, valid until it has been transmitted.
Packet& Pipeline::keep(const Packet& packet) noexcept {
    if (kept_size_ == kept_.size()) {
        flush_transmit();
    }
    return kept_[kept_size_++] = packet;
}

void Pipeline::flush_transmit() noexcept {
    std::uint64_t bytes = out_bytes_;
    std::uint32_t refused_received = 0;
    if (out_size_ != 0 && io_.transmit({out_.data(), out_size_}) != 0) [[unlikely]] {
        for (std::size_t i = 0; i < out_size_; ++i) {
            Packet& packet = *out_[i];
            if (packet.refused) {
                bytes -= packet.size;
                refused_received += packet.ours ? 0U : 1U;
                io_.release(packet);
            }
        }
        drops_[static_cast<std::size_t>(DropReason::transmit_full)] += refused_received;
        dropped_any_ = true;
    }
    counters_.originated_packets.add(made_here_);
    counters_.transmitted_packets.add(out_size_ - made_here_ - refused_received);
    counters_.transmitted_bytes.add(bytes);
    made_here_ = 0;
    out_size_ = 0;
    out_bytes_ = 0;
    kept_size_ = 0;
    if (dropped_any_) {
        dropped_any_ = false;
        for (std::size_t i = 0; i < drops_.size(); ++i) {
            if (drops_[i] != 0) {
                counters_.drops[i].add(drops_[i]);
                drops_[i] = 0;
            }
        }
    }
}

// A packet whose next hop cannot be asked for; one of our own was never received.
void Pipeline::give_up(const Packet& packet) noexcept {
    if (packet.ours) {
        --made_here_;
        io_.release(packet);
    } else {
        drop(packet, DropReason::neighbour_unresolved);
    }
}

void Pipeline::drop(const Packet& packet, DropReason reason) noexcept {
    leave(reason);
    io_.release(packet);
}

template void Pipeline::translate<FlowKey4>(
    Context&, Packet&, const Headers&, std::uint32_t, Direction
) noexcept;
template void Pipeline::translate<FlowKey6>(
    Context&, Packet&, const Headers&, std::uint32_t, Direction
) noexcept;

}  // namespace sallyport::dataplane
