// SPDX-License-Identifier: Apache-2.0
// One worker's way to tell: a single-producer, single-consumer ring of events, filled in place.
// rte_ring's zero-copy calls are experimental in DPDK 22.11; these forty lines are not, and run
// under the thread sanitizer without EAL.
#pragma once

#include "gateway/dataplane/large_array.h"
#include "gateway/model/event.h"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sallyport::dataplane {

// Writer and reader keep to lines of their own.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
class EventRing {
public:
    /// `capacity` is rounded up to a power of two.
    explicit EventRing(std::size_t capacity)
        : slots_(std::bit_ceil(capacity)),
          mask_(slots_.size() - 1) {}

    /// Worker: the next slot to fill, null when the ring is full. Nothing is visible before
    /// publish().
    [[nodiscard]] Event* reserve() noexcept {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_seen_ == slots_.size()) {
            head_seen_ = head_.load(std::memory_order_acquire);
            if (tail - head_seen_ == slots_.size()) {
                return nullptr;
            }
        }
        // The one after it will be written soon, and was last seen by the reader's core.
        const auto* next = reinterpret_cast<const std::uint8_t*>(&slots_[(tail + 1) & mask_]);
        for (std::size_t line = 0; line < kEventHeadBytes; line += 64) {
            __builtin_prefetch(next + line, 1);
        }
        return &slots_[tail & mask_].event;
    }
    /// Worker: makes the reserved slot visible.
    void publish() noexcept {
        tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    /// Spooler: calls `use(event)` for at most `most` events, oldest first; returns how many.
    template <class Use>
    std::size_t drain(std::size_t most, Use&& use) {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        const std::uint64_t tail = tail_.load(std::memory_order_acquire);
        std::size_t count = 0;
        for (; head + count < tail && count < most; ++count) {
            use(static_cast<const Event&>(slots_[(head + count) & mask_].event));
        }
        head_.store(head + count, std::memory_order_release);
        return count;
    }
    /// Worker: true when `count` events more would fit now.
    [[nodiscard]] bool has_room(std::size_t count) noexcept {
        head_seen_ = head_.load(std::memory_order_acquire);
        return tail_.load(std::memory_order_relaxed) - head_seen_ + count <= slots_.size();
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }

private:
    struct alignas(64) Slot {
        Event event;
    };
    LargeArray<Slot> slots_;
    std::size_t mask_;
    alignas(64) std::atomic<std::uint64_t> tail_{0};  ///< worker writes, spooler reads
    std::uint64_t head_seen_ = 0;                     ///< worker only
    alignas(64) std::atomic<std::uint64_t> head_{0};  ///< spooler writes, worker reads
};

}  // namespace sallyport::dataplane
