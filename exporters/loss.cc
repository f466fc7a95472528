// SPDX-License-Identifier: Apache-2.0
#include "exporters/loss.h"

#include "exporters/byte_io.h"

#include <algorithm>
#include <cstring>

namespace sallyport::exporters {
namespace {

constexpr std::size_t kRangeBytes = 34;

Event announcement(LossCause cause, std::span<const LossRange> ranges, std::uint64_t unknown) {
    Event event;
    event.kind = EventKind::spool_truncated;
    event.worker = kSpoolWorker;
    std::string data(1, static_cast<char>(cause));
    for (const LossRange& range : ranges) {
        put(data, range.boot);
        put(data, range.worker);
        put(data, range.first_sequence);
        put(data, range.last_sequence);
        put(data, range.count);
        event.loss_count += range.count;
    }
    event.loss_count += unknown;
    if (ranges.size() == 1) {
        event.loss_first_sequence = ranges.front().first_sequence;
        event.loss_last_sequence = ranges.front().last_sequence;
    }
    event.data_size = static_cast<std::uint16_t>(data.size());
    std::memcpy(event.data.data(), data.data(), data.size());
    return event;
}

void set_text(Event& event, std::string_view text) {
    const std::size_t size = std::min(text.size(), event.text.size());
    std::memcpy(event.text.data(), text.data(), size);
    event.text_size = static_cast<std::uint16_t>(size);
}

}  // namespace

Losses losses_of(const Event& event) {
    Losses out;
    if (event.data_size == 0) {
        if (event.kind == EventKind::events_shed) {
            out.ranges.push_back(
                {event.boot,
                 event.worker,
                 event.loss_first_sequence,
                 event.loss_last_sequence,
                 event.loss_count}
            );
        }
        return out;
    }
    ByteReader reader(
        std::span(event.data).first(std::min<std::size_t>(event.data_size, event.data.size()))
    );
    const auto cause = reader.get<std::uint8_t>();
    if (cause < kLossCauseCount) {
        out.cause = static_cast<LossCause>(cause);
    }
    while (reader.left() >= kRangeBytes) {
        LossRange range;
        range.boot = reader.get<std::uint64_t>();
        range.worker = reader.get<std::uint16_t>();
        range.first_sequence = reader.get<std::uint64_t>();
        range.last_sequence = reader.get<std::uint64_t>();
        range.count = reader.get<std::uint64_t>();
        out.ranges.push_back(range);
    }
    return out;
}

void LossLedger::add(const Event& lost) {
    add(LossRange{lost.boot, lost.worker, lost.sequence, lost.sequence, 1});
    first_ns_ = first_ns_ == 0 ? lost.time_ns : std::min(first_ns_, lost.time_ns);
    last_ns_ = std::max(last_ns_, lost.time_ns);
}

void LossLedger::add(const LossRange& range) {
    const auto [at, fresh] = ranges_.try_emplace({range.boot, range.worker}, range);
    if (!fresh) {
        LossRange& sum = at->second;
        sum.first_sequence = std::min(sum.first_sequence, range.first_sequence);
        sum.last_sequence = std::max(sum.last_sequence, range.last_sequence);
        sum.count += range.count;
    }
}

std::uint64_t LossLedger::count() const noexcept {
    std::uint64_t out = unknown_;
    for (const auto& [key, range] : ranges_) {
        out += range.count;
    }
    return out;
}

std::vector<Event> LossLedger::take_events(LossCause cause, std::string_view note) {
    std::vector<LossRange> all;
    all.reserve(ranges_.size());
    for (const auto& [key, range] : ranges_) {
        all.push_back(range);
    }
    std::vector<Event> out;
    for (std::size_t at = 0; at < all.size() || unknown_ > 0; at += kLossRangesMax) {
        const std::size_t size = std::min(kLossRangesMax, all.size() - at);
        Event event = announcement(cause, std::span(all).subspan(at, size), unknown_);
        unknown_ = 0;
        event.start_ns = first_ns_;
        event.end_ns = last_ns_;
        std::string text = std::to_string(event.loss_count) + " events given up (" +
                           std::string(name_of(cause)) + ")";
        if (!note.empty()) {
            text += ": ";
            text += note;
        }
        set_text(event, text);
        out.push_back(event);
    }
    *this = LossLedger{};
    return out;
}

}  // namespace sallyport::exporters
