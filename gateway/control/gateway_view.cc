// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/gateway_view.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace sallyport::control {

using Json = nlohmann::json;

NLOHMANN_JSON_SERIALIZE_ENUM(
    Health, {{Health::down, "down"}, {Health::ok, "ok"}, {Health::degraded, "degraded"}}
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    PortStatus,
    name,
    device,
    role,
    link_up,
    rx_packets,
    rx_bytes,
    rx_missed,
    tx_packets,
    tx_bytes,
    tx_errors
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    WorkerStatus,
    index,
    lcore,
    packets,
    cycles_busy,
    cycles_total,
    flows_active,
    flows_max,
    flows_created,
    events_shed
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    PoolStatus, name, addresses, blocks_used, blocks_total, ports_used, allocation_failures
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    FeedStatus, name, action, category, entries, rejected_lines, matches, loaded_at
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    WorkloadsStatus, pods, nodes, addresses_ambiguous, loaded_at
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(PolicyStatus, policies, rules)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    SinkStatus, name, kind, state, healthy, delivered, lag, retries, dead_letters
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    SpoolStatus, directory, state, bytes, bytes_max, events_lost
)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    ReloadOutcome, accepted, generation, problems, notes, milliseconds
)

namespace {

std::string dump(const Json& json) {
    // Names come from configuration and Kubernetes objects: bytes that are no UTF-8 must not throw.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Counters of a closed list as an object, zeros left out.
template <class Enum, std::size_t N>
Json named_counters(const std::array<std::uint64_t, N>& counters) {
    Json out = Json::object();
    for (std::size_t i = 0; i < N; ++i) {
        if (counters[i] != 0) {
            out[std::string(name_of(static_cast<Enum>(i)))] = counters[i];
        }
    }
    return out;
}

template <class Enum, std::size_t N>
void read_counters(const Json& json, std::array<std::uint64_t, N>& counters) {
    for (std::size_t i = 0; i < N; ++i) {
        counters[i] = json.value(std::string(name_of(static_cast<Enum>(i))), std::uint64_t{0});
    }
}

template <class T, class Function>
Result<T> parsed(std::string_view text, Function read) {
    try {
        const Json json = Json::parse(text);
        if (!json.is_object()) {
            return Error{"the gateway's answer is no JSON object"};
        }
        return read(json);
    } catch (const Json::exception& error) {
        return Error{std::string("the gateway's answer cannot be read: ") + error.what()};
    }
}

}  // namespace

std::string status_json(const GatewayStatus& status) {
    Json json;
    json["name"] = status.name;
    json["cluster"] = status.cluster;
    json["version"] = status.version;
    json["boot"] = status.boot;
    json["health"] = status.health;
    json["reasons"] = status.reasons;
    json["generation"] = status.generation;
    json["generations_refused"] = status.generations_refused;
    json["started_at"] = status.started_at;
    json["uptime_seconds"] = status.uptime_seconds;
    json["ports"] = status.ports;
    json["workers"] = status.workers;
    json["pools"] = status.pools;
    json["feeds"] = status.feeds;
    json["workloads"] = status.workloads;
    json["policy"] = status.policy;
    json["spool"] = status.spool;
    json["sinks"] = status.sinks;
    json["drops"] = named_counters<DropReason>(status.drops);
    json["events"] = named_counters<EventClass>(status.events);
    return dump(json);
}

Result<GatewayStatus> parse_status(std::string_view json) {
    return parsed<GatewayStatus>(json, [](const Json& in) {
        GatewayStatus out;
        out.name = in.value("name", "");
        out.cluster = in.value("cluster", "");
        out.version = in.value("version", "");
        out.boot = in.value("boot", "");
        out.health = in.value("health", Health::down);
        out.reasons = in.value("reasons", std::vector<std::string>{});
        out.generation = in.value("generation", 0U);
        out.generations_refused = in.value("generations_refused", std::uint64_t{0});
        out.started_at = in.value("started_at", std::uint64_t{0});
        out.uptime_seconds = in.value("uptime_seconds", std::uint64_t{0});
        out.ports = in.value("ports", std::vector<PortStatus>{});
        out.workers = in.value("workers", std::vector<WorkerStatus>{});
        out.pools = in.value("pools", std::vector<PoolStatus>{});
        out.feeds = in.value("feeds", std::vector<FeedStatus>{});
        out.workloads = in.value("workloads", WorkloadsStatus{});
        out.policy = in.value("policy", PolicyStatus{});
        out.spool = in.value("spool", SpoolStatus{});
        out.sinks = in.value("sinks", std::vector<SinkStatus>{});
        read_counters<DropReason>(in.value("drops", Json::object()), out.drops);
        read_counters<EventClass>(in.value("events", Json::object()), out.events);
        return out;
    });
}

std::string reload_json(const ReloadOutcome& outcome) {
    return dump(Json(outcome));
}

Result<ReloadOutcome> parse_reload(std::string_view json) {
    return parsed<ReloadOutcome>(json, [](const Json& in) { return in.get<ReloadOutcome>(); });
}

std::string drops_json(const GatewayStatus& status) {
    std::vector<DropReason> reasons;
    for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        if (status.drops[i] != 0) {
            reasons.push_back(static_cast<DropReason>(i));
        }
    }
    const auto packets = [&](DropReason reason) {
        return status.drops[static_cast<std::size_t>(reason)];
    };
    std::stable_sort(reasons.begin(), reasons.end(), [&](DropReason a, DropReason b) {
        return packets(a) > packets(b);
    });
    Json rows = Json::array();
    for (const DropReason reason : reasons) {
        rows.push_back(
            {{"reason", name_of(reason)}, {"packets", packets(reason)}, {"help", help_of(reason)}}
        );
    }
    return dump(Json{{"drops", rows}});
}

}  // namespace sallyport::control
