// SPDX-License-Identifier: Apache-2.0
// Theory of operation
//
// Definitions (RFC 4787, RFC 6888): an egress address has 64 512 ports (1024-65535) a protocol, cut
// into blocks of `block_size`. A block belongs to one worker, by its number, so that a reply's
// destination port names the worker that owns the flow. A worker gives a block to one workload at a
// time; the ledger tells that once a block, not once a flow.
//
//   egress address 192.0.2.16, tcp:  | 1024.. | 1088.. | 1152.. | ...        block b -> worker b %
//   workers
//                                      api-1     free     api-1               block   -> workload
//
// Mappings are endpoint-dependent: a port may serve several flows of its workload as long as the
// 5-tuples outside differ (RFC 7857 section 3). The flow table's public index is the exact record
// of what is in use, so the table here keeps no bitmap of ports: a port is free for a destination
// when the public tuple is not found there.
//
// One packet out: workload 7 opens a flow; the block of its last one for (address, protocol) is
// asked at random ports. When eight tries find none free for that destination, the next blocks of
// its ring are looked at for one that is less than three quarters full: there a port is free. Else
// another block is taken; when there is none, a block of its own with fewer flows than ports is
// used. Only when all have more is every port asked, a bounded number a burst, going on where the
// last burst stopped. When that has found nothing the new flow is refused. No live mapping is ever
// removed to make room (RFC 6888 REQ-11d). One packet back: the public tuple is looked up in the
// flow table; nothing here is asked.
//
// A block whose last flow has gone stays with its workload for kBlockHoldSeconds (RFC 6888 REQ-8:
// no other workload gets a port within 120 s of its last use), then it is free again and the ledger
// says so.
#pragma once

#include "gateway/dataplane/flow_hash.h"
#include "gateway/dataplane/large_array.h"
#include "gateway/model/address.h"
#include "gateway/model/workload.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace sallyport::dataplane {

inline constexpr std::uint32_t kNoBlock = 0xFFFFFFFFU;
inline constexpr std::uint32_t kNoEgress = 0xFFFFFFFFU;  ///< no index into Snapshot::egress
inline constexpr std::uint16_t kNatPortFirst =
    1024;  // RFC 4787 REQ-3a, and nothing below is ever used
inline constexpr std::uint32_t kNatPorts = 65536 - kNatPortFirst;
inline constexpr std::uint32_t kBlockHoldSeconds = 120;
inline constexpr std::size_t kNatProtocols = 3;  ///< tcp, udp, icmp

/// 0, 1, 2 for TCP, UDP, ICMP.
constexpr std::size_t nat_protocol_index(std::uint8_t protocol) noexcept {
    return protocol == 6 ? 0 : protocol == 17 ? 1 : 2;
}

/// A block given or taken back, for the ledger.
struct BlockChange {
    std::uint32_t address = 0;  ///< raw
    std::uint16_t first_port = 0;
    std::uint16_t last_port = 0;  ///< inclusive
    std::uint8_t protocol_index = 0;
    WorkloadId workload = kUnknownWorkload;
    std::uint16_t pool = 0;
};

/// The blocks of one egress address that one worker owns. Made by the control side for each worker
/// before a snapshot names it; used by that worker only; lives as long as the process.
class AddressPorts {
public:
    AddressPorts(
        std::uint32_t address_raw,
        std::uint32_t block_size,
        std::uint16_t worker,
        std::uint16_t workers,
        std::uint64_t seed
    );

    [[nodiscard]] std::uint32_t address() const noexcept { return address_; }
    [[nodiscard]] std::uint32_t block_size() const noexcept { return block_size_; }
    [[nodiscard]] std::uint32_t blocks_total() const noexcept {
        return static_cast<std::uint32_t>(kNatProtocols) * per_protocol_;
    }
    /// Any thread.
    [[nodiscard]] std::uint32_t blocks_used() const noexcept {
        return used_.load(std::memory_order_relaxed);
    }

    /// Ports that flows hold; where flows to several destinations share one, each counts, up to the
    /// ports of their block. Any thread.
    [[nodiscard]] std::uint32_t ports_used() const noexcept {
        return ports_used_.load(std::memory_order_relaxed);
    }
    /// New flows that found neither a free port nor a free block here. Any thread.
    [[nodiscard]] std::uint64_t refusals() const noexcept {
        return refusals_.load(std::memory_order_relaxed);
    }
    void refuse() noexcept { refusals_.store(refusals() + 1, std::memory_order_relaxed); }

