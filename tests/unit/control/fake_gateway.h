// SPDX-License-Identifier: Apache-2.0
// A gateway of values, for the admin API's tests.
#pragma once

#include "gateway/control/gateway_view.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sallyport::control {

inline GatewayStatus sample_status() {
    GatewayStatus status;
    status.name = "egress-a";
    status.cluster = "prod-eu1";
    status.version = "0.1.0";
    status.boot = "5f0c2a91";
    status.generation = 7;
    status.generations_refused = 1;
    status.started_at = 1'782'345'678'000'000'000;
    status.uptime_seconds = 3661;
    status.health = Health::degraded;
    status.reasons = {"sink kafka: no broker answers"};
    status.ports = {
        {"inside", "net_af_packet0,iface=eth1", "inside", true, 1000, 64000, 0, 900, 57600, 0},
        {"outside", "0000:3b:00.0", "outside", false, 900, 57600, 3, 880, 56000, 1}};
    status.workers = {{0, 1, 1900, 250, 1000, 12, 65536, 40, 0}};
    status.pools = {{"payments", 4, 3, 4032, 17, 2}};
    status.feeds = {{"blocklist", "deny", "malware", 1200, 4, 5, 1'782'345'600'000'000'000}};
    status.workloads = {20, 2, 1, 1'782'345'600'000'000'000};
    status.policy = {3, 12};
    status.spool = {"/var/lib/sallyport/spool", "ok", 4096, 1ULL << 30U, 0};
    status.sinks = {{"kafka", "kafka", "no broker answers", false, 100, 25, 3, 2}};
    status.drops[static_cast<std::size_t>(DropReason::feed_denied)] = 5;
    status.drops[static_cast<std::size_t>(DropReason::no_flow)] = 9;
    status.events[static_cast<std::size_t>(EventClass::flow)] = 80;
    return status;
}

/// Gives its lines, then idles when following.
class FakeStream final : public EventStream {
public:
    FakeStream(std::vector<std::string> lines, bool follow)
        : lines_(std::move(lines)),
          follow_(follow) {}
    Step next(std::string& line, std::chrono::milliseconds) override {
        if (index_ < lines_.size()) {
            line = lines_[index_++];
            return Step::event;
        }
        std::this_thread::yield();
        return follow_ ? Step::idle : Step::end;
    }

private:
    std::vector<std::string> lines_;
    bool follow_;
    std::size_t index_ = 0;
};

class FakeGateway final : public GatewayControl {
public:
    GatewayStatus status() override {
        if (broken) {
            throw std::runtime_error("broken on purpose");
        }
        return state;
    }
    ReloadOutcome reload() override {
        ++reloads;
        while (reload_waits) {
            std::this_thread::yield();
        }
        return next_reload;
    }
    Result<std::unique_ptr<EventStream>> open_events(const EventQuery& query) override {
        const std::lock_guard lock(mutex);
        last_query = query;
        if (!events_problem.empty()) {
            return Error{events_problem};
        }
        return std::unique_ptr<EventStream>(std::make_unique<FakeStream>(lines, query.follow));
    }

    GatewayStatus state = sample_status();
    ReloadOutcome next_reload;
    std::vector<std::string> lines;
    std::string events_problem;
    EventQuery last_query;  ///< guarded by mutex
    std::mutex mutex;
    std::atomic<int> reloads{0};
    std::atomic<bool> reload_waits{false};
    std::atomic<bool> broken{false};
};

}  // namespace sallyport::control
