// SPDX-License-Identifier: Apache-2.0
// Spellings of the closed lists, made from their tables.
#include "gateway/model/drop_reason.h"
#include "gateway/model/event.h"
#include "gateway/model/verdict.h"

#include <array>
#include <string>

namespace sallyport {
namespace {

struct Row {
    std::string_view name;
    std::string_view help;
};

std::string dashed(std::string_view name) {
    std::string out(name);
    for (char& c : out) {
        if (c == '_') {
            c = '-';
        }
    }
    return out;
}

constexpr std::array kDropRows{
#define X(name, help) Row{#name, help},
    SALLYPORT_DROP_REASONS(X)
#undef X
};
static_assert(kDropRows.size() == kDropReasonCount);

constexpr std::array kVerdictRows{
#define X(name, help) Row{#name, help},
    SALLYPORT_VERDICT_REASONS(X)
#undef X
};

}  // namespace

std::string_view name_of(DropReason reason) noexcept {
    return kDropRows[static_cast<std::size_t>(reason) % kDropRows.size()].name;
}
std::string_view help_of(DropReason reason) noexcept {
    return kDropRows[static_cast<std::size_t>(reason) % kDropRows.size()].help;
}

std::string_view name_of(VerdictReason reason) noexcept {
    static const auto kNames = [] {
        std::array<std::string, kVerdictRows.size()> out;
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = dashed(kVerdictRows[i].name);
        }
        return out;
    }();
    return kNames[static_cast<std::size_t>(reason) % kNames.size()];
}
std::string_view help_of(VerdictReason reason) noexcept {
    return kVerdictRows[static_cast<std::size_t>(reason) % kVerdictRows.size()].help;
}

EventClass class_of(EventKind kind) noexcept {
    switch (kind) {
        case EventKind::flow_start:
        case EventKind::flow_update:
        case EventKind::flow_end:
        case EventKind::flow_denied:
            return EventClass::flow;
        case EventKind::dns_query:
        case EventKind::dns_answer:
            return EventClass::dns;
        case EventKind::threat_match:
            return EventClass::threat;
        case EventKind::verdict:
            return EventClass::policy;
        case EventKind::nat_block_allocated:
        case EventKind::nat_block_released:
        case EventKind::nat_exhausted:
            return EventClass::nat;
        case EventKind::config_reload:
        case EventKind::generation_refused:
            return EventClass::audit;
        case EventKind::part_state:
        case EventKind::events_shed:
        case EventKind::spool_truncated:
            return EventClass::health;
    }
    return EventClass::health;
}

std::string_view name_of(EventClass event_class) noexcept {
    constexpr std::array<std::string_view, kEventClassCount> kNames{
        "flow", "dns", "threat", "policy", "nat", "audit", "health"};
    return kNames[static_cast<std::size_t>(event_class) % kNames.size()];
}

std::string_view action_of(EventKind kind) noexcept {
    constexpr std::array<std::string_view, 16> kNames{
        "",
        "flow-start",
        "flow-update",
        "flow-end",
        "flow-denied",
        "dns-query",
        "dns-answer",
        "threat-match",
        "verdict",
        "nat-block-allocated",
        "nat-block-released",
        "nat-exhausted",
        "config-reload",
        "generation-refused",
        "part-state",
        "events-shed"};
    return kind == EventKind::spool_truncated
               ? "spool-truncated"
               : kNames[static_cast<std::size_t>(kind) % kNames.size()];
}

}  // namespace sallyport
