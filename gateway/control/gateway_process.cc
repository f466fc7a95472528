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
// Longer than any flow lives without a packet (7 440 s, RFC 5382 REQ-5), with the time a crowded
// ageing wheel and the rings may add.
constexpr std::chrono::seconds kGenerationCarried{3 * 3600};

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

LoadOptions GatewayProcess::load_options(const config::Config& config) const {
    LoadOptions out;
    out.state_directory = config.state_directory();
    out.cancelled = [this] { return stopping_.load(); };
    return out;
}

bool GatewayProcess::load(Problems& problems) {
    auto config = config::load_config(config_path_, config::Purpose::run, problems);
    if (!config) {
        return false;
    }
    auto inputs = load_inputs(*config, load_options(*config), registry_, problems);
    if (!inputs || !problems.empty()) {
        return false;
    }
    in_force_.config = std::make_shared<const config::Config>(std::move(*config));
    in_force_.inputs = std::make_shared<const LoadedInputs>(std::move(*inputs));
    return true;
}

bool GatewayProcess::start_parts(Problems& problems) {
    const config::Config& config = *in_force_.config;
    auto spool = exporters::Spool::open(spool_settings(config, boot_));
    if (!spool) {
        add(problems, spool.error());
        return false;
    }
    spool_ = std::move(spool).value();
    auto runtime = dataplane::Runtime::start(runtime_settings(config, boot_));
    if (!runtime) {
        add(problems, runtime.error());
        return false;
    }
    runtime_ = std::move(runtime).value();
    builder_ = std::make_unique<SnapshotBuilder>(BuilderSettings{
        boot_, 0, runtime_->workers(), hostname()});
    auto sinks = Sinks::start(config, *spool_);
    if (!sinks) {
        add(problems, sinks.error());
        return false;
    }
    sinks_ = std::move(sinks).value();
    std::vector<dataplane::EventRings*> rings;
    for (std::uint16_t worker = 0; worker < runtime_->workers(); ++worker) {
        rings.push_back(&runtime_->events(worker));
    }
    spooler_ = std::make_unique<Spooler>(*spool_, std::move(rings), boot_);
    if (const Status forced = put_in_force(in_force_.config, in_force_.inputs); !forced) {
        add(problems, forced.error());
        return false;
    }
    spooler_->start();
    spooler_->tell(EventKind::part_state, in_force_.generation, "gateway started");
    auto admin = AdminServer::start(config.admin.socket, *this);
    if (!admin) {
        add(problems, admin.error());
        return false;
    }
    admin_ = std::move(admin).value();
    return true;
}

GatewayProcess::Current GatewayProcess::in_force() const {
    const std::lock_guard lock(mutex_);
    return in_force_;
}

// Builds the next snapshot, makes its names durable, and hands it to the workers.
Status GatewayProcess::put_in_force(
    std::shared_ptr<const config::Config> config, std::shared_ptr<const LoadedInputs> inputs
) {
    const std::lock_guard forcing(force_mutex_);
    if (stopping_) {
        return Error{"given up: the gateway is stopping"};
    }
    const Current before = in_force();
    const bool first = before.snapshot == nullptr;
    auto built = builder_->build(
        *config,
        {inputs->workloads, inputs->policy, inputs->threats, inputs->pools},
        runtime_->ports(),
        before.generation + 1
    );
    if (!built) {
        return built.error();
    }
    // A disk that fills up later is no reason to refuse: the spool keeps the names in memory, says
    // so and writes them once it can. A gateway that starts without room says so and does not.
    const EventDictionary& names = *built.value()->dictionary;
    if (const Status written = spool_->write_dictionary(names); !written && first) {
        return written.error();
    }
    std::vector<std::string> feeds;
    for (const FeedNames& feed : names.feeds) {
        feeds.push_back(feed.name);
    }
    spooler_->know_feeds(before.generation + 1, std::move(feeds));
    Current next;
    next.config = std::move(config);
    next.inputs = std::move(inputs);
    next.snapshot = built.value();
    next.generation = before.generation + 1;
    next.loaded_at = clock_.wall_ns();
    next.feeds_loaded_at = feeds_loaded_at(before, next);
    {
        const std::lock_guard lock(mutex_);
        in_force_ = next;
    }
    if (first) {
        runtime_->launch(next.snapshot);
    } else {
        runtime_->publish(next.snapshot);
        retire_generations(before.generation);
    }
    if (!next.inputs->threats_path.empty()) {
        discard_other_databases(next.config->state_directory(), next.inputs->threats_path);
    }
    return Done{};
}

