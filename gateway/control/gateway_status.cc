// SPDX-License-Identifier: Apache-2.0
// GatewayProcess::status: one reading of everything that runs.
#include "gateway/control/gateway_process.h"
#include "gateway/control/version.h"

#include <cinttypes>
#include <cstdio>

namespace sallyport::control {
namespace {

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

void read_workers(const dataplane::Runtime& runtime, std::uint32_t flows_max, GatewayStatus& out) {
    for (std::uint16_t i = 0; i < runtime.workers(); ++i) {
        const dataplane::Counters& counters = runtime.counters(i);
        WorkerStatus worker;
        worker.index = i;
        worker.lcore = i + 1U;
        worker.packets = counters.received_packets.get();
        worker.cycles_busy = counters.busy_cycles.get();
        worker.cycles_total = runtime.cycles_since_start(i);
        worker.flows_active = counters.flows_active.get();
        worker.flows_max = flows_max / runtime.workers();
        worker.flows_created = counters.flows_created.get();
        worker.events_shed = counters.events_shed.get();
        if (worker.events_shed != 0) {
            out.reasons.push_back(
                "worker " + std::to_string(i) + " had to shed " +
                std::to_string(worker.events_shed) + " events: its ring was full"
            );
        }
        out.workers.push_back(worker);
        for (std::size_t reason = 0; reason < out.drops.size(); ++reason) {
            out.drops[reason] += counters.drops[reason].get();
        }
    }
}

void read_feeds(
    const config::Config& config,
    const LoadedInputs& inputs,
    WallNanoseconds loaded_at,
    GatewayStatus& out
) {
    for (const config::FeedConfig& feed : config.feeds) {
        FeedStatus status;
        status.name = feed.name;
        status.action = name_of(feed.action);
        status.category = feed.category;
        status.loaded_at = loaded_at;
        for (const feeds::FeedReport& report : inputs.feed_reports) {
            if (report.name == feed.name) {
                status.entries = report.indicator_count();
                status.rejected_lines = report.bad_lines;
            }
        }
        out.feeds.push_back(std::move(status));
    }
}

}  // namespace

GatewayStatus GatewayProcess::status() {
    const std::lock_guard lock(mutex_);
    GatewayStatus out;
    out.name = config_.gateway.name;
    out.cluster = config_.gateway.cluster;
    out.version = std::string(version());
    std::array<char, 24> boot{};
    std::snprintf(boot.data(), boot.size(), "%08" PRIx64, boot_);
    out.boot = boot.data();
    out.generation = generation_;
    out.generations_refused = refused_;
    out.started_at = started_at_;
    out.uptime_seconds = (clock_.monotonic_ns() - started_monotonic_ns_) / 1'000'000'000U;
    read_ports(config_, *runtime_, out);
    read_workers(*runtime_, config_.dataplane.flows_max, out);
    for (const dataplane::PoolView& pool : snapshot_->pools) {
        const SnapshotBuilder::PoolUse use = builder_->use_of(pool);
        PoolStatus status;
        status.name = pool.name;
        status.addresses = pool.addresses.size();
        status.blocks_used = use.used;
        status.blocks_total = use.total;
        status.ports_used = use.used * snapshot_->block_size;
        status.allocation_failures =
            out.drops[static_cast<std::size_t>(DropReason::nat_ports_exhausted)] +
            out.drops[static_cast<std::size_t>(DropReason::nat_blocks_exhausted)];
        out.pools.push_back(std::move(status));
    }
    read_feeds(config_, *inputs_, loaded_at_, out);
    for (const Workload& workload : inputs_->workloads->workloads()) {
        out.workloads.pods += workload.live && workload.kind == Workload::Kind::pod ? 1 : 0;
        out.workloads.nodes += workload.live && workload.kind == Workload::Kind::node ? 1 : 0;
    }
    out.workloads.loaded_at = loaded_at_;
    out.policy.policies = inputs_->policy->policy_count();
    out.policy.rules = inputs_->policy->rules().size();
    const exporters::SpoolStats spool = spool_->stats();
    out.spool.directory = config_.events.spool.directory;
    out.spool.state = spool.state;
    out.spool.bytes = spool.bytes;
    out.spool.bytes_max = config_.events.spool.size.bytes;
    for (const std::uint64_t lost : spool.lost_by_class) {
        out.spool.events_lost += lost;
    }
    if (spool.degraded) {
        out.reasons.push_back("spool: " + spool.state);
    }
    out.sinks = sinks_->status();
    for (const SinkStatus& sink : out.sinks) {
        if (!sink.healthy) {
            out.reasons.push_back("sink " + sink.name + ": " + sink.state);
        }
    }
    if (!last_refusal_.empty()) {
        out.reasons.push_back("the last reload was refused: " + last_refusal_);
    }
    out.events = spooler_->written();
    out.health = out.reasons.empty() ? Health::ok : Health::degraded;
    return out;
}

}  // namespace sallyport::control
