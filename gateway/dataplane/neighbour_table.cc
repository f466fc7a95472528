// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/neighbour_table.h"

#include <algorithm>
#include <cstring>

namespace sallyport::dataplane {
namespace {

// Longest pause between requests for an address that does not answer, as a power of two.
constexpr std::uint32_t kPauseShiftMax = 4;
// Handles count to here, so that none is kNoNeighbour.
constexpr std::uint32_t kCounts = 63;

}  // namespace

std::uint16_t NeighbourTable::handle_at(std::size_t index) const noexcept {
    return static_cast<std::uint16_t>(
        entries_[index].given_away.load(std::memory_order_acquire) * kCapacity + index
    );
}

IpAddress NeighbourTable::address(std::uint16_t handle) const noexcept {
    const Entry& entry = entries_[handle % kCapacity];
    const std::uint64_t words[2] = {
        entry.address[0].load(std::memory_order_relaxed),
        entry.address[1].load(std::memory_order_relaxed)};
    IpAddress out;
    out.family = static_cast<IpFamily>(entry.family_port.load(std::memory_order_relaxed) >> 16U);
    std::memcpy(out.bytes.data(), words, 16);
    return out;
}

std::uint16_t NeighbourTable::port(std::uint16_t handle) const noexcept {
    return static_cast<std::uint16_t>(
        entries_[handle % kCapacity].family_port.load(std::memory_order_relaxed)
    );
}

bool NeighbourTable::is_resolved(const Entry& entry) const noexcept {
    return (entry.word.load(std::memory_order_relaxed) >> 48U) ==
           (kResolvedBits | entry.given_away.load(std::memory_order_relaxed));
}

std::uint16_t NeighbourTable::find(const IpAddress& address, std::uint16_t port) const noexcept {
    for (std::size_t i = 0; i < kCapacity; ++i) {
        const std::uint32_t state = entries_[i].state.load(std::memory_order_acquire);
        if (state == empty) {
            return kNoNeighbour;
        }
        const std::uint16_t handle = handle_at(i);
        if (state == ready && this->port(handle) == port && this->address(handle) == address &&
            is_current(handle)) {
            return handle;
        }
    }
    return kNoNeighbour;
}

// The entry is `filling`: no other worker writes it.
void NeighbourTable::fill(
    Entry& entry, const IpAddress& address, std::uint16_t port, std::uint64_t now_seconds
) noexcept {
    std::uint64_t words[2] = {};
    std::memcpy(words, address.bytes.data(), 16);
    entry.address[0].store(words[0], std::memory_order_relaxed);
    entry.address[1].store(words[1], std::memory_order_relaxed);
    entry.family_port.store(
        static_cast<std::uint32_t>(address.family) << 16U | port, std::memory_order_relaxed
    );
    entry.added_seconds.store(now_seconds, std::memory_order_relaxed);
    entry.learned_seconds.store(0, std::memory_order_relaxed);
    entry.asked_seconds.store(0, std::memory_order_relaxed);
    entry.unanswered.store(0, std::memory_order_relaxed);
    entry.state.store(ready, std::memory_order_release);
}

std::uint16_t NeighbourTable::find_or_add(
    const IpAddress& address, std::uint16_t port, std::uint64_t now_seconds
) noexcept {
    const std::uint16_t found = find(address, port);
    if (found != kNoNeighbour) {
        return found;
    }
    for (std::size_t i = 0; i < kCapacity; ++i) {
        std::uint32_t expected = empty;
        if (entries_[i].state.compare_exchange_strong(
                expected, filling, std::memory_order_acq_rel
            )) {
            fill(entries_[i], address, port, now_seconds);
            return handle_at(i);
        }
    }
    for (std::size_t i = 0; i < kCapacity; ++i) {
        Entry& entry = entries_[i];
        const std::uint64_t added = entry.added_seconds.load(std::memory_order_relaxed);
        std::uint32_t expected = ready;
        if (is_resolved(entry) || now_seconds < added || now_seconds - added < kReclaimSeconds ||
            !entry.state.compare_exchange_strong(expected, filling, std::memory_order_acq_rel)) {
            continue;
        }
        // First of all the old handles lose their hold.
        const std::uint32_t count = entry.given_away.load(std::memory_order_relaxed);
        entry.given_away.store((count + 1) % kCounts, std::memory_order_seq_cst);
        fill(entry, address, port, now_seconds);
        return handle_at(i);
    }
    return kNoNeighbour;
}

void NeighbourTable::learn(
    std::uint16_t handle, const LinkAddress& link, std::uint64_t now_seconds
) noexcept {
    Entry& entry = entries_[handle % kCapacity];
    std::uint64_t word = 0;
    std::memcpy(&word, link.data(), link.size());
    word |= (kResolvedBits | handle / kCapacity) << 48U;
    entry.word.store(word, std::memory_order_relaxed);
    entry.learned_seconds.store(now_seconds, std::memory_order_relaxed);
    entry.unanswered.store(0, std::memory_order_relaxed);
}

bool NeighbourTable::wants_request(std::uint16_t handle, std::uint64_t now_seconds) noexcept {
    Entry& entry = entries_[handle % kCapacity];
    if (entry.state.load(std::memory_order_acquire) != ready || !is_current(handle)) {
        return false;
    }
    const bool resolved = is_resolved(entry);
    // Another worker's clock reading may be a second ahead of this one's.
    const std::uint64_t learned = entry.learned_seconds.load(std::memory_order_relaxed);
    const std::uint64_t age = now_seconds - std::min(learned, now_seconds);
    if (resolved && age >= kForgetSeconds) {
        entry.word.store(0, std::memory_order_relaxed);
    } else if (resolved && age < kRefreshSeconds) {
        return false;
    }
    // A configured next hop is the way out for everybody: it is asked for every second.
    const std::uint32_t unanswered = entry.unanswered.load(std::memory_order_relaxed);
    const bool patient = entry.added_seconds.load(std::memory_order_relaxed) != kConfigured;
    const std::uint64_t pause = std::uint64_t{1}
                                << (patient ? std::min(unanswered, kPauseShiftMax) : 0U);
    std::uint64_t asked = entry.asked_seconds.load(std::memory_order_relaxed);
    if (asked != 0 && now_seconds + 1 < asked + pause) {
        return false;
    }
    const bool mine = entry.asked_seconds.compare_exchange_strong(
        asked, now_seconds + 1, std::memory_order_relaxed
    );
    entry.unanswered.store(unanswered + (mine ? 1 : 0), std::memory_order_relaxed);
    return mine;
}

std::size_t NeighbourTable::size() const noexcept {
    std::size_t count = 0;
    while (count < kCapacity && entries_[count].state.load(std::memory_order_acquire) != empty) {
        ++count;
    }
    return count;
}

}  // namespace sallyport::dataplane
