// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/spooler.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace sallyport::control {
namespace {

// Events taken from one ring in one turn: bounds the batch, so that no worker waits for another's
// flood.
constexpr std::size_t kEventsPerTurn = 1024;
constexpr std::chrono::milliseconds kIdle{1};
// Matches are told when a flow is judged, so only the newest generations come by.
constexpr std::size_t kGenerationsMax = 16;

}  // namespace

Spooler::Spooler(
    exporters::Spool& spool, std::vector<dataplane::EventRings*> rings, std::uint64_t boot
)
    : spool_(spool),
      rings_(std::move(rings)),
      boot_(boot) {
    batch_.reserve(rings_.size() * 2 * kEventsPerTurn);
    shed_at_ns_.resize(rings_.size());
}

Spooler::~Spooler() {
    stop();
}

void Spooler::start() {
    thread_ = std::thread([this] { run(); });
}

void Spooler::stop() {
    if (thread_.joinable()) {
        stop_ = true;
        thread_.join();
    }
}

void Spooler::tell(EventKind kind, std::uint32_t generation, const std::string& text) {
    const std::lock_guard lock(mutex_);
    Event& event = told_.emplace_back();
    event.sequence = ++control_sequence_;
    event.boot = boot_;
    event.time_ns = clock_.wall_ns();
    event.generation = generation;
    event.worker = kControlWorker;
    event.kind = kind;
    event.text_size = static_cast<std::uint16_t>(std::min(text.size(), event.text.size()));
    std::memcpy(event.text.data(), text.data(), event.text_size);
}

void Spooler::know_feeds(std::uint32_t generation, std::vector<std::string> names) {
    const std::lock_guard lock(mutex_);
    for (const std::string& name : names) {
        matches_.try_emplace(name, 0);
    }
    feeds_.insert_or_assign(generation, std::move(names));
    if (feeds_.size() > kGenerationsMax) {
        feeds_.erase(feeds_.begin());
    }
}

std::map<std::string, std::uint64_t> Spooler::matches() const {
    const std::lock_guard lock(mutex_);
    return matches_;
}

std::uint64_t Spooler::shed_at_ns(std::uint16_t worker) const {
    const std::lock_guard lock(mutex_);
    return worker < shed_at_ns_.size() ? shed_at_ns_[worker] : 0;
}

// What status tells of events as they pass. Few events are of these kinds.
void Spooler::note(const Event& event) {
    if (event.kind == EventKind::events_shed) {
        const std::lock_guard lock(mutex_);
        if (event.worker < shed_at_ns_.size()) {
            shed_at_ns_[event.worker] = clock_.monotonic_ns();
        }
    } else if (event.kind == EventKind::threat_match) {
        const std::lock_guard lock(mutex_);
        const auto names = feeds_.find(event.generation);
        for (std::size_t i = 0; names != feeds_.end() && i < event.match_size; ++i) {
            const std::size_t feed = event.matches[i].feed;
            if (feed < names->second.size()) {
                ++matches_[names->second[feed]];
            }
        }
    }
}

// Moves what there is; false when there was nothing. The reserved rings go first.
bool Spooler::turn() {
    batch_.clear();
    {
        const std::lock_guard lock(mutex_);
        batch_.swap(told_);
    }
    const auto take = [this](const Event& event) { batch_.push_back(event); };
    for (dataplane::EventRings* rings : rings_) {
        rings->security.drain(kEventsPerTurn, take);
    }
    for (dataplane::EventRings* rings : rings_) {
        rings->traffic.drain(kEventsPerTurn, take);
    }
    for (const Event& event : batch_) {
        note(event);
    }
    spool_.append(batch_);  // an empty batch commits what is due
    return !batch_.empty();
}

void Spooler::run() {
    while (!stop_.load(std::memory_order_relaxed)) {
        if (!turn()) {
            std::this_thread::sleep_for(kIdle);
        }
    }
    while (turn()) {
    }
    spool_.commit();
    spool_.close();
}

}  // namespace sallyport::control
