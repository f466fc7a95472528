// SPDX-License-Identifier: Apache-2.0
// One lcore's loop: receive, process, housekeep, say that it has passed. Nothing else happens here.
#pragma once

#include "gateway/dataplane/ethdev_io.h"
#include "gateway/dataplane/pipeline.h"

#include <rte_rcu_qsbr.h>

#include <atomic>
#include <cstdint>

namespace sallyport::dataplane {

/// Shared between the control thread and the workers; who writes is said beside each.
struct WorkerShared {
    std::atomic<const Snapshot*> snapshot{nullptr};  ///< control writes, workers read
    std::atomic<bool> stop{false};                   ///< control writes
    std::atomic<bool> abandon{false};                ///< control writes
    rte_rcu_qsbr* quiescence = nullptr;              ///< made before launch
};

class Worker {
public:
    Worker(
        const PipelineSettings& settings,
        std::unique_ptr<EthdevIo> io,
        NeighbourTable& neighbours,
        WorkerShared& shared,
        std::uint32_t idle_sleep_us
    );

    /// The lcore's main; returns 0 when it was asked to stop.
    static int main(void* worker);

    EventRings events;
    Counters counters;
    std::atomic<bool> stopped{false};
    std::atomic<std::uint64_t> started_cycles{0};

private:
    void run() noexcept;
    bool poll(const Snapshot& snapshot) noexcept;
    void drain() noexcept;

    PipelineSettings settings_;
    std::unique_ptr<EthdevIo> io_;
    Pipeline pipeline_;
    WorkerShared& shared_;
    std::uint32_t idle_sleep_us_;
    Batch batch_;
};

}  // namespace sallyport::dataplane
