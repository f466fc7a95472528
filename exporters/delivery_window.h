// SPDX-License-Identifier: Apache-2.0
// Which of the events a sink has taken are confirmed. Confirmations come in any order (partitions
// answer as they like); the cursor may only follow the oldest one that is missing.
#pragma once

#include "exporters/sink.h"

#include <cstdint>
#include <deque>

namespace sallyport::exporters {

class DeliveryWindow {
public:
    /// Names an event inside the window; never zero, and never given twice except after withdraw().
    using Token = std::uint64_t;

    /// Takes the event of record `number`; numbers rise.
    Token add(std::uint64_t number) {
        entries_.push_back({number, false, false});
        ++open_;
        return base_ + entries_.size();
    }
    /// True when it was open until now.
    bool confirm(Token token) {
        Entry* entry = find(token);
        if (entry == nullptr || entry->done) {
            return false;
        }
        entry->done = true;
        --open_;
        while (!entries_.empty() && entries_.front().done) {
            entries_.pop_front();
            ++base_;
        }
        return true;
    }
    /// Takes back the event added last, which was not sent after all.
    void withdraw() {
        entries_.pop_back();
        --open_;
    }
    /// Token of an open event by its record number; 0 when there is none.
    [[nodiscard]] Token token_of(std::uint64_t number) const {
        std::size_t low = 0;
        std::size_t high = entries_.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (entries_[middle].number < number) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        const bool found =
            low < entries_.size() && entries_[low].number == number && !entries_[low].done;
        return found ? base_ + low + 1 : 0;
    }
    [[nodiscard]] std::uint64_t number_of(Token token) const {
        const auto at = static_cast<std::size_t>(token - base_ - 1);
        return token > base_ && at < entries_.size() ? entries_[at].number : 0;
    }
    /// Marks that the event is being sent in its reduced form; false when it already was.
    bool reduce(Token token) {
        Entry* entry = find(token);
        if (entry == nullptr || entry->reduced) {
            return false;
        }
        entry->reduced = true;
        return true;
    }
    [[nodiscard]] std::uint64_t oldest_open() const {
        return entries_.empty() ? kNothingPending : entries_.front().number;
    }
    [[nodiscard]] std::size_t open() const { return open_; }
    /// Forgets all; old tokens stay unknown.
    void clear() {
        base_ += entries_.size();
        entries_.clear();
        open_ = 0;
    }

private:
    struct Entry {
        std::uint64_t number = 0;
        bool done = false;
        bool reduced = false;
    };
    Entry* find(Token token) {
        if (token <= base_ || token - base_ > entries_.size()) {
            return nullptr;
        }
        return &entries_[static_cast<std::size_t>(token - base_ - 1)];
    }

    std::deque<Entry> entries_;  ///< the first is never done
    std::uint64_t base_ = 0;     ///< entries removed so far
    std::size_t open_ = 0;
};

}  // namespace sallyport::exporters
