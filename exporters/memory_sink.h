// SPDX-License-Identifier: Apache-2.0
// A sink that keeps what it is given: for tests, and for readers that only want documents.
#pragma once

#include "exporters/sink.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::exporters {

class MemorySink final : public Sink {
public:
    struct Kept {
        std::uint64_t number = 0;
        EventClass event_class = EventClass::flow;
        std::string key;
        std::string document;
        bool reduced = false;
    };

    /// Refuses (busy) beyond `events_max` events, finds documents over `bytes_max` too large.
    explicit MemorySink(
        std::size_t events_max = static_cast<std::size_t>(-1),
        std::size_t bytes_max = static_cast<std::size_t>(-1)
    )
        : events_max_(events_max),
          bytes_max_(bytes_max) {}

    Offer offer(const OutgoingEvent& event) override {
        const std::lock_guard lock(mutex_);
        if (event.document.size() > bytes_max_ && !event.reduced) {
            return Offer::oversize;
        }
        if (kept_.size() >= events_max_) {
            return Offer::busy;
        }
        kept_.push_back(
            {event.number,
             event.event_class,
             event.envelope != nullptr ? event.envelope->key : std::string(),
             std::string(event.document),
             event.reduced}
        );
        return Offer::taken;
    }
    SinkProgress flush() override { return progress(); }
    SinkProgress stop(std::chrono::milliseconds /*timeout*/) override { return progress(); }
    [[nodiscard]] SinkStats stats() const override {
        const std::lock_guard lock(mutex_);
        SinkStats out;
        out.delivered = kept_.size();
        return out;
    }

    [[nodiscard]] std::vector<Kept> kept() const {
        const std::lock_guard lock(mutex_);
        return kept_;
    }
    void set_events_max(std::size_t events_max) {
        const std::lock_guard lock(mutex_);
        events_max_ = events_max;
    }
    /// From now on nothing is confirmed from this record on (kNothingPending: everything is).
    void hold_from(std::uint64_t number) {
        const std::lock_guard lock(mutex_);
        hold_from_ = number;
    }
    /// Forgets what is held and asks for it again, as a sink does whose producer died.
    void forget_held() {
        const std::lock_guard lock(mutex_);
        std::erase_if(kept_, [&](const Kept& kept) { return kept.number >= hold_from_; });
        replay_ = true;
    }

private:
    SinkProgress progress() {
        const std::lock_guard lock(mutex_);
        SinkProgress out;
        const bool any_held =
            std::ranges::any_of(kept_, [&](const Kept& kept) { return kept.number >= hold_from_; });
        out.replay = std::exchange(replay_, false);
        out.oldest_pending = any_held || out.replay ? hold_from_ : kNothingPending;
        return out;
    }

    mutable std::mutex mutex_;
    std::size_t events_max_;
    std::size_t bytes_max_;
    std::uint64_t hold_from_ = kNothingPending;
    bool replay_ = false;
    std::vector<Kept> kept_;
};

}  // namespace sallyport::exporters
