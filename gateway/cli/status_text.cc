// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/status_text.h"

#include "gateway/cli/table.h"
#include "gateway/cli/time_text.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace sallyport::cli {

using control::GatewayStatus;
using control::Health;

namespace {

std::string painted(Health health, const Console& console) {
    const std::string name(name_of(health));
    switch (health) {
        case Health::ok:
            return console.green(name);
        case Health::degraded:
            return console.yellow(name);
        case Health::down:
            break;
    }
    return console.red(name);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? "-" : std::to_string(part * 100 / whole) + "%";
}

std::uint64_t flows_of(const GatewayStatus& status) {
    std::uint64_t sum = 0;
    for (const auto& worker : status.workers) {
        sum += worker.flows_active;
    }
    return sum;
}

void print_head(const GatewayStatus& status, const Console& console) {
    console.out << "sallyport " << printable(status.version) << "  "
                << console.bold(printable(status.name))
                << (status.cluster.empty() ? "" : " of " + printable(status.cluster)) << "  "
                << painted(status.health, console) << "  generation " << status.generation
                << "  up " << short_seconds(status.uptime_seconds) << '\n';
    for (const std::string& reason : status.reasons) {
        console.out << "  ! " << printable(reason) << '\n';
    }
}

void print_ports(const GatewayStatus& status, const Console& console) {
    Table table(
        {"PORT", "ROLE", "LINK", "RECEIVED", "BYTES", "MISSED", "SENT", "BYTES", "ERRORS", "DEVICE"}
    );
    for (const auto& port : status.ports) {
        table.add(
            {port.name,
             port.role,
             port.link_up ? "up" : "down",
             short_count(port.rx_packets),
             short_bytes(port.rx_bytes),
             short_count(port.rx_missed),
             short_count(port.tx_packets),
             short_bytes(port.tx_bytes),
             short_count(port.tx_errors),
             port.device}
        );
    }
    console.out << '\n';
    table.print(console.out);
}

void print_workers(const GatewayStatus& status, const Console& console) {
    Table table({"WORKER", "CORE", "PACKETS", "BUSY", "FLOWS", "ROOM", "CREATED", "SHED EVENTS"});
    for (const auto& worker : status.workers) {
        table.add(
            {std::to_string(worker.index),
             std::to_string(worker.lcore),
             short_count(worker.packets),
             percent(worker.cycles_busy, worker.cycles_total),
             short_count(worker.flows_active),
             short_count(worker.flows_max),
             short_count(worker.flows_created),
             short_count(worker.events_shed)}
        );
    }
    console.out << '\n';
    table.print(console.out);
}

void print_pools(const GatewayStatus& status, const Console& console) {
    if (status.pools.empty()) {
        return;
    }
    Table table({"POOL", "ADDRESSES", "BLOCKS", "OF", "PORTS IN USE", "REFUSED"});
    for (const auto& pool : status.pools) {
        table.add(
            {pool.name,
             std::to_string(pool.addresses),
             short_count(pool.blocks_used),
             short_count(pool.blocks_total),
             short_count(pool.ports_used),
             short_count(pool.allocation_failures)}
        );
    }
    console.out << '\n';
    table.print(console.out);
}

void print_sinks(const GatewayStatus& status, const Console& console) {
    Table table({"SINK", "KIND", "DELIVERED", "BEHIND", "RETRIES", "DEAD LETTERS", "STATE"});
    for (const auto& sink : status.sinks) {
        table.add(
            {sink.name,
             sink.kind,
             short_count(sink.delivered),
             short_count(sink.lag),
             short_count(sink.retries),
             short_count(sink.dead_letters),
             printable(sink.state)}
        );
    }
    console.out << '\n';
    table.print(console.out);
}

std::vector<DropReason> largest_drops(const GatewayStatus& status, std::size_t count_max) {
    std::vector<DropReason> reasons;
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        const auto reason = static_cast<DropReason>(i);
        if (status.drops[i] != 0 && reason != DropReason::consumed) {
            reasons.push_back(reason);
        }
    }
    std::stable_sort(reasons.begin(), reasons.end(), [&](DropReason a, DropReason b) {
        return status.drops[static_cast<std::size_t>(a)] >
               status.drops[static_cast<std::size_t>(b)];
    });
    reasons.resize(std::min(reasons.size(), count_max));
    return reasons;
}

void print_rest(const GatewayStatus& status, const Console& console) {
    console.out << "\nworkloads  " << status.workloads.pods << " pods, " << status.workloads.nodes
                << " nodes, " << status.workloads.addresses_ambiguous << " ambiguous addresses\n"
                << "policy     " << status.policy.policies << " policies, " << status.policy.rules
                << " rules\n"
                << "spool      " << short_bytes(status.spool.bytes) << " of "
                << short_bytes(status.spool.bytes_max) << " in " << status.spool.directory << ", "
                << status.spool.events_lost << " events lost, " << printable(status.spool.state)
                << '\n';
    constexpr std::size_t kDropsShown = 5;
    const std::vector<DropReason> drops = largest_drops(status, kDropsShown);
    if (!drops.empty()) {
        console.out << "dropped    ";
        for (std::size_t i = 0; i < drops.size(); ++i) {
            console.out << (i == 0 ? "" : ", ") << name_of(drops[i]) << ' '
                        << short_count(status.drops[static_cast<std::size_t>(drops[i])]);
        }
        console.out << '\n';
    }
}

}  // namespace

void print_feeds(const GatewayStatus& status, const Console& console) {
    Table table({"FEED", "ACTION", "CATEGORY", "ENTRIES", "REJECTED", "MATCHES", "LOADED"});
    for (const auto& feed : status.feeds) {
        table.add(
            {feed.name,
             feed.action,
             feed.category.empty() ? "-" : feed.category,
             short_count(feed.entries),
             short_count(feed.rejected_lines),
             short_count(feed.matches),
             time_text(feed.loaded_at)}
        );
    }
    table.print(console.out);
}

void print_status(const GatewayStatus& status, const Console& console) {
    print_head(status, console);
    print_ports(status, console);
    print_workers(status, console);
    print_pools(status, console);
    if (!status.feeds.empty()) {
        console.out << '\n';
        print_feeds(status, console);
    }
    print_sinks(status, console);
    print_rest(status, console);
}

void print_status_compact(const GatewayStatus& status, const Console& console) {
    std::uint64_t lag = 0;
    for (const auto& sink : status.sinks) {
        lag = std::max(lag, sink.lag);
    }
    std::uint64_t drops = 0;
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        drops += static_cast<DropReason>(i) == DropReason::consumed ? 0 : status.drops[i];
    }
    console.out << painted(status.health, console) << " gateway=" << status.name
                << " generation=" << status.generation
                << " uptime_seconds=" << status.uptime_seconds << " flows=" << flows_of(status)
                << " drops=" << drops << " workloads=" << status.workloads.pods
                << " sink_lag=" << lag << '\n';
}

Exit exit_of(Health health) noexcept {
    switch (health) {
        case Health::ok:
            return Exit::done;
        case Health::degraded:
            return Exit::said_no;
        case Health::down:
            break;
    }
    return Exit::wrong_use;
}

}  // namespace sallyport::cli
