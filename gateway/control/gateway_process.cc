// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/gateway_process.h"

#include "gateway/config/load.h"
#include "gateway/config/reloadable.h"
#include "gateway/control/spool_events.h"
#include "gateway/model/keyed_hash.h"

#include <array>
#include <chrono>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sallyport::control {
namespace {

// How long workers may take to tell the end of their flows, and sinks to send what is there.
constexpr std::chrono::seconds kDrainWithin{5};
constexpr std::chrono::seconds kFlushWithin{5};

std::string hostname() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

dataplane::RuntimeSettings runtime_settings(const config::Config& config, std::uint64_t boot) {
    dataplane::RuntimeSettings out;
    out.workers = static_cast<std::uint16_t>(config.dataplane.workers.value_or(0));
    out.hugepages = config.dataplane.hugepages == config::HugepagesMode::required
                        ? dataplane::Hugepages::required
                    : config.dataplane.hugepages == config::HugepagesMode::off
                        ? dataplane::Hugepages::off
                        : dataplane::Hugepages::automatic;
    out.flows_max = config.dataplane.flows_max;
    out.memory_megabytes = static_cast<std::uint32_t>(config.dataplane.memory.bytes >> 20U);
    out.idle_sleep_us = static_cast<std::uint32_t>(config.dataplane.idle_sleep.count() * 1000);
    out.boot = boot;
    out.eal_arguments = config.dataplane.eal_args;
    for (const config::PortConfig& port : config.dataplane.ports) {
        dataplane::PortSettings settings;
        settings.name = port.name;
        settings.device = port.device;
        settings.role = port.role == config::PortRole::outside ? dataplane::PortRole::outside
                                                               : dataplane::PortRole::inside;
        settings.addresses = port.addresses;
        settings.mtu = static_cast<std::uint16_t>(port.mtu);
        for (const IpAddress& hop : port.next_hops) {
            (hop.is_v4() ? settings.next_hop_v4 : settings.next_hop_v6) = hop;
        }
        out.ports.push_back(std::move(settings));
    }
    return out;
}

exporters::SpoolSettings spool_settings(const config::Config& config, std::uint64_t boot) {
    exporters::SpoolSettings out;
    out.directory = config.events.spool.directory;
    out.boot = boot;
    out.bytes_max = config.events.spool.size.bytes;
    out.full_policy = config.events.spool.full == config::SpoolFull::drop_newest
                          ? exporters::FullPolicy::drop_newest
                          : exporters::FullPolicy::drop_oldest;
    out.sinks = sink_names(config);
    return out;
}

void add(Problems& problems, const Error& error) {
    problems.push_back({"", 0, 0, error.message});
}

}  // namespace

std::unique_ptr<GatewayProcess> GatewayProcess::start(
    const std::string& config_path, Problems& problems
) {
    std::unique_ptr<GatewayProcess> out(new GatewayProcess());
    out->config_path_ = config_path;
    out->boot_ = random_hash_key().k0 & 0xFFFFFFFFU;
    out->started_at_ = out->clock_.wall_ns();
    out->started_monotonic_ns_ = out->clock_.monotonic_ns();
    if (!out->load(problems) || !out->start_parts(problems)) {
        return nullptr;
    }
    return out;
}

bool GatewayProcess::load(Problems& problems) {
    auto config = config::load_config(config_path_, config::Purpose::run, problems);
    if (!config) {
        return false;
    }
    config_ = std::move(*config);
    inputs_ = load_inputs(config_, {config_.state_directory(), {}}, registry_, problems);
    return inputs_.has_value() && problems.empty();
}

bool GatewayProcess::start_parts(Problems& problems) {
    auto spool = exporters::Spool::open(spool_settings(config_, boot_));
    if (!spool) {
        add(problems, spool.error());
        return false;
    }
    spool_ = std::move(spool).value();
    auto runtime = dataplane::Runtime::start(runtime_settings(config_, boot_));
    if (!runtime) {
        add(problems, runtime.error());
        return false;
    }
    runtime_ = std::move(runtime).value();
    builder_ = std::make_unique<SnapshotBuilder>(BuilderSettings{
        boot_, 0, runtime_->workers(), hostname()});
    auto sinks = Sinks::start(config_, *spool_);
    if (!sinks) {
        add(problems, sinks.error());
        return false;
    }
    sinks_ = std::move(sinks).value();
    if (const Status forced = put_in_force(config_, *inputs_); !forced) {
        add(problems, forced.error());
        return false;
    }
    std::vector<dataplane::EventRings*> rings;
    for (std::uint16_t worker = 0; worker < runtime_->workers(); ++worker) {
        rings.push_back(&runtime_->events(worker));
    }
    spooler_ = std::make_unique<Spooler>(*spool_, std::move(rings), boot_);
    spooler_->start();
    spooler_->tell(EventKind::part_state, generation_, "gateway started");
    auto admin = AdminServer::start(config_.admin.socket, *this);
    if (!admin) {
        add(problems, admin.error());
        return false;
    }
    admin_ = std::move(admin).value();
    return true;
}

