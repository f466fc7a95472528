// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_pause.h>

#include <ctime>

namespace sallyport::dataplane {
namespace {

// Loops between housekeeping and quiescent reports when packets keep coming (grout 6d16a51c: 256
// costs least).
constexpr std::uint32_t kHousekeepLoops = 256;
// Empty polls before a worker that may rest does so.
constexpr std::uint32_t kIdlePolls = 256;

std::uint64_t clock_ns(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time);  // vDSO: no system call
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

Now read_now() noexcept {
    return {clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME)};
}

}  // namespace

Worker::Worker(
    const PipelineSettings& settings,
    std::unique_ptr<EthdevIo> io,
    NeighbourTable& neighbours,
    WorkerShared& shared,
    std::uint32_t idle_sleep_us
)
    : settings_(settings),
      io_(std::move(io)),
      pipeline_(settings, *io_, neighbours, events, counters),
      shared_(shared),
      idle_sleep_us_(idle_sleep_us) {}

int Worker::main(void* worker) {
    static_cast<Worker*>(worker)->run();
    return 0;
}

bool Worker::poll(const Snapshot& snapshot) noexcept {
    bool any = false;
    for (std::size_t port = 0; port < io_->port_count(); ++port) {
        if (io_->receive(static_cast<std::uint16_t>(port), batch_)) {
            pipeline_.process(batch_, snapshot, read_now());
            counters.bursts.add(1);
            any = true;
        }
    }
    if (io_->receive_handed_over(batch_)) {
        pipeline_.process(batch_, snapshot, read_now());
        counters.bursts.add(1);
        any = true;
    }
    return any;
}

void Worker::run() noexcept {
    rte_rcu_qsbr_thread_register(shared_.quiescence, settings_.worker);
    rte_rcu_qsbr_thread_online(shared_.quiescence, settings_.worker);
    started_cycles = rte_rdtsc();
    // Sets the flow tables' wheels to now, before the first flow is put on them.
    pipeline_.housekeep(*shared_.snapshot.load(std::memory_order_acquire), read_now());
    std::uint32_t idle = 0;
    std::uint32_t loops = 0;
    while (!shared_.stop.load(std::memory_order_relaxed)) {
        const Snapshot& snapshot = *shared_.snapshot.load(std::memory_order_acquire);
        const std::uint64_t before = rte_rdtsc();
        const bool any = poll(snapshot);
        if (any) {
            counters.busy_cycles.add(rte_rdtsc() - before);
            idle = 0;
        } else {
            ++idle;
        }
        if (!any || ++loops >= kHousekeepLoops) {
            loops = 0;
            pipeline_.housekeep(snapshot, read_now());
            rte_rcu_qsbr_quiescent(shared_.quiescence, settings_.worker);
        }
        counters.loops.add(1);
        if (!any && idle_sleep_us_ != 0 && idle > kIdlePolls) {
            // The one system call a worker may make, and only where the operator traded latency for
            // a shared CPU.
            const timespec pause{0, static_cast<long>(idle_sleep_us_) * 1000};
            rte_rcu_qsbr_thread_offline(shared_.quiescence, settings_.worker);
            nanosleep(&pause, nullptr);
            rte_rcu_qsbr_thread_online(shared_.quiescence, settings_.worker);
        } else if (!any) {
            rte_pause();
        }
    }
    drain();
    rte_rcu_qsbr_thread_offline(shared_.quiescence, settings_.worker);
    rte_rcu_qsbr_thread_unregister(shared_.quiescence, settings_.worker);
    stopped = true;
}

// Ends every flow with an event, as fast as the spooler takes them; packets are no longer received.
void Worker::drain() noexcept {
    constexpr std::size_t kFlowsPerTurn = 256;
    while (!shared_.abandon.load(std::memory_order_relaxed)) {
        const Snapshot& snapshot = *shared_.snapshot.load(std::memory_order_acquire);
        if (pipeline_.drain(snapshot, read_now(), kFlowsPerTurn)) {
            return;
        }
        rte_rcu_qsbr_quiescent(shared_.quiescence, settings_.worker);
        rte_pause();
    }
}

}  // namespace sallyport::dataplane
