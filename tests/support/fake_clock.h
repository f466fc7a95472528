// SPDX-License-Identifier: Apache-2.0
// A clock that stands still until a test moves it.
#pragma once

#include "gateway/model/clock.h"

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sallyport::test {

/// Thread-safe: a test may advance it while the code under test reads.
class FakeClock final : public Clock {
public:
    /// Starts at 2026-01-01T00:00:00Z, monotonic 1 s, so that a zero in a timer shows as a mistake.
    static constexpr WallNanoseconds kWallStart = 1'767'225'600'000'000'000U;
    static constexpr std::uint64_t kMonotonicStart = 1'000'000'000U;

    [[nodiscard]] WallNanoseconds wall_ns() const noexcept override {
        return wall_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override {
        return monotonic_.load(std::memory_order_acquire);
    }

    /// Moves both times forward.
    void advance(std::chrono::nanoseconds by) noexcept {
        wall_.fetch_add(static_cast<std::uint64_t>(by.count()), std::memory_order_acq_rel);
        monotonic_.fetch_add(static_cast<std::uint64_t>(by.count()), std::memory_order_acq_rel);
    }
    /// Steps the wall time alone, as NTP or an operator does; may go back.
    void set_wall(WallNanoseconds wall) noexcept { wall_.store(wall, std::memory_order_release); }

private:
    std::atomic<WallNanoseconds> wall_{kWallStart};
    std::atomic<std::uint64_t> monotonic_{kMonotonicStart};
};

}  // namespace sallyport::test
