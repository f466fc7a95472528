// SPDX-License-Identifier: Apache-2.0
// A small cluster and events in it, for the tests of exporters.
#pragma once

#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <unistd.h>

namespace sallyport::exporters {

inline constexpr std::uint64_t kBoot = 0x5f0c2a91;
inline constexpr std::uint32_t kGeneration = 1207;
inline constexpr WorkloadId kApiPod = 2;
inline constexpr WorkloadId kNode = 3;
inline constexpr WorkloadId kDaemonPod = 4;

inline IpAddress address(std::string_view text) {
    return IpAddress::parse(text).value();
}

inline void set_text(Event& event, std::string_view text) {
    event.text.fill('\0');
    std::memcpy(event.text.data(), text.data(), text.size());
    event.text_size = static_cast<std::uint16_t>(text.size());
}

inline EventDictionary sample_dictionary() {
    EventDictionary out;
    out.boot = kBoot;
    out.generation = kGeneration;
    out.gateway = "egw-1";
    out.cluster = "prod-eu1";
    out.hostname = "node-egress-1";
    out.version = "0.1.0";
    out.workloads.resize(2);
    Workload api;
    api.kind = Workload::Kind::pod;
    api.live = true;
    api.namespace_name = "payments";
    api.pod = "api-7d9c-x2k";
    api.uid = "6f1e0b52-7a39-4c55-9a1b-0d8f3f1c2b7e";
    api.owner_kind = "Deployment";
    api.owner_name = "api";
    api.service_account = "api";
    api.node = "node-3";
    api.addresses = {address("10.42.3.17")};
    api.labels = {{"app", "api"}, {"team", "checkout"}};
    api.namespace_labels = {{"kubernetes.io/metadata.name", "payments"}};
    api.single_container = "api";
    out.workloads.push_back(api);
    Workload node;
    node.kind = Workload::Kind::node;
    node.live = true;
    node.node = "node-3";
    node.owner_kind = "Node";
    node.addresses = {address("10.1.0.12")};
    out.workloads.push_back(node);
    Workload daemon = api;
    daemon.pod = "agent-zz";
    daemon.owner_kind = "DaemonSet";
    daemon.owner_name = "agent";
    daemon.single_container.clear();
    daemon.addresses = {address("fd00:42::9"), address("10.42.3.18")};
    daemon.labels = {{"app.kubernetes.io/name", "log-agent"}};
    out.workloads.push_back(daemon);
    out.rules.push_back(
        {"payments-egress/3",
         "allow-partner",
         "payments-egress",
         "application",
         "0|application|gnp:payments-egress|allow|3",
         "10-payments.yaml:14"}
    );
    out.feeds.push_back({"urlhaus", "malware", FeedAction::deny, 90});
    out.feeds.push_back({"ipsum", "scanner", FeedAction::alert, 40});
    out.pools = {"eu1-a"};
    out.patterns = {"*.evil-*.example"};
    return out;
}

inline Event base_event(EventKind kind, std::uint64_t sequence) {
    Event event;
    event.kind = kind;
    event.sequence = sequence;
    event.boot = kBoot;
    event.generation = kGeneration;
    event.worker = 3;
    event.time_ns = 1782345678123456789ULL;
    return event;
}

/// The flow of the events reference, 2.5.
inline Event sample_flow_end(std::uint64_t sequence = 8811) {
    Event event = base_event(EventKind::flow_end, sequence);
    event.start_ns = 1782345672003456789ULL;
    event.end_ns = event.time_ns;
    event.flow_id = 0xa1b2c2;
    event.packets_out = 11;
    event.bytes_out = 1200;
    event.packets_in = 10;
    event.bytes_in = 7612;
    event.workload = kApiPod;
    event.rule = 0;
    event.attribution = AttributionStatus::known;
    event.attribution_age_ms = 140;
    event.pool = 0;
    event.protocol = 6;
    event.source = address("10.42.3.17");
    event.source_port = 48120;
    event.destination = address("192.0.2.80");
    event.destination_port = 443;
    event.nat = address("203.0.113.7");
    event.nat_port = 31001;
    event.verdict = Verdict::allow;
    event.reason = VerdictReason::policy_allow;
    event.app_protocol = AppProtocol::tls;
    event.name_source = NameSource::sni;
    event.tls_version = 0x0304;
    event.tcp_flags = 27;
    event.close_reason = CloseReason::fin;
    set_text(event, "api.partner.example");
    return event;
}

/// The threat match of the events reference, 2.6.
inline Event sample_threat(std::uint64_t sequence = 8812) {
    Event event = sample_flow_end(sequence);
    event.kind = EventKind::threat_match;
    event.end_ns = 0;
    event.close_reason = CloseReason::none;
    event.flow_id = 0xa1b2c3;
    event.verdict = Verdict::deny;
    event.deny_mode = DenyMode::reset;
    event.reason = VerdictReason::feed_match;
    event.rule = kNoRule;
    event.source_port = 48122;
    event.destination = address("198.51.100.9");
    event.nat_port = 31002;
    event.packets_out = 4;
    event.bytes_out = 812;
    event.packets_in = 3;
    event.bytes_in = 952;
    set_text(event, "c2.example");
    event.matches[0] = {0, IndicatorType::suffix, FeedAction::deny, 0, 90, 0, 77};
    event.matches[1] = {1, IndicatorType::address, FeedAction::alert, 0, 40, 0, 5};
    event.match_size = 2;
    event.match_total = 2;
    return event;
}

/// A directory that goes with the test.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        // In memory where there is such a place: tests of damage open thousands of spools.
        const std::filesystem::path memory = "/dev/shm";
        const bool usable = access(memory.c_str(), W_OK) == 0;
        const auto parent = usable ? memory : std::filesystem::temp_directory_path();
        std::string pattern = (parent / "sallyport-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace sallyport::exporters
