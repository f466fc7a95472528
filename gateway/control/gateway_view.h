// SPDX-License-Identifier: Apache-2.0
// What the admin API can see of a running gateway and ask of it. Plain values: the gateway fills
// them, the admin server and the CLI turn them into JSON, metrics and tables.
#pragma once

#include "gateway/control/event_filter.h"
#include "gateway/model/clock.h"
#include "gateway/model/drop_reason.h"
#include "gateway/model/event.h"
#include "gateway/model/result.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::control {

enum class Health : std::uint8_t { ok, degraded, down };
constexpr std::string_view name_of(Health health) noexcept {
    constexpr std::array<std::string_view, 3> kNames{"ok", "degraded", "down"};
    return kNames[static_cast<std::size_t>(health) % kNames.size()];
}

struct PortStatus {
    std::string name;
    std::string device;
    std::string role;  ///< inside, outside
    bool link_up = false;
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_missed = 0;  ///< lost by the device before we saw them
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_errors = 0;
};

struct WorkerStatus {
    std::uint32_t index = 0;
    std::uint32_t lcore = 0;
    std::uint64_t packets = 0;
    std::uint64_t cycles_busy = 0;   ///< spent on bursts that held packets
    std::uint64_t cycles_total = 0;  ///< since start
    std::uint64_t flows_active = 0;
    std::uint64_t flows_max = 0;
    std::uint64_t flows_created = 0;
    std::uint64_t events_shed = 0;  ///< its event ring was full
};

struct PoolStatus {
    std::string name;
    std::uint64_t addresses = 0;
    std::uint64_t blocks_used = 0;
    std::uint64_t blocks_total = 0;
    std::uint64_t ports_used = 0;           ///< held by flows
    std::uint64_t allocation_failures = 0;  ///< flows that got no port, since the start
};

struct FeedStatus {
    std::string name;
    std::string action;  ///< alert, deny, allow
    std::string category;
    std::uint64_t entries = 0;
    std::uint64_t rejected_lines = 0;
    std::uint64_t matches = 0;
    WallNanoseconds loaded_at = 0;  ///< when what it holds now came into force
};

struct WorkloadsStatus {
    std::uint64_t pods = 0;
    std::uint64_t nodes = 0;
    std::uint64_t addresses_ambiguous = 0;
    WallNanoseconds loaded_at = 0;
};

struct PolicyStatus {
    std::uint64_t policies = 0;
    std::uint64_t rules = 0;
};

struct SinkStatus {
    std::string name;
    std::string kind;   ///< kafka, file
    std::string state;  ///< "ok", or what is wrong in words
    bool healthy = true;
    std::uint64_t delivered = 0;  ///< events
    std::uint64_t lag = 0;        ///< events in the spool it has not delivered yet
    std::uint64_t retries = 0;
    std::uint64_t dead_letters = 0;  ///< events it could not send at all: in `<sink>-dlq.ndjson`
};

struct SpoolStatus {
    std::string directory;
    std::string state;  ///< "ok", or what is wrong in words
    std::uint64_t bytes = 0;
    std::uint64_t bytes_max = 0;
    std::uint64_t events_lost = 0;
};

struct GatewayStatus {
    std::string name;
    std::string cluster;
    std::string version;
    std::string boot;  ///< hex, as in event ids
    std::uint32_t generation = 0;
    std::uint64_t generations_refused = 0;
    WallNanoseconds started_at = 0;
    std::uint64_t uptime_seconds = 0;
    Health health = Health::ok;
    std::vector<std::string> reasons;  ///< why health is not ok, one sentence each
    std::vector<PortStatus> ports;
    std::vector<WorkerStatus> workers;
    std::vector<PoolStatus> pools;
    std::vector<FeedStatus> feeds;
    WorkloadsStatus workloads;
    PolicyStatus policy;
    SpoolStatus spool;
    std::vector<SinkStatus> sinks;
    std::array<std::uint64_t, kDropReasonCount> drops{};   ///< by DropReason
    std::array<std::uint64_t, kEventClassCount> events{};  ///< written to the spool, by EventClass
};

/// What a reload came to. Refused: the old generation keeps running and `problems` says why.
struct ReloadOutcome {
    bool accepted = false;
    std::uint32_t generation = 0;  ///< the one that runs now
    std::vector<std::string> problems;
    std::vector<std::string> notes;
    std::uint64_t milliseconds = 0;
};

/// Which events to show.
struct EventQuery {
    bool follow = false;
    /// Of the events there already: only the last so many; empty is all of them.
    std::optional<std::size_t> last;
    WallNanoseconds since = 0;  ///< 0: from the oldest
    WallNanoseconds until = 0;  ///< 0: no end
    EventFilter filter;
};

/// Events as ECS documents. One thread.
class EventStream {
public:
    enum class Step : std::uint8_t {
        event,  ///< `line` holds a document, without its newline
        idle,   ///< nothing within the time given; ask again
        end,    ///< there will be no more
    };
    EventStream() = default;
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;
    virtual ~EventStream() = default;
    virtual Step next(std::string& line, std::chrono::milliseconds wait) = 0;
};

/// A running gateway, as the admin server sees it. Called from the server's threads, any number at
/// a time; an implementation does its own locking.
class GatewayControl {
public:
    GatewayControl() = default;
    GatewayControl(const GatewayControl&) = delete;
    GatewayControl& operator=(const GatewayControl&) = delete;
    virtual ~GatewayControl() = default;

    virtual GatewayStatus status() = 0;
    /// Reads everything again and puts it in force, or refuses it. Blocks until one or the other.
    virtual ReloadOutcome reload() = 0;
    virtual Result<std::unique_ptr<EventStream>> open_events(const EventQuery& query) = 0;
};

std::string status_json(const GatewayStatus& status);
Result<GatewayStatus> parse_status(std::string_view json);
std::string reload_json(const ReloadOutcome& outcome);
Result<ReloadOutcome> parse_reload(std::string_view json);
/// `{"drops": [{"reason", "packets", "help"}]}`, reasons that occurred, most packets first.
std::string drops_json(const GatewayStatus& status);

}  // namespace sallyport::control
