// SPDX-License-Identifier: Apache-2.0
// GatewayProcess::status: one reading of everything that runs.
#include "gateway/control/gateway_process.h"
#include "gateway/control/version.h"

#include <cinttypes>
#include <cstdio>
#include <map>

namespace sallyport::control {
namespace {

// How long a worker that had to shed events counts as degraded: long enough for a scrape to see.
constexpr std::uint64_t kShedNs = 300'000'000'000;

void read_ports(
    const config::Config& config, const dataplane::Runtime& runtime, GatewayStatus& out
) {
    for (std::size_t i = 0; i < runtime.ports().size(); ++i) {
        const dataplane::PortView& view = runtime.ports()[i];
        const dataplane::PortStatistics numbers = runtime.port_statistics(i);
        PortStatus port;
        port.name = view.name;
        port.device = config.dataplane.ports[i].device;
        port.role = view.role == dataplane::PortRole::inside ? "inside" : "outside";
        port.link_up = numbers.link_up;
        port.rx_packets = numbers.received_packets;
        port.rx_bytes = numbers.received_bytes;
        port.rx_missed = numbers.missed_packets;
        port.tx_packets = numbers.transmitted_packets;
        port.tx_bytes = numbers.transmitted_bytes;
        port.tx_errors = numbers.errors;
        if (!port.link_up) {
            out.reasons.push_back("port " + port.name + " has no link");
        }
        out.ports.push_back(std::move(port));
    }
}

void read_pools(const dataplane::Snapshot& snapshot, GatewayStatus& out) {
    for (const dataplane::PoolView& pool : snapshot.pools) {
        const PoolUse use = use_of(pool, snapshot);
        PoolStatus status;
        status.name = pool.name;
        status.addresses = pool.addresses.size();
        status.blocks_used = use.blocks;
        status.blocks_total = use.blocks_total;
        status.ports_used = use.ports;
        status.allocation_failures = use.refusals;
        out.pools.push_back(std::move(status));
    }
}

void read_workloads(const LoadedInputs& inputs, GatewayStatus& out) {
    for (const Workload& workload : inputs.workloads->workloads()) {
        out.workloads.pods += workload.live && workload.kind == Workload::Kind::pod ? 1 : 0;
        out.workloads.nodes += workload.live && workload.kind == Workload::Kind::node ? 1 : 0;
    }
    out.workloads.addresses_ambiguous = inputs.workloads->ambiguous_count();
    out.policy.policies = inputs.policy->policy_count();
    out.policy.rules = inputs.policy->rules().size();
}

}  // namespace

void GatewayProcess::read_own(const Current& in_force, GatewayStatus& out) const {
    out.name = in_force.config->gateway.name;
    out.cluster = in_force.config->gateway.cluster;
    out.version = std::string(version());
    std::array<char, 24> boot{};
    std::snprintf(boot.data(), boot.size(), "%08" PRIx64, boot_);
    out.boot = boot.data();
    out.generation = in_force.generation;
    out.started_at = started_at_;
    out.uptime_seconds = (clock_.monotonic_ns() - started_monotonic_ns_) / 1'000'000'000U;
    const std::lock_guard lock(mutex_);
    out.generations_refused = refused_;
    if (!last_refusal_.empty()) {
        out.reasons.push_back("the last reload was refused: " + last_refusal_);
    }
}

void GatewayProcess::read_workers(std::uint32_t flows_max, GatewayStatus& out) const {
    for (std::uint16_t i = 0; i < runtime_->workers(); ++i) {
        const dataplane::Counters& counters = runtime_->counters(i);
        WorkerStatus worker;
        worker.index = i;
        worker.lcore = i + 1U;
        worker.packets = counters.received_packets.get();
        worker.cycles_busy = counters.busy_cycles.get();
        worker.cycles_total = runtime_->cycles_since_start(i);
        worker.flows_active = counters.flows_active.get();
        worker.flows_max = flows_max / runtime_->workers();
        worker.flows_created = counters.flows_created.get();
        worker.events_shed = counters.events_shed.get();
        const std::uint64_t shed_at = spooler_->shed_at_ns(i);
        if (shed_at != 0 && clock_.monotonic_ns() - shed_at < kShedNs) {
            out.reasons.push_back(
                "worker " + std::to_string(i) + " shed events within the last five minutes (" +
                std::to_string(worker.events_shed) + " since the start): its ring was full"
            );
        }
        out.workers.push_back(worker);
        for (std::size_t reason = 0; reason < out.drops.size(); ++reason) {
            out.drops[reason] += counters.drops[reason].get();
        }
    }
}

void GatewayProcess::read_feeds(const Current& in_force, GatewayStatus& out) const {
    const std::map<std::string, std::uint64_t> matches = spooler_->matches();
    for (std::size_t i = 0; i < in_force.config->feeds.size(); ++i) {
        const config::FeedConfig& feed = in_force.config->feeds[i];
        FeedStatus status;
        status.name = feed.name;
        status.action = name_of(feed.action);
        status.category = feed.category;
        status.loaded_at = in_force.feeds_loaded_at[i];
        for (const feeds::FeedReport& report : in_force.inputs->feed_reports) {
            if (report.name == feed.name) {
                status.entries = report.indicator_count();
                status.rejected_lines = report.bad_lines;
            }
        }
        const auto found = matches.find(feed.name);
        status.matches = found == matches.end() ? 0 : found->second;
        out.feeds.push_back(std::move(status));
    }
}

void GatewayProcess::read_spool(const Current& in_force, GatewayStatus& out) const {
    const exporters::SpoolStats spool = spool_->stats();
    out.spool.directory = in_force.config->events.spool.directory;
    out.spool.state = spool.state;
    out.spool.bytes = spool.bytes;
    out.spool.bytes_max = in_force.config->events.spool.size.bytes;
    for (const std::uint64_t lost : spool.lost_by_cause) {
        out.spool.events_lost += lost;
    }
    out.events = spool.appended_by_class;
    if (spool.degraded) {
        out.reasons.push_back("spool: " + spool.state);
    }
    out.sinks = sinks_->status();
    for (const SinkStatus& sink : out.sinks) {
        if (!sink.healthy) {
            out.reasons.push_back("sink " + sink.name + ": " + sink.state);
        }
    }
}

// Asks no reload to wait, and waits for none: what is in force is copied, the rest are numbers.
GatewayStatus GatewayProcess::status() {
    const Current now = in_force();
    GatewayStatus out;
    read_ports(*now.config, *runtime_, out);
    read_workers(now.config->dataplane.flows_max, out);
    read_pools(*now.snapshot, out);
    read_feeds(now, out);
    read_workloads(*now.inputs, out);
    out.workloads.loaded_at = now.loaded_at;
    read_spool(now, out);
    read_own(now, out);
    out.health = out.reasons.empty() ? Health::ok : Health::degraded;
    return out;
}

}  // namespace sallyport::control
