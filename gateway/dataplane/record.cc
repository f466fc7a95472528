// SPDX-License-Identifier: Apache-2.0
// record: what is worth telling becomes an event in the worker's rings. Ids only; names are
// resolved when an event is encoded.
#include "gateway/dataplane/pipeline.h"

#include <algorithm>
#include <cstring>

namespace sallyport::dataplane {

using classifier::Headers;

namespace {

// Refusals for want of a mapping that a worker tells in one second.
constexpr std::uint32_t kUnmappedToldPerSecond = 64;

bool is_security(EventKind kind) noexcept {
    const EventClass event_class = class_of(kind);
    return event_class != EventClass::flow && event_class != EventClass::dns;
}

// Which findings were told already: the same ones are told once a flow.
std::uint32_t fingerprint(const ThreatMatches& matches) noexcept {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < matches.size; ++i) {
        const ThreatMatch& match = matches.items[i];
        const std::uint32_t word = match.feed * 0x9E3779B1U + match.indicator * 0x85EBCA6BU +
                                   static_cast<std::uint32_t>(match.type);
        out = (out ^ word) * 0xC2B2AE35U + 1;
    }
    return out;
}

void put_text(Event& event, std::string_view text) noexcept {
    event.text_size = static_cast<std::uint16_t>(std::min(text.size(), event.text.size()));
    if (event.text_size != 0) {  // memcpy wants a real address even for nothing
        std::memcpy(event.text.data(), text.data(), event.text_size);
    }
}

void put_matches(Event& event, const ThreatMatches& matches) noexcept {
    event.match_size = matches.size;
    event.match_total = matches.total;
    std::copy_n(matches.items.begin(), matches.size, event.matches.begin());
}

}  // namespace

void Pipeline::tell_losses(
    EventRing& ring, std::size_t which, const Now& now, std::uint32_t generation
) noexcept {
    Loss& loss = losses_[which];
    Event* event = loss.count == 0 ? nullptr : ring.reserve();
    if (event == nullptr) {
        return;
    }
    clear_head(*event);
    event->sequence = ++sequence_;
    event->boot = settings_.boot;
    event->time_ns = now.wall_ns;
    event->start_ns = loss.first_ns;
    event->end_ns = now.wall_ns;
    event->generation = generation;
    event->worker = settings_.worker;
    event->kind = EventKind::events_shed;
    event->loss_count = loss.count;
    event->loss_first_sequence = loss.first_sequence;
    event->loss_last_sequence = loss.last_sequence;
    put_text(*event, which == 0 ? "traffic ring full" : "security ring full");
    ring.publish();
    loss = Loss{};
}

// The slot to fill. When the ring is full the event is shed: its sequence number is used up, and
// the hole is told as soon as there is room.
Event* Pipeline::begin_event(const Context& context, EventKind kind) noexcept {
    const bool security = is_security(kind);
    EventRing& ring = security ? events_.security : events_.traffic;
    Loss& loss = losses_[security ? 1 : 0];
    if (loss.count != 0) [[unlikely]] {
        tell_losses(ring, security ? 1 : 0, context.now, context.snapshot.generation);
    }
    Event* event = ring.reserve();
    open_ring_ = &ring;
    if (event == nullptr || loss.count != 0) [[unlikely]] {
        event = &scratch_event_;
        open_ring_ = nullptr;
    }
    clear_head(*event);
    event->sequence = ++sequence_;
    event->boot = settings_.boot;
    event->time_ns = context.now.wall_ns;
    event->generation = context.snapshot.generation;
    event->worker = settings_.worker;
    event->kind = kind;
    if (open_ring_ == nullptr) {
        loss.first_sequence = loss.count == 0 ? event->sequence : loss.first_sequence;
        loss.first_ns = loss.count == 0 ? event->time_ns : loss.first_ns;
        loss.last_sequence = event->sequence;
        ++loss.count;
        counters_.events_shed.add(1);
    }
    return event;
}

void Pipeline::end_event() noexcept {
    if (open_ring_ != nullptr) {
        open_ring_->publish();
        counters_.events_written.add(1);
    }
}

