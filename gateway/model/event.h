// SPDX-License-Identifier: Apache-2.0
// One fixed-size record of something worth telling. Written by one worker into its ring, moved by
// the spooler to the spool, turned into text late by exporters with the EventDictionary of its
// generation.
//
//   +--------------------- kEventHeadBytes ---------------------+-- text_size --+-- data_size --+
//   | ids, times, addresses, verdict, matches, counters         | name or text  | dns answers   |
//   +-----------------------------------------------------------+---------------+---------------+
//
// In a ring an Event has its full size; in the spool only the bytes in use are kept (see
// exporters/spool.h).
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/drop_reason.h"
#include "gateway/model/indicator.h"
#include "gateway/model/verdict.h"
#include "gateway/model/workload.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace sallyport {

/// Topic and stream an event belongs to (`egress.<class>.v1`).
enum class EventClass : std::uint8_t { flow, dns, threat, policy, nat, audit, health };
inline constexpr std::size_t kEventClassCount = 7;

/// `event.action` (closed list of the events reference). Values are stored: never renumber.
enum class EventKind : std::uint8_t {
    flow_start = 1,
    flow_update = 2,
    flow_end = 3,
    flow_denied = 4,
    dns_query = 5,
    dns_answer = 6,
    threat_match = 7,
    verdict = 8,  ///< policy class: every deny, every rule that asked to log
    nat_block_allocated = 9,
    nat_block_released = 10,
    nat_exhausted = 11,
    config_reload = 12,
    generation_refused = 13,
    part_state = 14,
    events_shed = 15,      ///< a ring was full: count and sequence range in `loss_*`
    spool_truncated = 16,  ///< the spool gave up records: `loss_*`
};

EventClass class_of(EventKind kind) noexcept;
std::string_view name_of(EventClass event_class) noexcept;  ///< "flow", "dns", ...
std::string_view action_of(EventKind kind) noexcept;        ///< "flow-start", ...

/// Why a flow ended.
enum class CloseReason : std::uint8_t {
    none,
    fin,
    rst,
    timeout,
    evicted,
    verdict,
    shutdown,
    replaced,  ///< its port pair or its address began to be used anew
};
constexpr std::string_view name_of(CloseReason r) noexcept {
    constexpr std::array<std::string_view, 8> kNames{
        "none", "fin", "rst", "timeout", "evicted", "verdict", "shutdown", "replaced"};
    return kNames[static_cast<std::size_t>(r) % kNames.size()];
}

inline constexpr std::uint32_t kNoRule = 0xFFFFFFFFU;
inline constexpr std::uint16_t kNoPool = 0xFFFFU;
/// Worker number of events made by the control side (audit, health of the whole).
inline constexpr std::uint16_t kControlWorker = 0xFFFFU;
/// Worker number of events the spooler makes itself (spool_truncated): its own sequence, no shared
/// counter.
inline constexpr std::uint16_t kSpoolWorker = 0xFFFEU;

struct Event {
    std::uint64_t sequence = 0;  ///< without holes per (gateway, boot, worker), over all classes
    std::uint64_t boot = 0;      ///< random per process start; hex in the event id
    std::uint64_t time_ns = 0;   ///< UTC, what `@timestamp` says
    std::uint64_t start_ns = 0;  ///< flow: first packet; loss: first lost
    std::uint64_t end_ns = 0;    ///< flow: last packet
    std::uint64_t flow_id = 0;
    std::uint64_t packets_out = 0;  ///< workload to destination
    std::uint64_t bytes_out = 0;    ///< IP bytes (total length), as NetFlow counts them
    std::uint64_t packets_in = 0;   ///< destination to workload
    std::uint64_t bytes_in = 0;
    std::uint64_t loss_count = 0;
    std::uint64_t loss_first_sequence = 0;
    std::uint64_t loss_last_sequence = 0;

    std::uint32_t generation =
        0;  ///< snapshot the verdict was made under; picks the EventDictionary
    WorkloadId workload = kUnknownWorkload;
    std::uint32_t rule = kNoRule;  ///< index into EventDictionary::rules
    std::uint32_t attribution_age_ms = 0;

    std::uint16_t worker = 0;
    std::uint16_t pool = kNoPool;  ///< index into EventDictionary::pools
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint16_t nat_port = 0;       ///< nat class: first port of the block
    std::uint16_t nat_port_last = 0;  ///< nat class: last port of the block (inclusive)
    std::uint16_t dns_id = 0;
    std::uint16_t dns_type = 0;
    std::uint16_t dns_class = 0;
    std::uint16_t dns_flags = 0;
    std::uint16_t tls_version = 0;
    std::uint16_t vlan = 0;  ///< outer VLAN id, 0 = none

    EventKind kind = EventKind::flow_start;
    std::uint8_t protocol = 0;  ///< IP protocol number
    Verdict verdict = Verdict::undecided;
    DenyMode deny_mode = DenyMode::none;
    VerdictReason reason = VerdictReason::none;
    DropReason drop_reason = DropReason::none;
    AppProtocol app_protocol = AppProtocol::none;
    NameSource name_source = NameSource::none;
    AttributionStatus attribution = AttributionStatus::unknown;
    CloseReason close_reason = CloseReason::none;
    std::uint8_t tcp_flags = 0;  ///< OR of all seen
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint8_t name_invalid = 0;
    std::uint8_t match_total = 0;
    std::uint8_t match_size = 0;

    IpAddress source;
    IpAddress destination;
    IpAddress nat;
    std::array<std::uint8_t, 5> reserved{};

    std::array<ThreatMatch, kThreatMatchesMax> matches{};

    std::uint16_t text_size = 0;
    std::uint16_t data_size = 0;
    std::array<char, 260> text{};          ///< destination name; audit and health: the message
    std::array<std::uint8_t, 240> data{};  ///< dns_answer: DnsFacts::answers

    [[nodiscard]] std::string_view text_view() const noexcept { return {text.data(), text_size}; }
};

inline constexpr std::size_t kEventHeadBytes = offsetof(Event, text);

/// Makes an event blank but for the bytes of `matches`, `text` and `data`, which only their sizes
/// make readable: clearing those would touch nine lines more than most events use.
inline void clear_head(Event& event) noexcept {
    static constexpr Event kBlank{};
    std::memcpy(static_cast<void*>(&event), &kBlank, offsetof(Event, matches));
    event.text_size = 0;
    event.data_size = 0;
}

static_assert(std::is_trivially_copyable_v<Event>);
static_assert(std::is_standard_layout_v<Event>);
static_assert(sizeof(Event) == 816 && alignof(Event) == 8);

}  // namespace sallyport
