// SPDX-License-Identifier: Apache-2.0
// A worker's numbers. The worker writes (relaxed, once a burst), the control side reads.
#pragma once

#include "gateway/model/drop_reason.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace sallyport::dataplane {

/// A number with one writer: no read-modify-write needed.
class Counter {
public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) Counters {
    Counter received_packets;
    Counter received_bytes;
    Counter transmitted_packets;  ///< received and sent on
    Counter transmitted_bytes;
    Counter originated_packets;  ///< made here: RST, ICMP, ARP, DNS answers
    Counter pending_packets;     ///< held now for their next hop's address
    std::array<Counter, kDropReasonCount> drops;
    Counter flows_active;
    Counter flows_created;
    Counter flows_ended;
    Counter flows_rejudged;  ///< judged again under a newer snapshot
    Counter names_full;      ///< names not kept because the name table was full
    Counter threat_matches;
    Counter events_written;
    Counter events_shed;
    Counter handed_over;
    Counter blocks_in_use;
    Counter loops;
    Counter busy_cycles;
    Counter bursts;
};

}  // namespace sallyport::dataplane
