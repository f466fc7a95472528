// SPDX-License-Identifier: Apache-2.0
// The spooler: one thread that moves events from the workers' rings, and from the control side,
// into the spool. A slow disk holds nobody up but itself: what does not fit the rings meanwhile is
// shed there, counted and told.
#pragma once

#include "exporters/spool.h"
#include "gateway/dataplane/pipeline.h"
#include "gateway/model/clock.h"

#include <array>
#include <atomic>
#include <cstdint>
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
    /// Events moved so far, by class. Any thread.
    [[nodiscard]] std::array<std::uint64_t, kEventClassCount> written() const;

private:
    void run();
    bool turn();

    exporters::Spool& spool_;
    std::vector<dataplane::EventRings*> rings_;
    std::uint64_t boot_;
    SystemClock clock_;
    std::vector<Event> batch_;  ///< spooler thread only
    std::mutex mutex_;
    std::vector<Event> told_;             ///< guarded by mutex_
    std::uint64_t control_sequence_ = 0;  ///< guarded by mutex_
    std::array<std::atomic<std::uint64_t>, kEventClassCount> written_{};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace sallyport::control
