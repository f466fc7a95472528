// SPDX-License-Identifier: Apache-2.0
// EAL, ports and workers of one process. Control thread only, except where said.
//
// A snapshot is published by one pointer exchange; publish() returns when every worker has passed a
// quiescent state (rte_rcu_qsbr), so the old one can be freed by its last shared_ptr on the control
// thread.
#pragma once

#include "gateway/dataplane/counters.h"
#include "gateway/dataplane/pipeline.h"
#include "gateway/dataplane/snapshot.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::dataplane {

enum class Hugepages : std::uint8_t { automatic, required, off };

struct PortSettings {
    std::string name;
    std::string device;  ///< PCI address, or a virtual device as EAL's --vdev takes it
    PortRole role = PortRole::inside;
    std::vector<IpPrefix> addresses;
    IpAddress next_hop_v4;
    IpAddress next_hop_v6;
    std::uint16_t mtu = 1500;
};

struct RuntimeSettings {
    std::uint16_t workers = 0;  ///< 0: one a CPU, less one for everything else, at least one
    Hugepages hugepages = Hugepages::automatic;
    std::vector<PortSettings> ports;
    std::uint32_t flows_max = 1U << 20U;   ///< over all workers
    std::uint32_t memory_megabytes = 512;  ///< given to DPDK without hugepages
    std::uint64_t boot = 0;
    std::uint32_t idle_sleep_us =
        0;  ///< 0: poll without pause; else rest this long when nothing came
    std::vector<std::string> eal_arguments;
};

/// A device's own numbers.
struct PortStatistics {
    bool link_up = false;
    std::uint64_t received_packets = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t transmitted_packets = 0;
    std::uint64_t transmitted_bytes = 0;
    std::uint64_t missed_packets = 0;  ///< dropped by the device for want of buffers
    std::uint64_t errors = 0;
};

class Runtime {
public:
    /// Starts EAL (once a process) and brings the ports up; workers wait for launch().
    static Result<std::unique_ptr<Runtime>> start(const RuntimeSettings& settings);
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    [[nodiscard]] std::uint16_t workers() const noexcept;
    /// Ports as snapshots carry them, with the devices' own link addresses.
    [[nodiscard]] const std::vector<PortView>& ports() const noexcept;
    /// What the devices would not do as configured, a sentence each.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept;
    /// True when memory comes from hugepages.
    [[nodiscard]] bool uses_hugepages() const noexcept;

    /// Starts the workers on a first snapshot.
    void launch(std::shared_ptr<const Snapshot> snapshot);
    /// Puts a snapshot in force: returns when no worker can still see the one before.
    void publish(std::shared_ptr<const Snapshot> snapshot);
    /// Asks the workers to end their flows' events and stop. The event rings must be drained
    /// meanwhile.
    void request_stop() noexcept;
    /// True when all workers have stopped (never blocks).
    [[nodiscard]] bool stopped() const noexcept;
    /// Workers give up draining now.
    void abandon() noexcept;

    /// Rings of a worker; the consuming end belongs to one spooler thread.
    [[nodiscard]] EventRings& events(std::uint16_t worker) noexcept;
    [[nodiscard]] const Counters& counters(std::uint16_t worker) const noexcept;
    [[nodiscard]] PortStatistics port_statistics(std::size_t port) const;
    /// TSC cycles since the worker began; with Counters::busy_cycles its share of work.
    [[nodiscard]] std::uint64_t cycles_since_start(std::uint16_t worker) const noexcept;

private:
    struct State;
    explicit Runtime(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sallyport::dataplane
