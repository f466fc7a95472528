// SPDX-License-Identifier: Apache-2.0
// map: egress address, port and next hop of a new flow; and how they are given back.
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"

namespace sallyport::dataplane {
namespace {

// Random ports asked in the current block before another one is looked for.
constexpr std::uint32_t kQuickTries = 8;
// Blocks of the workload whose number of flows is read, before a fresh block is taken, and when
// there is none: reading one costs a fraction of asking for a port.
constexpr std::uint32_t kBlocksLookedAt = 32;
constexpr std::uint32_t kBlocksLookedAtLast = 1024;

// Which address of a pool a workload uses: always the same one while the pool stays (RFC 6888
// REQ-2, paired pooling across protocols).
std::size_t address_index(WorkloadId workload, std::size_t count) noexcept {
    return static_cast<std::size_t>(
        fold_multiply(workload ^ 0x9E3779B97F4A7C15ULL, 0xC2B2AE3D27D4EB4FULL) % count
    );
}

}  // namespace

// The egress address of a workload's flows: an index into Snapshot::egress, kNoEgress when the
// workload has no pool.
std::uint32_t Pipeline::egress_of(const Context& context, WorkloadId workload) noexcept {
    const std::uint16_t pool = context.snapshot.pool_for(workload);
    if (pool == kNoPool || context.snapshot.pools[pool].addresses.empty()) {
        return kNoEgress;
    }
    const std::vector<std::uint32_t>& addresses = context.snapshot.pools[pool].addresses;
    return addresses[address_index(workload, addresses.size())];
}

// Outbound packets that no flow is known for will mostly open one. What that reads and writes lies
// all over memory, one place known by what stands in another; asked for packet by packet each is a
// wait of its own, asked for pass by pass the waits of a burst are one. A port is drawn here
// because the place of the reply's tuple depends on it; it is tried first if the workload's block
// is still the same then.
void Pipeline::prepare_flows(const Context& context, std::span<const std::uint8_t> fresh) noexcept {
    const WorkloadTable& workloads = *context.snapshot.workloads;
    for (std::uint32_t i = 0; i < fresh.size(); ++i) {
        const FlowKey4& key = lookup4_.key[fresh[i]];
        workloads.prefetch(IpAddress::v4_raw(key.inside));
        context.snapshot.threats->prefetch_address(IpAddress::v4_raw(key.outside));
        flows4_.prefetch_free(i);
    }
    std::array<const AddressPorts*, kBatchSize> ports;  // NOLINT(*-member-init): as many as fresh
    for (std::size_t i = 0; i < fresh.size(); ++i) {
        const FlowKey4& key = lookup4_.key[fresh[i]];
        const WorkloadId workload = workloads.find(IpAddress::v4_raw(key.inside));
        Prepared& prepared = prepared_[lookup4_.packet[fresh[i]]];
        prepared.attributed = true;
        prepared.workload = workload;
        const std::uint32_t egress =
            context.snapshot.behaviour.translate ? egress_of(context, workload) : kNoEgress;
        ports[i] =
            egress == kNoEgress ? nullptr : context.snapshot.egress[egress][settings_.worker];
        if (ports[i] != nullptr) {
            ports[i]->prefetch_owner(workload, nat_protocol_index(key.protocol));
        }
    }
    for (std::size_t i = 0; i < fresh.size(); ++i) {
        if (ports[i] == nullptr) {
            continue;
        }
        FlowKey4 key = lookup4_.key[fresh[i]];
        Prepared& prepared = prepared_[lookup4_.packet[fresh[i]]];
        prepared.block = ports[i]->current(prepared.workload, nat_protocol_index(key.protocol));
        if (prepared.block == kNoBlock) {
            continue;
        }
        ports[i]->prefetch_block(prepared.block);
        prepared.port = random_port(*ports[i], prepared.block);
        key.direction = static_cast<std::uint8_t>(Direction::inbound);
        key.inside = ports[i]->address();
        key.inside_port = byte_swap(prepared.port);
        flows4_.prefetch(flows4_.hash(key));
    }
}

std::uint16_t Pipeline::random_port(const AddressPorts& ports, std::uint32_t block) noexcept {
    return static_cast<std::uint16_t>(
        ports.first_port(block) + random_.next() % ports.block_size()
    );
}

// A port of `block` whose public tuple towards the flow's destination is unused, by a few random
// tries; 0 when none was found.
std::uint32_t Pipeline::try_ports(
    const AddressPorts& ports, std::uint32_t block, FlowKey4& public_key
) noexcept {
    for (std::uint32_t i = 0; i < kQuickTries; ++i) {
        const bool drawn = i == 0 && in_hand_.block == block;
        const std::uint16_t port = drawn ? in_hand_.port : random_port(ports, block);
        public_key.inside_port = byte_swap(port);
        if (flows4_.find(public_key) == kNoFlow) {
            return port;
        }
    }
    return 0;
}

// The same by asking one port after the other from `offset` on, `most` of them, and no more than
// the burst's budget. `offset` ends behind the last one asked.
std::uint32_t Pipeline::scan_ports(
    const AddressPorts& ports,
    std::uint32_t block,
    FlowKey4& public_key,
    std::uint32_t& offset,
    std::uint32_t most
) noexcept {
    for (; most != 0 && scan_budget_ != 0; --most, --scan_budget_) {
        const std::uint32_t port = ports.first_port(block) + offset++ % ports.block_size();
        public_key.inside_port = byte_swap(static_cast<std::uint16_t>(port));
        if (flows4_.find(public_key) == kNoFlow) {
            return port;
        }
    }
    return 0;
}

// Asks every port of every block of the workload. What the burst's budget leaves is asked by the
// next flow to this destination, so that a free port is found in the end (N3), and that there is
// none is known until one has been given back.
std::uint32_t Pipeline::find_any_port(
    const AddressPorts& ports, std::uint32_t& block, FlowKey4& public_key, WorkloadId workload
) noexcept {
    public_key.inside_port = 0;
    const std::size_t protocol = nat_protocol_index(public_key.protocol);
    const std::uint32_t size = ports.block_size();
    const std::uint64_t all = std::uint64_t{ports.block_count(workload, protocol)} * size;
    Search& search = searches_[flows4_.hash(public_key) % searches_.size()];
    if (!(search.key == public_key) || search.workload != workload || search.block == kNoBlock ||
        !ports.belongs_to(search.block, workload, protocol)) {
        search = {public_key, workload, 0, 0, ports.current(workload, protocol), 0};
    }
    if (search.removals != ports.removals()) {
        search.removals = ports.removals();
        search.asked = 0;
    }
    while (search.asked < all && scan_budget_ != 0) {
        const std::uint32_t before = search.offset;
        const std::uint32_t port =
            scan_ports(ports, search.block, public_key, search.offset, size - before);
        search.asked += search.offset - before;
        block = search.block;
        if (search.offset == size) {
            search.offset = 0;
            search.block = ports.after(search.block);
        }
        if (port != 0) {
            return port;
        }
    }
    return 0;
}

// A port for a new flow and the block it is in, cheapest first (see nat_table.h); 0 when none was
// found.
std::uint32_t Pipeline::choose_port(
    Context& context,
    AddressPorts& ports,
    std::uint16_t pool,
    WorkloadId workload,
    FlowKey4& public_key,
    std::uint32_t& block
) noexcept {
    const std::size_t protocol = nat_protocol_index(public_key.protocol);
    const std::uint32_t size = ports.block_size();
    const auto scan_next = [&](std::uint32_t flows_below, std::uint32_t blocks_most) noexcept {
        block = ports.next_with_room(workload, protocol, flows_below, blocks_most);
        std::uint32_t offset = random_.next() % size;
        return block == kNoBlock ? 0 : scan_ports(ports, block, public_key, offset, size);
    };
    block = ports.current(workload, protocol);
    std::uint32_t port = block == kNoBlock ? 0 : try_ports(ports, block, public_key);
    if (port == 0 && block != kNoBlock) {
        port = scan_next(size - size / 4, kBlocksLookedAt);
    }
    if (port != 0) {
        return port;
    }
    block = ports.take(workload, protocol, pool);
    if (block != kNoBlock) {
        tell_block(context, ports.describe(block), EventKind::nat_block_allocated);
        counters_.blocks_in_use.add(1);
        return try_ports(ports, block, public_key);  // nobody uses any of its ports
    }
    if (ports.current(workload, protocol) == kNoBlock) {
        return 0;
    }
    port = scan_next(size, kBlocksLookedAtLast);
    return port != 0 ? port : find_any_port(ports, block, public_key, workload);
}

DropReason Pipeline::map(Context& context, std::uint32_t flow, WorkloadId workload) noexcept {
    FlowHot<FlowKey4>& hot = flows4_.hot(flow);
    FlowCold& cold = flows4_.cold(flow);
    FlowState& state = hot.state;
    state.flags |= kFlowTranslated;
    state.nat_address = hot.key.inside;
    state.nat_port = hot.key.inside_port;
    if (!context.snapshot.behaviour.translate) {
        return DropReason::none;
    }
    const std::uint32_t egress = egress_of(context, workload);
    if (egress == kNoEgress) {
        return DropReason::no_egress_pool;
    }
    const std::uint16_t pool_index = context.snapshot.pool_for(workload);
    AddressPorts& ports = *context.snapshot.egress[egress][settings_.worker];
    FlowKey4 public_key = hot.key;
    public_key.direction = static_cast<std::uint8_t>(Direction::inbound);
    public_key.inside = ports.address();

    std::uint32_t block = kNoBlock;
    const std::uint32_t port = choose_port(context, ports, pool_index, workload, public_key, block);
    if (port == 0) {
        ports.refuse();
        const std::size_t protocol = nat_protocol_index(hot.key.protocol);
        return ports.block_count(workload, protocol) == 0 ? DropReason::nat_blocks_exhausted
                                                          : DropReason::nat_ports_exhausted;
    }
    ports.add_flow(block);
    cold.block = block;
    cold.egress = static_cast<std::uint16_t>(egress);
    state.pool = pool_index;
    state.nat_address = ports.address();
    state.nat_port = byte_swap(static_cast<std::uint16_t>(port));
    const std::uint64_t address_delta = delta32(hot.key.inside, state.nat_address);
    const std::uint64_t port_delta = delta16(hot.key.inside_port, state.nat_port);
    state.l3_delta = fold_sum(address_delta);
    // ICMP has no pseudo-header: only its identifier changes.
    state.l4_delta =
        fold_sum(port_delta + (hot.key.protocol == classifier::kProtocolIcmp ? 0 : address_delta));
    return DropReason::none;
}

template <class Key>
DropReason Pipeline::choose_next_hop(Context& context, std::uint32_t flow) noexcept {
    if (context.snapshot.behaviour.capture) {
        return DropReason::none;
    }
    if (context.outside >= context.snapshot.ports.size()) {
        return DropReason::no_next_hop;
    }
    const PortView& port = context.snapshot.ports[context.outside];
    const Key& key = flows<Key>().hot(flow).key;
    IpAddress destination;
    IpAddress hop;
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        destination = IpAddress::v4_raw(key.outside);
        hop = port.next_hop_v4;
    } else {
        destination = IpAddress::v6(reinterpret_cast<const std::uint8_t*>(key.outside.data()));
        hop = port.next_hop_v6;
    }
    for (const IpPrefix& own : port.addresses) {
        if (own.contains(destination)) {
            hop = destination;
            break;
        }
    }
    if (hop.family == IpFamily::none) {
        return DropReason::no_next_hop;
    }
    const std::uint16_t neighbour =
        neighbours_.find_or_add(hop, context.outside, context.now.seconds());
    if (neighbour == kNoNeighbour) {
        return DropReason::no_next_hop;
    }
    flows<Key>().hot(flow).state.next_hop = neighbour;
    return DropReason::none;
}

// Gives back everything a flow holds and frees its entry.
template <class Key>
void Pipeline::forget(Context& context, std::uint32_t flow) noexcept {
    FlowTable<Key>& table = flows<Key>();
    FlowCold& cold = table.cold(flow);
    names_.release(cold.name);
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        if (cold.block != kNoBlock) {
            context.snapshot.egress[cold.egress][settings_.worker]->remove_flow(
                cold.block, context.now.monotonic_ns
            );
        }
    }
    table.erase(flow);
    counters_.flows_active.set(flows4_.size() + flows6_.size());
}

#define SALLYPORT_INSTANTIATE(Key)                                                        \
    template DropReason Pipeline::choose_next_hop<Key>(Context&, std::uint32_t) noexcept; \
    template void Pipeline::forget<Key>(Context&, std::uint32_t) noexcept;
SALLYPORT_INSTANTIATE(FlowKey4)
SALLYPORT_INSTANTIATE(FlowKey6)
#undef SALLYPORT_INSTANTIATE

}  // namespace sallyport::dataplane
