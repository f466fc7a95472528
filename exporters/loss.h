// SPDX-License-Identifier: Apache-2.0
// Which events were given up, told as events: per (boot, worker) the range of sequence numbers and
// how many of them, so that a consumer can prove that what is missing is what was announced.
#pragma once

#include "gateway/model/event.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::exporters {

/// Why records were given up. Stored in events: never renumber.
enum class LossCause : std::uint8_t {
    ring_full = 0,   ///< a worker's ring was full (made by the worker, EventKind::events_shed)
    spool_full = 1,  ///< the spool reached its size: drop_oldest or drop_newest
    disk_full = 2,   ///< the file system had no room
    disk_error = 3,  ///< a write failed for another reason
    damaged = 4,     ///< records could not be read back
};
inline constexpr std::size_t kLossCauseCount = 5;
constexpr std::string_view name_of(LossCause cause) noexcept {
    constexpr std::array<std::string_view, kLossCauseCount> kNames{
        "ring-full", "spool-full", "disk-full", "disk-error", "damaged"};
    return kNames[static_cast<std::size_t>(cause) % kNames.size()];
}

struct LossRange {
    std::uint64_t boot = 0;
    std::uint16_t worker = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;  ///< inclusive
    std::uint64_t count = 0;          ///< how many of the range are lost; the others were kept
};

/// Ranges that fit Event::data: one byte of cause, then 34 bytes each.
inline constexpr std::size_t kLossRangesMax = 7;
static_assert(1 + kLossRangesMax * 34 <= sizeof(Event::data));

/// What a spool_truncated event carries in its data.
struct Losses {
    LossCause cause = LossCause::ring_full;
    std::vector<LossRange> ranges;
};
/// Reads Event::data of an events_shed or spool_truncated event; an event without data gives the
/// range of its own head. Damaged data gives no ranges.
Losses losses_of(const Event& event);

/// Collects losses until they can be announced. One thread.
class LossLedger {
public:
    void add(const Event& lost);
    void add(const LossRange& range);
    /// Records whose identity is unknown (damaged on disk).
    void add_unknown(std::uint64_t count) noexcept { unknown_ += count; }
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty() && unknown_ == 0; }
    [[nodiscard]] std::uint64_t count() const noexcept;
    /// The announcements, at most kLossRangesMax ranges each, without ids and times; empties the
    /// ledger. `note` ends the message ("kafka had not sent them").
    std::vector<Event> take_events(LossCause cause, std::string_view note);

private:
    std::map<std::pair<std::uint64_t, std::uint16_t>, LossRange> ranges_;  ///< by (boot, worker)
    std::uint64_t unknown_ = 0;
    std::uint64_t first_ns_ = 0;
    std::uint64_t last_ns_ = 0;
};

}  // namespace sallyport::exporters
