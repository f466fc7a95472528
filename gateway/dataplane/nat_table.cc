// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/nat_table.h"

#include <algorithm>
#include <bit>
#include <random>

namespace sallyport::dataplane {
namespace {

// Blocks looked at in one call of release_one_idle: keeps housekeeping bounded.
constexpr std::uint32_t kSweepBlocks = 64;

}  // namespace

AddressPorts::AddressPorts(
    std::uint32_t address_raw,
    std::uint32_t block_size,
    std::uint16_t worker,
    std::uint16_t workers,
    std::uint64_t seed
)
    : address_(address_raw),
      block_size_(block_size),
      worker_(worker),
      workers_(workers) {
    const std::uint32_t all = kNatPorts / block_size;
    per_protocol_ = all / workers + (worker < all % workers ? 1 : 0);
    blocks_.resize(static_cast<std::size_t>(per_protocol_) * kNatProtocols);
    owners_.resize(std::bit_ceil(blocks_.size() * 2 + 2));
    std::mt19937_64 shuffle(seed);
    for (std::size_t protocol = 0; protocol < kNatProtocols; ++protocol) {
        for (std::uint32_t i = 0; i < per_protocol_; ++i) {
            free_[protocol].push_back(static_cast<std::uint32_t>(protocol) * per_protocol_ + i);
        }
        std::shuffle(free_[protocol].begin(), free_[protocol].end(), shuffle);
    }
}

std::size_t AddressPorts::owner_slot(WorkloadId workload, std::size_t protocol) const noexcept {
    std::size_t slot = home_of(workload, protocol);
    while (owners_[slot].used &&
           (owners_[slot].workload != workload || owners_[slot].protocol != protocol)) {
        slot = (slot + 1) & (owners_.size() - 1);
    }
    return slot;
}

std::uint32_t AddressPorts::current(WorkloadId workload, std::size_t protocol) const noexcept {
    const Owner& owner = owners_[owner_slot(workload, protocol)];
    return owner.used ? owner.current : kNoBlock;
}

std::uint32_t AddressPorts::block_count(WorkloadId workload, std::size_t protocol) const noexcept {
    const Owner& owner = owners_[owner_slot(workload, protocol)];
    return owner.used ? owner.blocks : 0;
}

std::uint32_t AddressPorts::after(std::uint32_t block) const noexcept {
    const std::uint32_t older = blocks_[block].older;
    return older != kNoBlock
               ? older
               : owners_[owner_slot(blocks_[block].owner, block / per_protocol_)].newest;
}

std::uint32_t AddressPorts::next_with_room(
    WorkloadId workload, std::size_t protocol, std::uint32_t flows_below, std::uint32_t blocks_most
) noexcept {
    Owner& owner = owners_[owner_slot(workload, protocol)];
    std::uint32_t best = kNoBlock;
    std::uint32_t best_flows = flows_below;
    const std::uint32_t most = owner.used ? std::min(owner.blocks, blocks_most) : 0;
    for (std::uint32_t i = 0; i < most; ++i) {
        const std::uint32_t older = blocks_[owner.cursor].older;
        owner.cursor = older == kNoBlock ? owner.newest : older;
        if (blocks_[owner.cursor].flows < best_flows) {
            best = owner.cursor;
            best_flows = blocks_[best].flows;
        }
    }
    if (best != kNoBlock) {
        owner.current = best;
    }
    return best;
}

std::uint32_t AddressPorts::take(
    WorkloadId workload, std::size_t protocol, std::uint16_t pool
) noexcept {
    if (free_[protocol].empty()) {
        return kNoBlock;
    }
    const std::uint32_t block = free_[protocol].back();
    free_[protocol].pop_back();
    Owner& owner = owners_[owner_slot(workload, protocol)];
    if (!owner.used) {
        owner = Owner{};
        owner.workload = workload;
        owner.protocol = static_cast<std::uint32_t>(protocol);
        owner.cursor = block;
        owner.used = true;
    }
    blocks_[block] = {workload, 0, 0, owner.newest, pool, true};
    owner.newest = block;
    owner.current = block;
    ++owner.blocks;
    used_.store(blocks_used() + 1, std::memory_order_relaxed);
    return block;
}

void AddressPorts::remove_flow(std::uint32_t block, std::uint64_t now_ns) noexcept {
    ++removals_;
    if (blocks_[block].flows <= block_size_) {
        ports_used_.store(ports_used() - 1, std::memory_order_relaxed);
    }
    if (--blocks_[block].flows == 0) {
        blocks_[block].idle_since_ns = now_ns;
    }
}

std::uint16_t AddressPorts::first_port(std::uint32_t block) const noexcept {
    const std::uint32_t mine = block % per_protocol_;
    return static_cast<std::uint16_t>(kNatPortFirst + (mine * workers_ + worker_) * block_size_);
}

BlockChange AddressPorts::describe(std::uint32_t block) const noexcept {
    const std::uint16_t first = first_port(block);
    return {
        address_,
        first,
        static_cast<std::uint16_t>(first + block_size_ - 1),
        static_cast<std::uint8_t>(block / per_protocol_),
        blocks_[block].owner,
        blocks_[block].pool,
    };
}

bool AddressPorts::release_one_idle(std::uint64_t now_ns, BlockChange& out) noexcept {
    constexpr std::uint64_t kHoldNs = std::uint64_t{kBlockHoldSeconds} * 1'000'000'000U;
    for (std::uint32_t i = 0; blocks_used() != 0 && i < kSweepBlocks && i < blocks_.size(); ++i) {
        const std::uint32_t block = sweep_;
        sweep_ = sweep_ + 1 == blocks_.size() ? 0 : sweep_ + 1;
        if (blocks_[block].taken && blocks_[block].flows == 0 &&
            now_ns - blocks_[block].idle_since_ns >= kHoldNs) {
            out = describe(block);
            drop_owner_block(block);
            return true;
        }
    }
    return false;
}

void AddressPorts::drop_owner_block(std::uint32_t block) noexcept {
    const std::size_t protocol = block / per_protocol_;
    const std::size_t slot = owner_slot(blocks_[block].owner, protocol);
    std::uint32_t* link = &owners_[slot].newest;
    while (*link != block) {
        link = &blocks_[*link].older;
    }
    *link = blocks_[block].older;
    Owner& owner = owners_[slot];
    --owner.blocks;
    owner.current = owner.current == block ? owner.newest : owner.current;
    owner.cursor = owner.cursor == block ? owner.newest : owner.cursor;
    if (owner.newest == kNoBlock) {
        erase_owner(slot);
    }
    blocks_[block] = Block{};
    // Capacity was reached when the stack was filled at start: this never allocates.
    free_[protocol].insert(free_[protocol].begin(), block);
    used_.store(blocks_used() - 1, std::memory_order_relaxed);
}

// Open addressing without tombstones: pull later entries of the probe run back over the hole.
void AddressPorts::erase_owner(std::size_t slot) noexcept {
    const std::size_t mask = owners_.size() - 1;
    std::size_t hole = slot;
    owners_[hole] = Owner{};
    for (std::size_t next = (hole + 1) & mask; owners_[next].used; next = (next + 1) & mask) {
        const Owner moved = owners_[next];
        owners_[next] = Owner{};
        owners_[owner_slot(moved.workload, moved.protocol)] = moved;
    }
}

}  // namespace sallyport::dataplane
