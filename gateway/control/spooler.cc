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

}  // namespace

Spooler::Spooler(
    exporters::Spool& spool, std::vector<dataplane::EventRings*> rings, std::uint64_t boot
)
    : spool_(spool),
      rings_(std::move(rings)),
      boot_(boot) {
    batch_.reserve(rings_.size() * 2 * kEventsPerTurn);
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

std::array<std::uint64_t, kEventClassCount> Spooler::written() const {
    std::array<std::uint64_t, kEventClassCount> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = written_[i].load(std::memory_order_relaxed);
    }
    return out;
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
        const auto event_class = static_cast<std::size_t>(class_of(event.kind));
        written_[event_class].fetch_add(1, std::memory_order_relaxed);
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
