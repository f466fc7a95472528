// SPDX-License-Identifier: Apache-2.0
// Link addresses of next hops. Shared by all workers: any worker may learn an address from ARP or
// neighbour discovery (RFC 826, RFC 4861), all read it. Bounded; an entry whose address does not
// answer makes room for another one when the table is full.
//
// Flows keep a handle: the entry's index in the low 10 bits, above it how often the entry was
// given away. A link address carries the same count, so a handle of an earlier address finds none,
// and costs a flow's packet no more than a compare.
#pragma once

#include "gateway/model/address.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sallyport::dataplane {

/// 48 bits in the low bytes, in the order they lie in a frame.
using LinkAddress = std::array<std::uint8_t, 6>;

inline constexpr std::uint16_t kNoNeighbour = 0xFFFF;  ///< no handle: counts end at 62

class NeighbourTable {
public:
    static constexpr std::size_t kCapacity = 1024;
    /// Seconds after which a known address is asked for again, and after which an unanswered one is
    /// forgotten.
    static constexpr std::uint64_t kRefreshSeconds = 30;
    static constexpr std::uint64_t kForgetSeconds = 120;
    /// Seconds after which an entry that never answered may be given away.
    static constexpr std::uint64_t kReclaimSeconds = 10;
    /// In place of a time: a configured next hop, which is never given away.
    static constexpr std::uint64_t kConfigured = UINT64_MAX;

    /// Handle of (address, port), made when absent; kNoNeighbour when the table is full. Any
    /// worker.
    [[nodiscard]] std::uint16_t find_or_add(
        const IpAddress& address, std::uint16_t port, std::uint64_t now_seconds = kConfigured
    ) noexcept;
    /// Handle of an existing entry, kNoNeighbour otherwise.
    [[nodiscard]] std::uint16_t find(const IpAddress& address, std::uint16_t port) const noexcept;
    /// Handle that the entry at `index` has now.
    [[nodiscard]] std::uint16_t handle_at(std::size_t index) const noexcept;
    /// False when the entry has been given to another address since.
    [[nodiscard]] bool is_current(std::uint16_t handle) const noexcept {
        return handle_at(handle % kCapacity) == handle;
    }

    /// Learns a link address at `now_seconds` (monotonic).
    void learn(std::uint16_t handle, const LinkAddress& link, std::uint64_t now_seconds) noexcept;
    /// Link address as 48 bits (first byte lowest) with bit 63 set, 0 while unresolved.
    [[nodiscard]] std::uint64_t word(std::uint16_t handle) const noexcept {
        const std::uint64_t word =
            entries_[handle % kCapacity].word.load(std::memory_order_relaxed);
        return (word >> 48U) == (kResolvedBits | handle / kCapacity) ? word : 0;
    }
    [[nodiscard]] IpAddress address(std::uint16_t handle) const noexcept;
    [[nodiscard]] std::uint16_t port(std::uint16_t handle) const noexcept;
    /// True for an entry that should be asked for now: once a second at most, and less and less
    /// often while nothing answers.
    [[nodiscard]] bool wants_request(std::uint16_t handle, std::uint64_t now_seconds) noexcept;
    [[nodiscard]] std::size_t size() const noexcept;

private:
    static constexpr std::uint64_t kResolvedBits = 0x8000;  ///< bit 63, over the count
    enum State : std::uint32_t { empty = 0, filling = 1, ready = 2 };
    // All atomic, as an entry may be given away while another worker reads it; who reads address
    // and port asks for the handle before and after.
    struct Entry {
        std::atomic<std::uint32_t> state{empty};
        std::atomic<std::uint32_t> given_away{0};  ///< times, modulo 63
        std::atomic<std::uint32_t> family_port{0};
        std::array<std::atomic<std::uint64_t>, 2> address{};
        std::atomic<std::uint64_t> word{0};
        std::atomic<std::uint64_t> added_seconds{0};
        std::atomic<std::uint64_t> learned_seconds{0};
        std::atomic<std::uint64_t> asked_seconds{0};  ///< plus one; 0: never
        std::atomic<std::uint32_t> unanswered{0};     ///< requests in a row
    };
    void fill(
        Entry& entry, const IpAddress& address, std::uint16_t port, std::uint64_t now_seconds
    ) noexcept;
    [[nodiscard]] bool is_resolved(const Entry& entry) const noexcept;
    std::array<Entry, kCapacity>
        entries_;  ///< filled from the front; writer: any worker, readers: all
};

}  // namespace sallyport::dataplane
