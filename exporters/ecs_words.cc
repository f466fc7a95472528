// SPDX-License-Identifier: Apache-2.0
#include "exporters/ecs_words.h"

#include "exporters/loss.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sallyport::exporters {
namespace {

constexpr std::uint8_t kInformational = 1;
constexpr std::uint8_t kLow = 2;
constexpr std::uint8_t kMedium = 3;
constexpr std::uint8_t kHigh = 4;

constexpr std::array kWords{
    KindWords{EventKind::flow_start, "event", {"network"}, {"connection", "start"}, true, 1},
    KindWords{EventKind::flow_update, "event", {"network"}, {"connection", "info"}, true, 1},
    KindWords{EventKind::flow_end, "event", {"network"}, {"connection", "end"}, true, 1},
    KindWords{EventKind::flow_denied, "event", {"network"}, {"connection", "info"}, true, 1},
    KindWords{EventKind::dns_query, "event", {"network"}, {"protocol", "info"}, false, 1},
    KindWords{EventKind::dns_answer, "event", {"network"}, {"protocol", "info"}, false, 1},
    KindWords{
        EventKind::threat_match,
        "alert",
        {"threat", "intrusion_detection", "network"},
        {"indicator", "connection"},
        true,
        kMedium},
    KindWords{EventKind::verdict, "event", {"network"}, {"connection"}, true, 1},
    KindWords{EventKind::nat_block_allocated, "event", {"network"}, {"start"}, false, 1},
    KindWords{EventKind::nat_block_released, "event", {"network"}, {"end"}, false, 1},
    KindWords{EventKind::nat_exhausted, "event", {"network"}, {"info"}, false, kMedium},
    KindWords{EventKind::config_reload, "event", {"configuration"}, {"change"}, false, 1},
    KindWords{
        EventKind::generation_refused, "event", {"configuration"}, {"change"}, false, kMedium},
    KindWords{EventKind::part_state, "state", {"host"}, {"change"}, false, kInformational},
    KindWords{EventKind::events_shed, "event", {"host"}, {"info"}, false, kMedium},
    KindWords{EventKind::spool_truncated, "event", {"host"}, {"info"}, false, kMedium},
};

}  // namespace

const KindWords& words_of(EventKind kind) {
    const auto at = std::ranges::find(kWords, kind, &KindWords::kind);
    return at != kWords.end() ? *at : kWords.back();
}

std::uint8_t severity_of(const Subject& subject) {
    const KindWords& words = words_of(subject.event->kind);
    if (subject.event_class != EventClass::threat || subject.match_size == 0) {
        return words.severity;
    }
    const MatchText& match = subject.matches.front();
    if (match.action == FeedAction::allow) {
        return kInformational;
    }
    return match.confidence >= 70 ? kHigh : match.confidence >= 30 ? kMedium : kLow;
}

std::uint64_t category_weight(std::string_view category) {
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 16> kWeights{{
        {"ransomware", 10},
        {"c2", 10},
        {"command-and-control", 10},
        {"malware", 9},
        {"botnet", 9},
        {"exploit", 9},
        {"phishing", 8},
        {"dga", 8},
        {"cryptomining", 6},
        {"scanner", 5},
        {"proxy", 4},
        {"tor", 4},
        {"vpn", 3},
        {"spam", 3},
        {"advertising", 1},
        {"tracking", 1},
    }};
    constexpr std::uint64_t kUnknownCategory = 7;
    const auto at = std::ranges::find(kWeights, category, &decltype(kWeights)::value_type::first);
    return at != kWeights.end() ? at->second : kUnknownCategory;
}

std::string_view outcome_of(const Event& event) {
    switch (event.kind) {
        case EventKind::dns_answer:
            return (event.dns_flags & 0xFU) == 0 ? "success" : "failure";
        case EventKind::nat_block_allocated:
        case EventKind::nat_block_released:
        case EventKind::config_reload:
            return "success";
        case EventKind::nat_exhausted:
        case EventKind::generation_refused:
        case EventKind::events_shed:
        case EventKind::spool_truncated:
            return "failure";
        case EventKind::part_state:
            return "unknown";
        default:
            break;
    }
    return event.verdict == Verdict::allow  ? "success"
           : event.verdict == Verdict::deny ? "failure"
                                            : "unknown";
}

std::string_view reason_of(const Event& event) {
    if (event.kind == EventKind::events_shed || event.kind == EventKind::spool_truncated) {
        return name_of(losses_of(event).cause);
    }
    if (event.reason != VerdictReason::none) {
        return name_of(event.reason);
    }
    return event.drop_reason != DropReason::none ? name_of(event.drop_reason) : std::string_view();
}

std::string_view tls_version_name(std::uint16_t version) {
    switch (version) {
        case 0x0304:
            return "1.3";
        case 0x0303:
            return "1.2";
        case 0x0302:
            return "1.1";
        case 0x0301:
            return "1.0";
        default:
            return "";
    }
}

std::string_view indicator_type(const Subject& subject, IndicatorType type) {
    switch (type) {
        case IndicatorType::none:
        case IndicatorType::address:
        case IndicatorType::prefix:
        case IndicatorType::address_port:
            return subject.event->destination.is_v6() ? "ipv6-addr" : "ipv4-addr";
        default:
            return "domain-name";
    }
}

std::string_view indicator_word(const Subject& subject, IndicatorType type) {
    const bool v6 = subject.event->destination.is_v6();
    switch (type) {
        case IndicatorType::pattern:
            return "pattern";
        case IndicatorType::domain:
        case IndicatorType::suffix:
        case IndicatorType::subdomains:
            return "domain";
        default:
            return v6 ? "ipv6" : "ipv4";
    }
}

std::string_view owner_field(std::string_view kind) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kFields{{
        {"Deployment", "deployment"},
        {"StatefulSet", "statefulset"},
        {"DaemonSet", "daemonset"},
        {"CronJob", "cronjob"},
        {"Job", "job"},
        {"ReplicaSet", "replicaset"},
    }};
    const auto at = std::ranges::find(kFields, kind, &decltype(kFields)::value_type::first);
    return at != kFields.end() ? at->second : std::string_view();
}

}  // namespace sallyport::exporters