// Builds the next snapshot, makes its names durable, and hands it to the workers.
Status GatewayProcess::put_in_force(const config::Config& config, const LoadedInputs& inputs) {
    auto built = builder_->build(
        config,
        {inputs.workloads, inputs.policy, inputs.threats, inputs.pools},
        runtime_->ports(),
        generation_ + 1
    );
    if (!built) {
        return built.error();
    }
    if (const Status written = spool_->write_dictionary(*built.value()->dictionary); !written) {
        return written.error();
    }
    const bool first = snapshot_ == nullptr;
    snapshot_ = built.value();
    ++generation_;
    loaded_at_ = clock_.wall_ns();
    if (first) {
        runtime_->launch(snapshot_);
    } else {
        runtime_->publish(snapshot_);
    }
    if (!inputs.threats_path.empty()) {
        discard_other_databases(config.state_directory(), inputs.threats_path);
    }
    return Done{};
}

void GatewayProcess::refuse(const Problems& problems, ReloadOutcome& outcome) {
    ++refused_;
    for (const Problem& problem : problems) {
        outcome.problems.push_back(problem.text());
    }
    last_refusal_ = outcome.problems.empty() ? "refused" : outcome.problems.front();
    const std::string more =
        problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : "";
    spooler_->tell(EventKind::generation_refused, generation_, last_refusal_ + more);
}

ReloadOutcome GatewayProcess::reload() {
    const std::lock_guard lock(mutex_);
    const std::uint64_t began = clock_.monotonic_ns();
    ReloadOutcome outcome;
    Problems problems;
    auto config = config::load_config(config_path_, config::Purpose::run, problems);
    std::optional<LoadedInputs> inputs;
    if (config) {
        config::check_reloadable(config_, *config, problems);
        inputs = load_inputs(*config, {config->state_directory(), {}}, registry_, problems);
    }
    if (problems.empty() && inputs) {
        if (const Status forced = put_in_force(*config, *inputs); !forced) {
            add(problems, forced.error());
        }
    }
    if (!problems.empty() || !inputs) {
        refuse(problems, outcome);
    } else {
        for (const Problem& note : inputs->notes) {
            outcome.notes.push_back(note.text());
        }
        config_ = std::move(*config);
        inputs_ = std::move(inputs);
        outcome.accepted = true;
        last_refusal_.clear();
        spooler_->tell(
            EventKind::config_reload,
            generation_,
            "generation " + std::to_string(generation_) + " is in force"
        );
    }
    outcome.generation = generation_;
    outcome.milliseconds = (clock_.monotonic_ns() - began) / 1'000'000U;
    return outcome;
}

Result<std::unique_ptr<EventStream>> GatewayProcess::open_events(const EventQuery& query) {
    auto reader = spool_->reader("");
    if (!reader) {
        return reader.error();
    }
    return make_spool_events(std::move(reader).value(), query);
}

bool GatewayProcess::stop() {
    admin_.reset();
    bool complete = true;
    if (runtime_ != nullptr && snapshot_ != nullptr) {
        runtime_->request_stop();
        const auto deadline = std::chrono::steady_clock::now() + kDrainWithin;
        while (!runtime_->stopped() && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        complete = runtime_->stopped();
        runtime_->abandon();
        while (!runtime_->stopped()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    if (spooler_ != nullptr) {
        spooler_->tell(EventKind::part_state, generation_, "gateway stopped");
        spooler_->stop();
    }
    if (sinks_ != nullptr) {
        sinks_->stop(kFlushWithin);
    }
    return complete;
}

GatewayProcess::~GatewayProcess() {
    // In reverse of the order they depend on one another; stop() has usually done the waiting
    // already.
    admin_.reset();
    if (runtime_ != nullptr && snapshot_ != nullptr && !runtime_->stopped()) {
        stop();
    }
    sinks_.reset();
    spooler_.reset();
    runtime_.reset();
}

std::string GatewayProcess::describe() {
    const std::lock_guard lock(mutex_);
    return "generation " + std::to_string(generation_) + ": " +
           std::to_string(runtime_->ports().size()) + " ports, " +
           std::to_string(runtime_->workers()) + " workers, " +
           std::to_string(inputs_->threats->indicator_count()) + " indicators, " +
           std::to_string(inputs_->workloads->live_count()) + " workloads, " +
           std::to_string(inputs_->policy->policy_count()) + " policies";
}

}  // namespace sallyport::control