template <class Key>
void Pipeline::describe(Event& event, const Context& context, std::uint32_t flow) noexcept {
    const FlowHot<Key>& hot = flows<Key>().hot(flow);
    const FlowState& state = hot.state;
    const FlowCold& cold = flows<Key>().cold(flow);
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        event.source = IpAddress::v4_raw(hot.key.inside);
        event.destination = IpAddress::v4_raw(hot.key.outside);
        if (cold.block != kNoBlock) {
            event.nat = IpAddress::v4_raw(state.nat_address);
            event.nat_port = byte_swap(state.nat_port);
        }
    } else {
        event.source = IpAddress::v6(reinterpret_cast<const std::uint8_t*>(hot.key.inside.data()));
        event.destination =
            IpAddress::v6(reinterpret_cast<const std::uint8_t*>(hot.key.outside.data()));
    }
    event.source_port = byte_swap(hot.key.inside_port);
    event.destination_port = byte_swap(hot.key.outside_port);
    event.protocol = hot.key.protocol;
    event.flow_id = cold.flow_id;
    event.start_ns = cold.start_wall_ns;
    const std::uint64_t last = std::max(state.last_seen_ns, cold.last_any_ns) + cold.wall_offset_ns;
    event.end_ns = std::max(last, cold.start_wall_ns);
    event.packets_out = cold.packets_out + state.packets_out;
    event.bytes_out = cold.bytes_out + state.bytes_out;
    event.packets_in = cold.packets_in + state.packets_in;
    event.bytes_in = cold.bytes_in + state.bytes_in;
    event.generation = state.generation == 0 ? context.snapshot.generation : state.generation;
    event.workload = cold.workload;
    event.attribution = context.snapshot.workloads->status(cold.workload);
    event.rule = cold.rule;
    event.pool = state.pool;
    event.verdict = state.verdict;
    event.deny_mode = state.verdict == Verdict::deny ? cold.deny_mode : DenyMode::none;
    event.reason = cold.reason;
    event.drop_reason = state.verdict == Verdict::deny ? cold.drop_reason : DropReason::none;
    event.app_protocol = cold.app_protocol;
    event.name_source = cold.name_source;
    event.name_invalid = cold.name_invalid;
    event.tls_version = cold.tls_version;
    event.tcp_flags = state.tcp_flags;
    event.close_reason = cold.close_reason;
    event.vlan = cold.vlan;
    event.icmp_type = cold.icmp_type;
    event.icmp_code = cold.icmp_code;
    put_text(event, names_.view(cold.name));
}

template <class Key>
void Pipeline::tell_flow(const Context& context, std::uint32_t flow, EventKind kind) noexcept {
    Event* event = begin_event(context, kind);
    describe<Key>(*event, context, flow);
    const FlowCold& cold = flows<Key>().cold(flow);
    if (kind == EventKind::flow_start) {
        event->time_ns = cold.start_wall_ns;
    } else if (kind == EventKind::flow_end) {
        event->time_ns = event->end_ns;
    }
    if (cold.match_total != 0) {
        event->match_total = cold.match_total;
        event->match_size = 1;
        event->matches[0] = cold.first_match;
    }
    end_event();
}

template <class Key>
void Pipeline::tell_denied(
    const Context& context, std::uint32_t flow, const Judgement& judgement
) noexcept {
    const bool started = (flows<Key>().hot(flow).state.flags & kFlowStarted) != 0;
    for (const EventKind kind : {EventKind::flow_denied, EventKind::verdict}) {
        if (kind == EventKind::flow_denied && started) {
            continue;  // it is told as ended, by this verdict
        }
        Event* event = begin_event(context, kind);
        describe<Key>(*event, context, flow);
        put_matches(*event, judgement.matches);
        end_event();
    }
}

template <class Key>
void Pipeline::tell_matches(
    const Context& context, std::uint32_t flow, const Judgement& judgement
) noexcept {
    FlowCold& cold = flows<Key>().cold(flow);
    const std::uint32_t print = fingerprint(judgement.matches);
    if (judgement.matches.empty() || print == cold.matches_seen) {
        return;
    }
    cold.matches_seen = print;
    counters_.threat_matches.add(1);
    Event* event = begin_event(context, EventKind::threat_match);
    describe<Key>(*event, context, flow);
    put_matches(*event, judgement.matches);
    end_event();
}

