// SPDX-License-Identifier: Apache-2.0
// Link addresses of next hops. Shared by all workers: any worker may learn an address from ARP or
// neighbour discovery (RFC 826, RFC 4861), all read it. Bounded; entries are never removed, only
// re-resolved.
#pragma once

#include "gateway/model/address.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sallyport::dataplane {

/// 48 bits in the low bytes, in the order they lie in a frame.
using LinkAddress = std::array<std::uint8_t, 6>;

inline constexpr std::uint16_t kNoNeighbour = 0xFFFF;

class NeighbourTable {
public:
    static constexpr std::size_t kCapacity = 1024;
    /// Seconds after which a known address is asked for again, and after which an unanswered one is
    /// forgotten.
    static constexpr std::uint64_t kRefreshSeconds = 30;
    static constexpr std::uint64_t kForgetSeconds = 120;

    /// Index of (address, port), made when absent; kNoNeighbour when the table is full. Any worker.
    [[nodiscard]] std::uint16_t find_or_add(const IpAddress& address, std::uint16_t port) noexcept;
    /// Index of an existing entry, kNoNeighbour otherwise.
    [[nodiscard]] std::uint16_t find(const IpAddress& address, std::uint16_t port) const noexcept;

    /// Learns a link address at `now_seconds` (monotonic).
    void learn(std::uint16_t index, const LinkAddress& link, std::uint64_t now_seconds) noexcept;
    /// Link address as 48 bits (first byte lowest) with bit 63 set, 0 while unresolved.
    [[nodiscard]] std::uint64_t word(std::uint16_t index) const noexcept {
        return entries_[index].word.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const IpAddress& address(std::uint16_t index) const noexcept {
        return entries_[index].address;
    }
    [[nodiscard]] std::uint16_t port(std::uint16_t index) const noexcept {
        return entries_[index].port;
    }
    /// True once a second at most for an entry that should be asked for now.
    [[nodiscard]] bool wants_request(std::uint16_t index, std::uint64_t now_seconds) noexcept;
    [[nodiscard]] std::size_t size() const noexcept;

private:
    enum State : std::uint32_t { empty = 0, filling = 1, ready = 2 };
    struct Entry {
        std::atomic<std::uint32_t> state{empty};
        std::uint16_t port = 0;
        IpAddress address;
        std::atomic<std::uint64_t> word{0};
        std::atomic<std::uint64_t> learned_seconds{0};
        std::atomic<std::uint64_t> asked_seconds{0};
    };
    std::array<Entry, kCapacity>
        entries_;  ///< filled from the front; writer: any worker, readers: all
};

}  // namespace sallyport::dataplane
