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

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace sallyport::control {

class GatewayProcess final : public GatewayControl {
public:
    /// Starts everything. All problems are added; null when there are any, and then nothing is left
    /// running.
    static std::unique_ptr<GatewayProcess> start(
        const std::string& config_path, Problems& problems
    );
    ~GatewayProcess() override;

    GatewayStatus status() override;
    ReloadOutcome reload() override;
    Result<std::unique_ptr<EventStream>> open_events(const EventQuery& query) override;

    /// Ends flows, drains and flushes, each within a bound; true when everything was delivered to
    /// the spool.
    bool stop();
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
    Status put_in_force(const config::Config& config, const LoadedInputs& inputs);
    void refuse(const Problems& problems, ReloadOutcome& outcome);

    std::string config_path_;
    std::uint64_t boot_ = 0;
    SystemClock clock_;
    WallNanoseconds started_at_ = 0;
    std::uint64_t started_monotonic_ns_ = 0;

    std::mutex mutex_;  ///< one reload or status at a time; guards what follows
    config::Config config_;
    std::optional<LoadedInputs> inputs_;
    WallNanoseconds loaded_at_ = 0;
    std::uint32_t generation_ = 0;
    std::uint64_t refused_ = 0;
    std::string last_refusal_;
    std::shared_ptr<const dataplane::Snapshot> snapshot_;
    identity::WorkloadRegistry registry_;

    std::unique_ptr<exporters::Spool> spool_;
    std::unique_ptr<SnapshotBuilder> builder_;
    std::unique_ptr<dataplane::Runtime> runtime_;
    std::unique_ptr<Spooler> spooler_;
    std::unique_ptr<Sinks> sinks_;
    std::unique_ptr<AdminServer> admin_;
};

}  // namespace sallyport::control
