// SPDX-License-Identifier: Apache-2.0
// The running gateway: everything that `sallyport run` starts, in the order it is started and
// stopped.
//
//   start   configuration -> inputs -> spool -> ports -> first snapshot -> workers, spooler, sinks
//   -> admin socket reload  read again -> check -> compile -> dictionary to disk -> publish ->
//   audit event; or refuse, and say why stop    workers end their flows' events -> spooler drains
//   and closes the spool -> sinks flush within a bound
#pragma once

#include "gateway/config/config.h"
#include "gateway/control/admin_server.h"
#include "gateway/control/gateway_view.h"
#include "gateway/control/loader.h"
#include "gateway/control/sinks.h"
#include "gateway/control/snapshot_builder.h"
#include "gateway/control/spooler.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/identity/workload_registry.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::control {

class GatewayProcess final : public GatewayControl {
public:
    /// Starts everything. All problems are added; null when there are any, and then nothing is left
    /// running.
    static std::unique_ptr<GatewayProcess> start(
        const std::string& config_path, Problems& problems
    );
    ~GatewayProcess() override;
    GatewayProcess(const GatewayProcess&) = delete;
    GatewayProcess& operator=(const GatewayProcess&) = delete;

    GatewayStatus status() override;
    ReloadOutcome reload() override;
    Result<std::unique_ptr<EventStream>> open_events(const EventQuery& query) override;

    /// Ends flows, drains and flushes, each within a bound and whatever the admin socket's clients
    /// do; true when everything was delivered to the spool. A reload under way is given up; until
    /// it has noticed, nothing of this may be destroyed: see is_quiet().
    bool stop();
    /// After stop(): no thread of the admin socket is inside any more. Waits at most `timeout`.
    bool is_quiet(std::chrono::milliseconds timeout);
    /// One line for the operator: generation, ports, feeds, workloads.
    [[nodiscard]] std::string describe();
    /// What the devices would not do as configured, a sentence each.
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept {
        return runtime_->notes();
    }

private:
    GatewayProcess() = default;
    bool load(Problems& problems);
    bool start_parts(Problems& problems);
    /// What is in force, as one: replaced by a reload, copied by who reads it.
    struct Current {
        std::shared_ptr<const config::Config> config;
        std::shared_ptr<const LoadedInputs> inputs;
        std::shared_ptr<const dataplane::Snapshot> snapshot;
        std::uint32_t generation = 0;
        WallNanoseconds loaded_at = 0;
        std::vector<WallNanoseconds> feeds_loaded_at;  ///< in the order of the configuration
    };
    Status put_in_force(
        std::shared_ptr<const config::Config> config, std::shared_ptr<const LoadedInputs> inputs
    );
    [[nodiscard]] Current in_force() const;
    static std::vector<WallNanoseconds> feeds_loaded_at(const Current& before, const Current& next);
    [[nodiscard]] LoadOptions load_options(const config::Config& config) const;
    void retire_generations(std::uint32_t replaced);
    void refuse(const Problems& problems, ReloadOutcome& outcome);
    void read_own(const Current& in_force, GatewayStatus& out) const;
    void read_workers(std::uint32_t flows_max, GatewayStatus& out) const;
    void read_feeds(const Current& in_force, GatewayStatus& out) const;
    void read_spool(const Current& in_force, GatewayStatus& out) const;

    std::string config_path_;
    std::uint64_t boot_ = 0;
    SystemClock clock_;
    WallNanoseconds started_at_ = 0;
    std::uint64_t started_monotonic_ns_ = 0;

    std::atomic<bool> stopping_{false};
    std::mutex reload_mutex_;  ///< one reload at a time; guards these two
    identity::WorkloadRegistry registry_;
    /// Generations that were replaced, and when: flows may still carry them.
    std::deque<std::pair<std::uint32_t, std::uint64_t>> replaced_;
    /// Held while a generation is put in force, and by stop() to see that none is begun any more.
    std::mutex force_mutex_;

    mutable std::mutex mutex_;  ///< held for moments only; guards these three
    Current in_force_;
    std::uint64_t refused_ = 0;
    std::string last_refusal_;

    std::unique_ptr<exporters::Spool> spool_;
    std::unique_ptr<SnapshotBuilder> builder_;
    std::unique_ptr<dataplane::Runtime> runtime_;
    std::unique_ptr<Spooler> spooler_;
    std::unique_ptr<Sinks> sinks_;
    std::unique_ptr<AdminServer> admin_;
};

}  // namespace sallyport::control
