// SPDX-License-Identifier: Apache-2.0
// map: egress address, port and next hop of a new flow; and how they are given back.
#include "gateway/dataplane/checksum.h"
#include "gateway/dataplane/pipeline.h"

namespace sallyport::dataplane {
namespace {

// Random ports asked in the newest block before another block is taken.
constexpr std::uint32_t kQuickTries = 8;

// Which address of a pool a workload uses: always the same one while the pool stays (RFC 6888
// REQ-2, paired pooling across protocols).
std::size_t address_index(WorkloadId workload, std::size_t count) noexcept {
    return static_cast<std::size_t>(
        fold_multiply(workload ^ 0x9E3779B97F4A7C15ULL, 0xC2B2AE3D27D4EB4FULL) % count
    );
}

}  // namespace

// A port of `block` whose public tuple towards the flow's destination is unused; 0 when none was
// found.
std::uint32_t Pipeline::find_port(
    AddressPorts& ports, std::uint32_t block, FlowKey4& public_key, bool exhaustive
) noexcept {
    const std::uint32_t size = ports.block_size();
    const std::uint32_t tries = exhaustive ? size : std::min(size, kQuickTries);
    const std::uint32_t start = random_.next();
    for (std::uint32_t i = 0; i < tries; ++i) {
        const std::uint32_t offset =
            exhaustive ? (start + i) % size : (i == 0 ? start : random_.next()) % size;
        const std::uint32_t port = ports.first_port(block) + offset;
        public_key.inside_port = byte_swap(static_cast<std::uint16_t>(port));
        if (flows4_.find(public_key) == kNoFlow) {
            return port;
        }
    }
    return 0;
}

// Exact: when any port of any block of the workload, from `block` on, is free for this destination,
// it is found (N3). `block` becomes the one it is in.
std::uint32_t Pipeline::find_any_port(
    AddressPorts& ports, std::uint32_t& block, FlowKey4& public_key, WorkloadId workload
) noexcept {
    public_key.inside_port = 0;
    Exhausted& known = exhausted_[flows4_.hash(public_key) % exhausted_.size()];
    if (known.key == public_key && known.workload == workload &&
        known.removals == ports.removals()) {
        return 0;
    }
    const Exhausted asked{public_key, workload, ports.removals()};
    for (; block != kNoBlock; block = ports.older(block)) {
        const std::uint32_t port = find_port(ports, block, public_key, true);
        if (port != 0) {
            return port;
        }
    }
    known = asked;
    return 0;
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
    const std::uint16_t pool_index = context.snapshot.pool_for(workload);
    if (pool_index == kNoPool || context.snapshot.pools[pool_index].addresses.empty()) {
        return DropReason::no_egress_pool;
    }
    const PoolView& pool = context.snapshot.pools[pool_index];
    const std::uint32_t egress = pool.addresses[address_index(workload, pool.addresses.size())];
    AddressPorts& ports = *context.snapshot.egress[egress][settings_.worker];
    const std::size_t protocol = nat_protocol_index(hot.key.protocol);
    FlowKey4 public_key = hot.key;
    public_key.direction = static_cast<std::uint8_t>(Direction::inbound);
    public_key.inside = ports.address();

    std::uint32_t block = ports.newest(workload, protocol);
    std::uint32_t port = block == kNoBlock ? 0 : find_port(ports, block, public_key, false);
    if (port == 0) {
        const std::uint32_t fresh = ports.take(workload, protocol, pool_index);
        if (fresh != kNoBlock) {
            tell_block(context, ports.describe(fresh), EventKind::nat_block_allocated);
            counters_.blocks_in_use.add(1);
            block = fresh;
            port = find_port(ports, block, public_key, true);
        } else if (block == kNoBlock) {
            return DropReason::nat_blocks_exhausted;
        } else {
            port = find_any_port(ports, block, public_key, workload);
        }
    }
    if (port == 0) {
        return DropReason::nat_ports_exhausted;
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
        destination = IpAddress::v6(reinterpret_cast<const std::uint8_t*>(key.outside));
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
    const std::uint16_t neighbour = neighbours_.find_or_add(hop, context.outside);
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
