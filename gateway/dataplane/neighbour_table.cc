// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/neighbour_table.h"

#include <algorithm>
#include <cstring>

namespace sallyport::dataplane {
namespace {

constexpr std::uint64_t kResolved = std::uint64_t{1} << 63U;

}  // namespace

std::uint16_t NeighbourTable::find(const IpAddress& address, std::uint16_t port) const noexcept {
    for (std::size_t i = 0; i < kCapacity; ++i) {
        const Entry& entry = entries_[i];
        const std::uint32_t state = entry.state.load(std::memory_order_acquire);
        if (state == empty) {
            return kNoNeighbour;
        }
        if (state == ready && entry.port == port && entry.address == address) {
            return static_cast<std::uint16_t>(i);
        }
    }
    return kNoNeighbour;
}

std::uint16_t NeighbourTable::find_or_add(const IpAddress& address, std::uint16_t port) noexcept {
    const std::uint16_t found = find(address, port);
    if (found != kNoNeighbour) {
        return found;
    }
    for (std::size_t i = 0; i < kCapacity; ++i) {
        std::uint32_t expected = empty;
        Entry& entry = entries_[i];
        if (entry.state.compare_exchange_strong(expected, filling, std::memory_order_acq_rel)) {
            entry.address = address;
            entry.port = port;
            entry.state.store(ready, std::memory_order_release);
            return static_cast<std::uint16_t>(i);
        }
    }
    return kNoNeighbour;
}

void NeighbourTable::learn(
    std::uint16_t index, const LinkAddress& link, std::uint64_t now_seconds
) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, link.data(), link.size());
    entries_[index].word.store(word | kResolved, std::memory_order_relaxed);
    entries_[index].learned_seconds.store(now_seconds, std::memory_order_relaxed);
}

bool NeighbourTable::wants_request(std::uint16_t index, std::uint64_t now_seconds) noexcept {
    Entry& entry = entries_[index];
    if (entry.state.load(std::memory_order_acquire) != ready) {
        return false;
    }
    const bool resolved = entry.word.load(std::memory_order_relaxed) != 0;
    // Another worker's clock reading may be a second ahead of this one's.
    const std::uint64_t learned = entry.learned_seconds.load(std::memory_order_relaxed);
    const std::uint64_t age = now_seconds - std::min(learned, now_seconds);
    if (resolved && age >= kForgetSeconds) {
        entry.word.store(0, std::memory_order_relaxed);
    } else if (resolved && age < kRefreshSeconds) {
        return false;
    }
    return entry.asked_seconds.exchange(now_seconds + 1, std::memory_order_relaxed) !=
           now_seconds + 1;
}

std::size_t NeighbourTable::size() const noexcept {
    std::size_t count = 0;
    while (count < kCapacity && entries_[count].state.load(std::memory_order_acquire) != empty) {
        ++count;
    }
    return count;
}

}  // namespace sallyport::dataplane