// When what each feed holds came into force: with this generation, or with an earlier one when its
// files are still the same.
std::vector<WallNanoseconds> GatewayProcess::feeds_loaded_at(
    const Current& before, const Current& next
) {
    std::vector<WallNanoseconds> out(next.config->feeds.size(), next.loaded_at);
    for (std::size_t i = 0; before.inputs != nullptr && i < out.size(); ++i) {
        for (std::size_t old = 0; old < before.feeds_loaded_at.size(); ++old) {
            const bool same =
                before.config->feeds[old].name == next.config->feeds[i].name &&
                before.inputs->feed_identities[old] == next.inputs->feed_identities[i];
            out[i] = same ? before.feeds_loaded_at[old] : out[i];
        }
    }
    return out;
}

// A flow carries the generation it was judged under until its next packet, and it ends when none
// comes for its time: after that no event can name the generation any more.
void GatewayProcess::retire_generations(std::uint32_t replaced) {
    const std::uint64_t now = clock_.monotonic_ns();
    constexpr auto kCarriedNs =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(kGenerationCarried).count());
    replaced_.emplace_back(replaced, now);
    while (!replaced_.empty() && now - replaced_.front().second > kCarriedNs) {
        spool_->retire_generations_below(replaced_.front().first + 1);
        replaced_.pop_front();
    }
}

void GatewayProcess::refuse(const Problems& problems, ReloadOutcome& outcome) {
    for (const Problem& problem : problems) {
        outcome.problems.push_back(problem.text());
    }
    std::string why = outcome.problems.empty() ? "refused" : outcome.problems.front();
    const std::string more =
        problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : "";
    spooler_->tell(EventKind::generation_refused, in_force().generation, why + more);
    const std::lock_guard lock(mutex_);
    ++refused_;
    last_refusal_ = std::move(why);
}

ReloadOutcome GatewayProcess::reload() {
    const std::lock_guard one_at_a_time(reload_mutex_);
    const std::uint64_t began = clock_.monotonic_ns();
    ReloadOutcome outcome;
    Problems problems;
    auto config = config::load_config(config_path_, config::Purpose::run, problems);
    std::optional<LoadedInputs> inputs;
    if (config) {
        config::check_reloadable(*in_force().config, *config, problems);
        inputs = load_inputs(*config, load_options(*config), registry_, problems);
    }
    if (problems.empty() && inputs) {
        for (const Problem& note : inputs->notes) {
            outcome.notes.push_back(note.text());
        }
        const Status forced = put_in_force(
            std::make_shared<const config::Config>(std::move(*config)),
            std::make_shared<const LoadedInputs>(std::move(*inputs))
        );
        if (!forced) {
            add(problems, forced.error());
        }
    }
    outcome.accepted = problems.empty() && inputs.has_value();
    if (!outcome.accepted) {
        outcome.notes.clear();
        refuse(problems, outcome);
    }
    outcome.generation = in_force().generation;
    if (outcome.accepted) {
        spooler_->tell(
            EventKind::config_reload,
            outcome.generation,
            "generation " + std::to_string(outcome.generation) + " is in force"
        );
        const std::lock_guard lock(mutex_);
        last_refusal_.clear();
    }
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
    stopping_ = true;
    if (admin_ != nullptr) {
        admin_->stop(std::chrono::milliseconds(0));
    }
    { const std::lock_guard none_begins_any_more(force_mutex_); }
    bool complete = true;
    const Current last = in_force();
    if (runtime_ != nullptr && last.snapshot != nullptr) {
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
        spooler_->tell(EventKind::part_state, last.generation, "gateway stopped");
        spooler_->stop();
    }
    if (sinks_ != nullptr) {
        sinks_->stop(kFlushWithin);
    }
    return complete;
}

bool GatewayProcess::is_quiet(std::chrono::milliseconds timeout) {
    return admin_ == nullptr || admin_->stop(timeout);
}

GatewayProcess::~GatewayProcess() {
    // In reverse of the order they depend on one another; stop() has usually done the waiting
    // already.
    stopping_ = true;
    admin_.reset();
    if (runtime_ != nullptr && in_force_.snapshot != nullptr && !runtime_->stopped()) {
        stop();
    }
    sinks_.reset();
    spooler_.reset();
    runtime_.reset();
}

std::string GatewayProcess::describe() {
    const Current now = in_force();
    return "generation " + std::to_string(now.generation) + ": " +
           std::to_string(runtime_->ports().size()) + " ports, " +
           std::to_string(runtime_->workers()) + " workers, " +
           std::to_string(now.inputs->threats->indicator_count()) + " indicators, " +
           std::to_string(now.inputs->workloads->live_count()) + " workloads, " +
           std::to_string(now.inputs->policy->policy_count()) + " policies";
}

}  // namespace sallyport::control