// A flow that was allowed but got no mapping: refused all the same, and the pool's trouble is told.
template <class Key>
void Pipeline::tell_unmapped(
    const Context& context, std::uint32_t flow, DropReason trouble
) noexcept {
    FlowCold& cold = flows<Key>().cold(flow);
    FlowState& state = flows<Key>().hot(flow).state;
    cold.reason = trouble == DropReason::no_egress_pool    ? VerdictReason::no_egress_pool
                  : trouble == DropReason::flow_table_full ? VerdictReason::flow_table_full
                                                           : VerdictReason::ports_exhausted;
    cold.drop_reason = trouble;
    cold.deny_mode = DenyMode::reject;
    state.verdict = Verdict::deny;
    state.pool = context.snapshot.pool_for(cold.workload);
    // The flow leaves no entry, so each of its tries comes here: a few a second are told, all are
    // counted (N15).
    if (unmapped_second_ != context.now.seconds()) {
        unmapped_second_ = context.now.seconds();
        unmapped_told_ = 0;
    }
    if (unmapped_told_++ >= kUnmappedToldPerSecond) {
        return;
    }
    const bool exhausted =
        cold.reason == VerdictReason::ports_exhausted && trouble != DropReason::no_next_hop;
    for (const EventKind kind : {EventKind::flow_denied, EventKind::nat_exhausted}) {
        if (kind == EventKind::nat_exhausted && !exhausted) {
            continue;
        }
        Event* event = begin_event(context, kind);
        describe<Key>(*event, context, flow);
        end_event();
    }
}

template <class Key>
void Pipeline::tell_dns(
    const Context& context,
    std::uint32_t flow,
    const Headers& headers,
    const Facts& facts,
    const Judgement& judgement,
    bool answer
) noexcept {
    (void)headers;
    const bool denied = judgement.verdict == Verdict::deny;
    if (!judgement.matches.empty()) {
        counters_.threat_matches.add(1);
    }
    const EventKind first = answer ? EventKind::dns_answer : EventKind::dns_query;
    for (const EventKind kind : {first, EventKind::threat_match, EventKind::verdict}) {
        if ((kind == EventKind::threat_match && judgement.matches.empty()) ||
            (kind == EventKind::verdict && !judgement.log)) {
            continue;
        }
        Event* event = begin_event(context, kind);
        describe<Key>(*event, context, flow);
        if (!answer) {
            event->generation = context.snapshot.generation;  // judged now, whatever the flow was
        }
        event->verdict = judgement.verdict;
        event->reason = judgement.reason;
        event->rule = judgement.rule;
        event->deny_mode = denied ? DenyMode::dns_answer : DenyMode::none;
        event->drop_reason = denied ? DropReason::dns_denied : DropReason::none;
        event->app_protocol = AppProtocol::dns;
        event->name_source = facts.name_source;
        event->name_invalid = facts.name_invalid ? 1 : 0;
        event->dns_id = facts.dns.id;
        event->dns_type = facts.dns.type;
        event->dns_class = facts.dns.dns_class;
        event->dns_flags = facts.dns.flags;
        put_matches(*event, judgement.matches);
        put_text(
            *event, facts.name_source == NameSource::dns ? facts.name_view() : std::string_view{}
        );
        if (answer && facts.dns.answers_size <= event->data.size()) {
            event->data_size = facts.dns.answers_size;
            std::memcpy(event->data.data(), facts.dns.answers.data(), facts.dns.answers_size);
        }
        end_event();
    }
}

void Pipeline::tell_block(
    const Context& context, const BlockChange& change, EventKind kind
) noexcept {
    constexpr std::array<std::uint8_t, kNatProtocols> kProtocols{6, 17, 1};
    Event* event = begin_event(context, kind);
    event->workload = change.workload;
    event->attribution = context.snapshot.workloads->status(change.workload);
    event->nat = IpAddress::v4_raw(change.address);
    event->nat_port = change.first_port;
    event->nat_port_last = change.last_port;
    event->protocol = kProtocols[change.protocol_index];
    event->pool = change.pool;
    const Workload& owner = (*context.snapshot.workloads)[change.workload];
    if (!owner.addresses.empty()) {
        event->source = owner.addresses.front();
    }
    end_event();
}

#define SALLYPORT_INSTANTIATE(Key)                                                             \
    template void Pipeline::tell_flow<Key>(const Context&, std::uint32_t, EventKind) noexcept; \
    template void                                                                              \
    Pipeline::tell_denied<Key>(const Context&, std::uint32_t, const Judgement&) noexcept;      \
    template void                                                                              \
    Pipeline::tell_matches<Key>(const Context&, std::uint32_t, const Judgement&) noexcept;     \
    template void Pipeline::tell_unmapped<Key>(                                                \
        const Context&, std::uint32_t, DropReason                                              \
    ) noexcept;                                                                                \
    template void Pipeline::tell_dns<Key>(                                                     \
        const Context&, std::uint32_t, const Headers&, const Facts&, const Judgement&, bool    \
    ) noexcept;
SALLYPORT_INSTANTIATE(FlowKey4)
SALLYPORT_INSTANTIATE(FlowKey6)
#undef SALLYPORT_INSTANTIATE

}  // namespace sallyport::dataplane
