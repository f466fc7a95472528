// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/metrics_text.h"

#include <array>
#include <cstdio>
#include <initializer_list>
#include <utility>

namespace sallyport::control {
namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\n') {
            out += "\\n";
        } else {
            if (c == '\\' || c == '"') {
                out += '\\';
            }
            out += c;
        }
    }
    return out;
}

/// Writes the samples of one metric.
class Samples {
public:
    Samples(std::string_view name, std::string& out) : name_(name), out_(out) {}

    void add(Labels labels, std::uint64_t value) { add_text(labels, std::to_string(value)); }
    void add_ratio(Labels labels, double value) {
        std::array<char, 32> buffer{};
        const int size = std::snprintf(buffer.data(), buffer.size(), "%.6f", value);
        add_text(labels, std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    }

private:
    void add_text(Labels labels, std::string_view value) {
        out_ += name_;
        char separator = '{';
        for (const auto& [label, text] : labels) {
            out_ += separator;
            out_ += std::string(label) + "=\"" + escaped(text) + '"';
            separator = ',';
        }
        if (separator == ',') {
            out_ += '}';
        }
        out_ += ' ';
        out_ += value;
        out_ += '\n';
    }

    std::string_view name_;
    std::string& out_;
};

void packets(const GatewayStatus& status, Samples& samples) {
    for (const PortStatus& port : status.ports) {
        samples.add({{"port", port.name}, {"dir", "rx"}}, port.rx_packets);
        samples.add({{"port", port.name}, {"dir", "tx"}}, port.tx_packets);
    }
}
void bytes(const GatewayStatus& status, Samples& samples) {
    for (const PortStatus& port : status.ports) {
        samples.add({{"port", port.name}, {"dir", "rx"}}, port.rx_bytes);
        samples.add({{"port", port.name}, {"dir", "tx"}}, port.tx_bytes);
    }
}
void missed(const GatewayStatus& status, Samples& samples) {
    for (const PortStatus& port : status.ports) {
        samples.add({{"port", port.name}}, port.rx_missed);
    }
}
void link(const GatewayStatus& status, Samples& samples) {
    for (const PortStatus& port : status.ports) {
        samples.add({{"port", port.name}}, port.link_up ? 1 : 0);
    }
}
void drops(const GatewayStatus& status, Samples& samples) {
    // Every reason, zeros too: a rate over a series that begins with its first drop misses that
    // drop.
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        samples.add({{"reason", name_of(static_cast<DropReason>(i))}}, status.drops[i]);
    }
}
void flows_active(const GatewayStatus& status, Samples& samples) {
    std::uint64_t sum = 0;
    for (const WorkerStatus& worker : status.workers) {
        sum += worker.flows_active;
    }
    samples.add({}, sum);
}
void flows_created(const GatewayStatus& status, Samples& samples) {
    std::uint64_t sum = 0;
    for (const WorkerStatus& worker : status.workers) {
        sum += worker.flows_created;
    }
    samples.add({}, sum);
}
void snat_ports(const GatewayStatus& status, Samples& samples) {
    for (const PoolStatus& pool : status.pools) {
        samples.add({{"pool", pool.name}}, pool.ports_used);
    }
}
void snat_blocks(const GatewayStatus& status, Samples& samples) {
    for (const PoolStatus& pool : status.pools) {
        samples.add({{"pool", pool.name}, {"state", "used"}}, pool.blocks_used);
        samples.add({{"pool", pool.name}, {"state", "total"}}, pool.blocks_total);
    }
}
void snat_failures(const GatewayStatus& status, Samples& samples) {
    for (const PoolStatus& pool : status.pools) {
        samples.add({{"pool", pool.name}}, pool.allocation_failures);
    }
}
void threat_matches(const GatewayStatus& status, Samples& samples) {
    for (const FeedStatus& feed : status.feeds) {
        samples.add({{"feed", feed.name}, {"action", feed.action}}, feed.matches);
    }
}
void feed_entries(const GatewayStatus& status, Samples& samples) {
    for (const FeedStatus& feed : status.feeds) {
        samples.add({{"feed", feed.name}}, feed.entries);
    }
}
void feed_success(const GatewayStatus& status, Samples& samples) {
    for (const FeedStatus& feed : status.feeds) {
        samples.add({{"feed", feed.name}}, feed.loaded_at / 1'000'000'000);
    }
}
void feed_rejected(const GatewayStatus& status, Samples& samples) {
    for (const FeedStatus& feed : status.feeds) {
        samples.add({{"feed", feed.name}}, feed.rejected_lines);
    }
}
void events(const GatewayStatus& status, Samples& samples) {
    for (std::size_t i = 0; i < kEventClassCount; ++i) {
        samples.add({{"class", name_of(static_cast<EventClass>(i))}}, status.events[i]);
    }
}
void events_shed(const GatewayStatus& status, Samples& samples) {
    for (const WorkerStatus& worker : status.workers) {
        samples.add({{"lcore", std::to_string(worker.lcore)}}, worker.events_shed);
    }
}
void spool_bytes(const GatewayStatus& status, Samples& samples) {
    samples.add({}, status.spool.bytes);
}
void spool_lost(const GatewayStatus& status, Samples& samples) {
    samples.add({}, status.spool.events_lost);
}
void sink_lag(const GatewayStatus& status, Samples& samples) {
    for (const SinkStatus& sink : status.sinks) {
        samples.add({{"sink", sink.name}}, sink.lag);
    }
}
void sink_delivered(const GatewayStatus& status, Samples& samples) {
    for (const SinkStatus& sink : status.sinks) {
        samples.add({{"sink", sink.name}}, sink.delivered);
    }
}
void sink_dead_letters(const GatewayStatus& status, Samples& samples) {
    for (const SinkStatus& sink : status.sinks) {
        samples.add({{"sink", sink.name}}, sink.dead_letters);
    }
}
void sink_healthy(const GatewayStatus& status, Samples& samples) {
    for (const SinkStatus& sink : status.sinks) {
        samples.add({{"sink", sink.name}}, sink.healthy ? 1 : 0);
    }
}
void worker_busy(const GatewayStatus& status, Samples& samples) {
    for (const WorkerStatus& worker : status.workers) {
        const auto total = static_cast<double>(worker.cycles_total);
        samples.add_ratio(
            {{"lcore", std::to_string(worker.lcore)}},
            total > 0 ? static_cast<double>(worker.cycles_busy) / total : 0.0
        );
    }
}
void workloads(const GatewayStatus& status, Samples& samples) {
    samples.add({{"kind", "pod"}}, status.workloads.pods);
    samples.add({{"kind", "node"}}, status.workloads.nodes);
}
void ambiguous(const GatewayStatus& status, Samples& samples) {
    samples.add({}, status.workloads.addresses_ambiguous);
}
void generation(const GatewayStatus& status, Samples& samples) {
    samples.add({}, status.generation);
}
void refused(const GatewayStatus& status, Samples& samples) {
    samples.add({}, status.generations_refused);
}
void health(const GatewayStatus& status, Samples& samples) {
    for (const Health state : {Health::ok, Health::degraded, Health::down}) {
        samples.add({{"state", name_of(state)}}, status.health == state ? 1 : 0);
    }
}
void build_info(const GatewayStatus& status, Samples& samples) {
    samples.add({{"version", status.version}}, 1);
}

constexpr std::array kRows{
    MetricRow{
        "sallyport_packets_total", "counter", "port,dir", "Packets received and sent by a port."},
    MetricRow{"sallyport_bytes_total", "counter", "port,dir", "Bytes received and sent by a port."},
    MetricRow{
        "sallyport_port_missed_total",
        "counter",
        "port",
        "Packets the device lost before the gateway saw them."},
    MetricRow{"sallyport_port_link_up", "gauge", "port", "1 while the port has a link."},
    MetricRow{
        "sallyport_drops_total",
        "counter",
        "reason",
        "Packets not sent on, by reason; with those sent they sum to those received."},
    MetricRow{"sallyport_flows_active", "gauge", "", "Flows in the table."},
    MetricRow{"sallyport_flows_created_total", "counter", "", "Flows begun."},
    MetricRow{"sallyport_snat_ports_in_use", "gauge", "pool", "Egress ports that flows hold."},
    MetricRow{"sallyport_snat_blocks", "gauge", "pool,state", "Port blocks given out and in all."},
    MetricRow{
        "sallyport_snat_allocation_failures_total",
        "counter",
        "pool",
        "Flows that got no egress port: add addresses."},
    MetricRow{
        "sallyport_threat_matches_total",
        "counter",
        "feed,action",
        "Matches of a feed's indicators."},
    MetricRow{"sallyport_feed_entries", "gauge", "feed", "Indicators of a feed in force."},
    MetricRow{
        "sallyport_feed_last_success_timestamp_seconds",
        "gauge",
        "feed",
        "When what the feed holds now came into force."},
    MetricRow{
        "sallyport_feed_rejected_lines",
        "gauge",
        "feed",
        "Lines of the feed that hold no indicator we can use."},
    MetricRow{"sallyport_events_total", "counter", "class", "Events written to the spool."},
    MetricRow{
        "sallyport_events_shed_total",
        "counter",
        "lcore",
        "Events a worker could not hand over; each loss is announced by an event."},
    MetricRow{"sallyport_spool_bytes", "gauge", "", "Size of the spool on disk."},
    MetricRow{
        "sallyport_spool_dropped_events_total",
        "counter",
        "",
        "Events the spool gave up; each loss is announced by an event."},
    MetricRow{"sallyport_sink_lag_events", "gauge", "sink", "Events a sink has not delivered yet."},
    MetricRow{
        "sallyport_sink_delivered_events_total", "counter", "sink", "Events a sink has delivered."},
    MetricRow{
        "sallyport_sink_dead_letters_total",
        "counter",
        "sink",
        "Events that could not be sent at all, and are in the sink's file of dead letters."},
    MetricRow{"sallyport_sink_healthy", "gauge", "sink", "1 while a sink can deliver."},
    MetricRow{
        "sallyport_worker_busy_ratio",
        "gauge",
        "lcore",
        "Share of its time a worker spent on packets since it began."},
    MetricRow{"sallyport_workloads", "gauge", "kind", "Workloads that are known and live."},
    MetricRow{
        "sallyport_addresses_ambiguous",
        "gauge",
        "",
        "Addresses that more than one running pod claims."},
    MetricRow{
        "sallyport_generation",
        "gauge",
        "",
        "Generation of configuration, policy, feeds and workloads in force."},
    MetricRow{"sallyport_generation_refused_total", "counter", "", "Reloads that were refused."},
    MetricRow{"sallyport_health", "gauge", "state", "1 for the state the gateway is in."},
    MetricRow{"sallyport_build_info", "gauge", "version", "1, with the version that runs."},
};
/// One each, in the order of kRows.
constexpr std::array<void (*)(const GatewayStatus&, Samples&), kRows.size()> kEmitters{
    packets,           bytes,         missed,       link,          drops,
    flows_active,      flows_created, snat_ports,   snat_blocks,   snat_failures,
    threat_matches,    feed_entries,  feed_success, feed_rejected, events,
    events_shed,       spool_bytes,   spool_lost,   sink_lag,      sink_delivered,
    sink_dead_letters, sink_healthy,  worker_busy,  workloads,     ambiguous,
    generation,        refused,       health,       build_info,
};

}  // namespace

std::span<const MetricRow> metric_rows() noexcept {
    return kRows;
}

std::string metrics_text(const GatewayStatus& status) {
    std::string out;
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        const MetricRow& row = kRows[i];
        out += "# HELP " + std::string(row.name) + ' ' + std::string(row.help) + '\n';
        out += "# TYPE " + std::string(row.name) + ' ' + std::string(row.type) + '\n';
        Samples samples(row.name, out);
        kEmitters[i](status, samples);
    }
    return out;
}

}  // namespace sallyport::control