    /// Block of a workload's latest flow of a protocol, kNoBlock when the workload has none.
    [[nodiscard]] std::uint32_t current(WorkloadId workload, std::size_t protocol) const noexcept;
    /// Has the lines fetched that current() reads first, and that add_flow() writes.
    void prefetch_owner(WorkloadId workload, std::size_t protocol) const noexcept {
        __builtin_prefetch(&owners_[home_of(workload, protocol)]);
    }
    void prefetch_block(std::uint32_t block) const noexcept {
        __builtin_prefetch(&blocks_[block], 1);
    }
    /// Looks at the workload's next blocks, at most `blocks_most`, for those with fewer flows than
    /// `flows_below`. The emptiest becomes the current one; kNoBlock when there is none.
    [[nodiscard]] std::uint32_t next_with_room(
        WorkloadId workload,
        std::size_t protocol,
        std::uint32_t flows_below,
        std::uint32_t blocks_most
    ) noexcept;
    /// The block after `block` in the ring of its owner's blocks of one protocol.
    [[nodiscard]] std::uint32_t after(std::uint32_t block) const noexcept;
    /// Blocks of a workload for a protocol.
    [[nodiscard]] std::uint32_t block_count(WorkloadId workload, std::size_t protocol)
        const noexcept;
    [[nodiscard]] bool belongs_to(std::uint32_t block, WorkloadId workload, std::size_t protocol)
        const noexcept {
        return blocks_[block].taken && blocks_[block].owner == workload &&
               block / per_protocol_ == protocol;
    }
    /// A free block for the workload, kNoBlock when all are taken.
    [[nodiscard]] std::uint32_t take(
        WorkloadId workload, std::size_t protocol, std::uint16_t pool
    ) noexcept;
    void add_flow(std::uint32_t block) noexcept {
        if (++blocks_[block].flows <= block_size_) {
            ports_used_.store(ports_used() + 1, std::memory_order_relaxed);
        }
    }
    /// Flows taken off so far: while it stands still, a port that was in use still is.
    [[nodiscard]] std::uint64_t removals() const noexcept { return removals_; }
    void remove_flow(std::uint32_t block, std::uint64_t now_ns) noexcept;
    [[nodiscard]] std::uint16_t first_port(std::uint32_t block) const noexcept;
    [[nodiscard]] BlockChange describe(std::uint32_t block) const noexcept;
    /// Looks at a few blocks; when one has been idle long enough it is freed and described in
    /// `out`.
    bool release_one_idle(std::uint64_t now_ns, BlockChange& out) noexcept;

private:
    struct Block {
        WorkloadId owner = kUnknownWorkload;
        std::uint32_t flows = 0;
        std::uint64_t idle_since_ns = 0;
        std::uint32_t older = kNoBlock;  ///< next block of the same owner and protocol
        std::uint16_t pool = 0;
        bool taken = false;
    };
    struct alignas(32) Owner {  // two a line, none in two lines
        WorkloadId workload = kUnknownWorkload;
        std::uint32_t protocol = 0;
        std::uint32_t newest = kNoBlock;   ///< head of the chain by Block::older
        std::uint32_t current = kNoBlock;  ///< of the latest flow
        std::uint32_t cursor = kNoBlock;   ///< looked at last for room
        std::uint32_t blocks = 0;
        bool used = false;
    };
    [[nodiscard]] std::size_t home_of(WorkloadId workload, std::size_t protocol) const noexcept {
        // Workload ids are ours, not a sender's: a plain multiplicative hash is enough.
        return (std::size_t{workload} * 4 + protocol) * 0x9E3779B1U & (owners_.size() - 1);
    }
    [[nodiscard]] std::size_t owner_slot(WorkloadId workload, std::size_t protocol) const noexcept;
    void drop_owner_block(std::uint32_t block) noexcept;
    void erase_owner(std::size_t slot) noexcept;

    std::uint32_t address_;
    std::uint32_t block_size_;
    std::uint16_t worker_;
    std::uint16_t workers_;
    std::uint32_t per_protocol_;                ///< blocks this worker owns a protocol
    std::atomic<std::uint32_t> used_{0};        ///< the worker writes, the control side reads
    std::atomic<std::uint32_t> ports_used_{0};  ///< as used_
    std::atomic<std::uint64_t> refusals_{0};    ///< as used_
    std::vector<Block> blocks_;
    /// Stacks, shuffled at start (RFC 6056).
    std::array<std::vector<std::uint32_t>, kNatProtocols> free_;
    std::vector<Owner> owners_;  ///< open addressing, at most half full: there are at most as many
                                 ///< owners as blocks
    std::uint32_t sweep_ = 0;
    std::uint64_t removals_ = 0;
};

/// Worker that owns an egress port: the inverse of how blocks are shared out.
constexpr std::uint16_t worker_of_port(
    std::uint16_t port, std::uint32_t block_size, std::uint16_t workers
) noexcept {
    return port < kNatPortFirst
               ? std::uint16_t{0}
               : static_cast<std::uint16_t>((port - kNatPortFirst) / block_size % workers);
}

/// Small fast generator for port choice; seeded from the kernel, one a worker (RFC 6056 algorithm 1
/// with a non-guessable source).
class PortRandom {
public:
    explicit PortRandom(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint32_t next() noexcept {
        state_ += 0x9E3779B97F4A7C15ULL;
        return static_cast<std::uint32_t>(
            fold_multiply(state_ ^ 0xD6E8FEB86659FD93ULL, 0xA0761D6478BD642FULL ^ (state_ >> 32U))
        );
    }

private:
    std::uint64_t state_;
};

}  // namespace sallyport::dataplane
