// SPDX-License-Identifier: Apache-2.0
// Injected time: tests and `replay` bring their own.
#pragma once

#include <chrono>
#include <cstdint>

namespace sallyport {

/// Nanoseconds since the UNIX epoch, UTC.
using WallNanoseconds = std::uint64_t;

class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    /// Wall time in ns since the epoch; only stamped on events, never compared for timers.
    [[nodiscard]] virtual WallNanoseconds wall_ns() const noexcept = 0;
    /// Monotonic time in ns from an arbitrary start; all timers use it.
    [[nodiscard]] virtual std::uint64_t monotonic_ns() const noexcept = 0;
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] WallNanoseconds wall_ns() const noexcept override {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::system_clock::now().time_since_epoch()
        )
                                              .count());
    }
    [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::steady_clock::now().time_since_epoch()
        )
                                              .count());
    }
};

}  // namespace sallyport
