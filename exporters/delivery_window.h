// SPDX-License-Identifier: Apache-2.0
// Which of the events a sink has taken are confirmed. Confirmations come in any order (partitions
// answer as they like); the cursor may only follow the oldest one that is missing.
#pragma once

#include "exporters/sink.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

namespace sallyport::exporters {

class DeliveryWindow {
public:
    /// Names an event inside the window; never zero, and never given twice except after withdraw().
    using Token = std::uint64_t;

    /// Takes the event of record `number`; numbers rise.
    Token add(std::uint64_t number) {
        entries_.push_back({++last_token_, number, 0, false, false});
        ++open_;
        return last_token_;
    }
    /// True when it was open until now.
    bool confirm(Token token) {
        Entry* entry = find(token);
        if (entry == nullptr) {
            return false;
        }
        entry->done = true;
        --open_;
        while (!entries_.empty() && entries_.front().done) {
            entries_.pop_front();
        }
        // One event that waits for hours must not keep the millions behind it in memory.
        if (entries_.size() > 2 * open_ + kDoneMax) {
            std::erase_if(entries_, [](const Entry& candidate) { return candidate.done; });
        }
        return true;
    }
    /// Takes back the event added last, which was not sent after all.
    void withdraw() {
        entries_.pop_back();
        --last_token_;
        --open_;
    }
    /// Token of an open event by its record number; 0 when there is none.
    [[nodiscard]] Token token_of(std::uint64_t number) const {
        const auto at = std::ranges::lower_bound(entries_, number, std::less<>(), &Entry::number);
        return at != entries_.end() && at->number == number && !at->done ? at->token : 0;
    }
    /// Record number of an open event; 0 when there is none.
    [[nodiscard]] std::uint64_t number_of(Token token) const {
        const Entry* entry = find(token);
        return entry == nullptr ? 0 : entry->number;
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
    /// Counts one refusal of this very event; how many there are now.
    unsigned refuse(Token token) {
        Entry* entry = find(token);
        return entry == nullptr ? 0 : ++entry->refusals;
    }
    [[nodiscard]] std::uint64_t oldest_open() const {
        return entries_.empty() ? kNothingPending : entries_.front().number;
    }
    [[nodiscard]] std::size_t open() const { return open_; }
    /// What it keeps in memory: bounded by the open events.
    [[nodiscard]] std::size_t entries() const { return entries_.size(); }
    /// Forgets all; old tokens stay unknown.
    void clear() {
        entries_.clear();
        open_ = 0;
    }

    /// Confirmed events behind an open one that are kept, beyond as many as are open.
    static constexpr std::size_t kDoneMax = 1024;

private:
    struct Entry {
        Token token = 0;
        std::uint64_t number = 0;
        unsigned refusals = 0;
        bool done = false;
        bool reduced = false;
    };
    [[nodiscard]] const Entry* find(Token token) const {
        const auto at = std::ranges::lower_bound(entries_, token, std::less<>(), &Entry::token);
        return at != entries_.end() && at->token == token && !at->done ? &*at : nullptr;
    }
    Entry* find(Token token) {
        return const_cast<Entry*>(static_cast<const DeliveryWindow*>(this)->find(token));
    }

    std::deque<Entry> entries_;  ///< tokens and numbers rise; the first is never done
    Token last_token_ = 0;
    std::size_t open_ = 0;
};

}  // namespace sallyport::exporters
