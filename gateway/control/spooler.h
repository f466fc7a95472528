// SPDX-License-Identifier: Apache-2.0
// The spooler: one thread that moves events from the workers' rings, and from the control side,
// into the spool. A slow disk holds nobody up but itself: what does not fit the rings meanwhile is
// shed there, counted and told.
#pragma once

#include "exporters/spool.h"
#include "gateway/dataplane/pipeline.h"
#include "gateway/model/clock.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sallyport::control {

class Spooler {
public:
    /// `rings` of all workers and `spool` must outlive the spooler.
    Spooler(exporters::Spool& spool, std::vector<dataplane::EventRings*> rings, std::uint64_t boot);
    ~Spooler();
    Spooler(const Spooler&) = delete;
    Spooler& operator=(const Spooler&) = delete;

    void start();
    /// Drains everything that is in the rings, commits, closes the spool and ends the thread.
    void stop();
    /// Tells something the control side did. Any thread.
    void tell(EventKind kind, std::uint32_t generation, const std::string& text);
    /// Names the feeds of a generation, in the order its events know them by. Before the generation
    /// is published. Any thread.
    void know_feeds(std::uint32_t generation, std::vector<std::string> names);
    /// Matches told so far, by feed. Any thread.
    [[nodiscard]] std::map<std::string, std::uint64_t> matches() const;
    /// Monotonic time at which a worker last told that it had to shed events; 0: never. Any thread.
    [[nodiscard]] std::uint64_t shed_at_ns(std::uint16_t worker) const;

private:
    void run();
    bool turn();
    void note(const Event& event);

    exporters::Spool& spool_;
    std::vector<dataplane::EventRings*> rings_;
    std::uint64_t boot_;
    SystemClock clock_;
    std::vector<Event> batch_;  ///< spooler thread only
    mutable std::mutex mutex_;  ///< guards what follows
    std::vector<Event> told_;
    std::uint64_t control_sequence_ = 0;
    /// Feeds of the generations that events may still carry.
    std::map<std::uint32_t, std::vector<std::string>> feeds_;
    std::map<std::string, std::uint64_t> matches_;
    std::vector<std::uint64_t> shed_at_ns_;  ///< by worker

    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace sallyport::control
