// SPDX-License-Identifier: Apache-2.0
// classify, match, decide: a flow's verdict, and when it is told.
#include "classifier/classify.h"
#include "gateway/dataplane/key_ends.h"
#include "gateway/dataplane/pipeline.h"

namespace sallyport::dataplane {

using classifier::Headers;
using classifier::kProtocolTcp;
using classifier::kProtocolUdp;
using policy::NameState;

namespace {

DropReason drop_reason_of(VerdictReason reason) noexcept {
    switch (reason) {
        case VerdictReason::feed_match:
            return DropReason::feed_denied;
        case VerdictReason::unknown_workload:
            return DropReason::unknown_workload;
        case VerdictReason::ambiguous_workload:
            return DropReason::ambiguous_workload;
        case VerdictReason::match_error:
            return DropReason::match_error;
        default:
            return DropReason::policy_denied;
    }
}

DenyMode deny_mode_of(std::uint8_t protocol, bool silently) noexcept {
    return silently                   ? DenyMode::silent
           : protocol == kProtocolTcp ? DenyMode::reset
                                      : DenyMode::reject;
}

// A name is asked for, whatever the message calls itself: a query dressed as an answer is still
// judged.
bool is_query(const Facts& facts) noexcept {
    return facts.protocol == AppProtocol::dns && facts.name_source == NameSource::dns;
}

}  // namespace

// What feeds say of a destination by its address and, when it is known, its name.
FeedAction Pipeline::match_feeds(
    const Snapshot& snapshot,
    const policy::Question& question,
    const classifier::NameSteps* steps,
    ThreatMatches& matches
) const noexcept {
    const classifier::ThreatDatabase& threats = *snapshot.threats;
    threats.match_address(question.destination, question.port, matches);
    // No name changes what a feed denies by address: on most flows it was refused before there was
    // one.
    const bool address_denied =
        !matches.empty() && classifier::decisive_action(matches) == FeedAction::deny;
    if (question.name_state == NameState::known) {
        hs_scratch* scratch = settings_.worker < snapshot.scratch.size()
                                  ? snapshot.scratch[settings_.worker].get()
                                  : nullptr;
        if (steps != nullptr) {
            threats.match_name(question.name, *steps, scratch, matches);
        } else {
            threats.match_name(question.name, scratch, matches);
        }
    }
    return address_denied    ? FeedAction::deny
           : matches.empty() ? FeedAction::alert
                             : classifier::decisive_action(matches);
}

template <class Key>
Pipeline::Judgement Pipeline::judge(
    const Context& context,
    std::uint32_t flow,
    NameState name_state,
    std::string_view name,
    bool name_invalid,
    const classifier::NameSteps* steps
) noexcept {
    const Snapshot& snapshot = context.snapshot;
    const Key& key = flows<Key>().hot(flow).key;
    const WorkloadId workload = flows<Key>().cold(flow).workload;
    Judgement out;
    const auto deny = [&out](VerdictReason reason) noexcept {
        out.verdict = Verdict::deny;
        out.reason = reason;
        out.log = true;
    };
    if ((workload == kUnknownWorkload && !snapshot.behaviour.unknown_allow) ||
        workload == kAmbiguousWorkload) {
        deny(
            workload == kUnknownWorkload ? VerdictReason::unknown_workload
                                         : VerdictReason::ambiguous_workload
        );
        return out;
    }
    policy::Question question;
    question.source = inside_of(key);
    question.source_port = is_icmp(key.protocol) ? std::uint16_t{0} : byte_swap(key.inside_port);
    question.destination = outside_of(key);
    question.port = is_icmp(key.protocol) ? std::uint16_t{0} : byte_swap(key.outside_port);
    question.protocol = key.protocol;
    question.icmp_type = flows<Key>().cold(flow).icmp_type;
    question.name_state = name_state;
    question.name = name;
    question.name_invalid = name_invalid;
    const FeedAction action = match_feeds(snapshot, question, steps, out.matches);
    if (out.matches.match_error && snapshot.behaviour.match_error_deny &&
        action != FeedAction::allow) {
        deny(VerdictReason::match_error);
        return out;
    }
    if (action == FeedAction::deny) {
        deny(VerdictReason::feed_match);
        return out;
    }
    const policy::Decision decision =
        snapshot.policy->evaluate(snapshot.policy->program_of(workload), question);
    out.verdict = decision.verdict;
    out.reason = decision.reason;
    out.rule = decision.rule;
    out.log = decision.log;
    if (decision.verdict == Verdict::allow && action == FeedAction::allow && !out.matches.empty()) {
        out.reason = VerdictReason::feed_allow;
    }
    return out;
}

// Writes a judgement into the flow and tells what is new about it. `final`: nothing more will be
// looked at.
template <class Key>
void Pipeline::apply(
    Context& context, std::uint32_t flow, const Judgement& judgement, bool final
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    const Verdict before = state.verdict;
    state.generation = context.snapshot.generation;
    state.verdict = judgement.verdict;
    cold.reason = judgement.reason;
    cold.rule = judgement.rule;
    cold.match_total = judgement.matches.total;
    cold.first_match = judgement.matches.empty() ? ThreatMatch{} : judgement.matches.items[0];
    if (judgement.verdict == Verdict::deny) {
        state.flags = static_cast<std::uint8_t>(state.flags & ~(kFlowSettled | kFlowInspect));
        cold.drop_reason = drop_reason_of(judgement.reason);
        cold.deny_mode = deny_mode_of(
            flows<Key>().hot(flow).key.protocol, context.snapshot.behaviour.deny_silently
        );
        if (before != Verdict::deny) {
            const bool seen = cold.packets_out + state.packets_out != 0;
            cold.reset_due = seen && cold.deny_mode == DenyMode::reset ? 1 : 0;
            tell_matches<Key>(context, flow, judgement);
            tell_denied<Key>(context, flow, judgement);
        }
        return;
    }
    if (!final) {
        return;
    }
    state.flags = static_cast<std::uint8_t>(state.flags & ~kFlowInspect);
    if ((state.flags & kFlowStarted) == 0) {
        state.flags |= kFlowStarted;
        tell_flow<Key>(context, flow, EventKind::flow_start);
    }
    tell_matches<Key>(context, flow, judgement);
    if (judgement.log) {
        tell_flow<Key>(context, flow, EventKind::verdict);
    }
    settle<Key>(context, flow);
}

template <class Key>
void Pipeline::settle(Context& context, std::uint32_t flow) noexcept {
    (void)context;
    FlowState& state = flows<Key>().hot(flow).state;
    const std::uint8_t protocol = flows<Key>().hot(flow).key.protocol;
    const bool plain = (state.flags & (kFlowInspect | kFlowDns)) == 0;
    const auto tcp_state = static_cast<TcpState>(state.tcp_state);
    const bool closing = tcp_state == TcpState::both_fin || tcp_state == TcpState::trans ||
                         (state.flags & kFlowEnded) != 0;
    if (state.verdict == Verdict::allow && plain && !closing &&
        (protocol == kProtocolTcp || protocol == kProtocolUdp)) {
        state.flags |= kFlowSettled;
    }
}

// A snapshot has come since the flow was judged: judge it by what is known of it. Budgeted per
// burst; over budget the flow keeps its verdict and its old generation until its next packet.
template <class Key>
void Pipeline::rejudge(Context& context, std::uint32_t flow) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    if (rejudge_budget_ == 0 || state.verdict == Verdict::deny) {
        return;
    }
    --rejudge_budget_;
    counters_.flows_rejudged.add(1);
    // The workload is the same still (has_new_owner); only what is allowed to it may have changed.
    const bool waiting = waits_for_name(state);
    const std::string_view name = names_.view(cold.name);
    const NameState name_state = waiting        ? NameState::not_yet
                                 : name.empty() ? NameState::none
                                                : NameState::known;
    const bool dns = (state.flags & kFlowDns) != 0;
    const Judgement judgement = judge<Key>(context, flow, name_state, name, cold.name_invalid != 0);
    if (dns && judgement.verdict == Verdict::deny) {
        state.generation =
            context.snapshot.generation;  // each query is judged and answered by itself
        return;
    }
    const bool started = (state.flags & kFlowStarted) != 0;
    const bool inspecting = (state.flags & kFlowInspect) != 0;
    apply<Key>(context, flow, judgement, !waiting);
    if (inspecting && judgement.verdict != Verdict::deny) {
        keep_inspecting(state);
    }
    if (judgement.verdict == Verdict::deny && started && (state.flags & kFlowEnded) == 0) {
        end_flow<Key>(context, flow, CloseReason::verdict);
        arm<Key>(flow);
    }
}

// What an outbound payload says. DNS messages are read whole; of anything else only what a client
// sends first.
void Pipeline::classify(const Packet& packet, const Headers& headers, Facts& facts) noexcept {
    const std::span<const std::uint8_t> payload{
        packet.data + headers.payload, headers.payload_size};
    const std::uint16_t port = byte_swap(headers.destination_port);
    if (headers.protocol == kProtocolTcp) {
        classifier::classify_tcp(payload, port, facts);
    } else {
        // The workload chose its source port; by binding 53 it must not choose how it is read.
        classifier::classify_udp(payload, 0, port, facts);
    }
}

// Of the burst's packets those whose payload will be looked at are read before their turn, so that
// looking up their names waits for memory once and not once a packet.
template <class Key>
void Pipeline::read_ahead(
    const Context& context, Batch& batch, Lookup<Key>& lookup, std::span<const std::uint8_t> open
) noexcept {
    const classifier::ThreatDatabase& threats = *context.snapshot.threats;
    const std::size_t first = ahead_size_;
    for (const std::uint8_t i : open) {
        const Key& key = lookup.key[i];
        const std::uint32_t flow = lookup.flow[i];
        const bool looks =
            flow == kNoFlow ? key.protocol == kProtocolUdp
                            : (flows<Key>().hot(flow).state.flags & (kFlowInspect | kFlowDns)) != 0;
        if (!looks || is_icmp(key.protocol) || ahead_size_ == ahead_.size() ||
            key.direction != static_cast<std::uint8_t>(Direction::outbound)) {
            continue;
        }
        const Packet& packet = batch.packets[lookup.packet[i]];
        Headers& headers = batch.headers[lookup.packet[i]];
        if constexpr (std::is_same_v<Key, FlowKey4>) {
            if (lookup.brief[i] != 0) {
                headers = classifier::headers_of_plain(packet.data, lookup.brief[i]);
            }
        }
        if (headers.payload_size == 0) {
            continue;
        }
        Ahead& ahead = ahead_[ahead_size_];
        classify(packet, headers, ahead.facts);
        threats.begin_name(ahead.facts.name_view(), ahead.steps);
        prepared_[lookup.packet[i]].ahead = ++ahead_size_;
    }
    for (std::size_t i = first; i < ahead_size_; ++i) {
        threats.fetch_name(ahead_[i].steps);
    }
}

// Has facts_ and steps_ point at what the packet in hand says.
void Pipeline::read_payload(const Packet& packet, const Headers& headers) noexcept {
    ++payloads_read_;
    if (in_hand_.ahead != 0) {
        facts_ = &ahead_[in_hand_.ahead - 1U].facts;
        steps_ = &ahead_[in_hand_.ahead - 1U].steps;
        return;
    }
    classify(packet, headers, own_facts_);
    facts_ = &own_facts_;
    steps_ = nullptr;
}

// Reads a payload and judges by the name in it.
template <class Key>
Pipeline::Judgement Pipeline::judge_payload(
    const Context& context, const Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    read_payload(packet, headers);
    const std::string_view name =
        facts_->name_source == NameSource::none ? std::string_view{} : facts_->name_view();
    const NameState name_state = name.empty() ? NameState::none : NameState::known;
    return judge<Key>(context, flow, name_state, name, facts_->name_invalid, steps_);
}

// The flow keeps what facts_ hold of its first payload.
template <class Key>
void Pipeline::note_facts(std::uint32_t flow) noexcept {
    FlowCold& cold = flows<Key>().cold(flow);
    cold.app_protocol = facts_->protocol;
    cold.tls_version = facts_->tls_version;
    cold.name_source = facts_->name_source;
    cold.name_invalid = facts_->name_invalid ? 1 : 0;
    if (facts_->name_source != NameSource::none && facts_->name_size != 0) {
        names_.release(cold.name);
        cold.name = names_.hold(facts_->name_view());
        if (cold.name == kNoName) {
            counters_.names_full.add(1);
        }
    }
}

// Looks at a payload of a flow that is open already. What does not decide can only deny: it is no
// proof of what the server will be told.
template <class Key>
void Pipeline::inspect(
    Context& context, const Packet& packet, const Headers& headers, std::uint32_t flow, bool decides
) noexcept {
    const Judgement judgement = judge_payload<Key>(context, packet, headers, flow);
    if (decides || judgement.verdict == Verdict::deny) {
        note_facts<Key>(flow);
        apply<Key>(context, flow, judgement, true);
    }
}

// No more waiting: judges with what there is, which is no name. The workload's first payload is
// still looked at when it comes, or keeping silent for a while would be a way past every name.
template <class Key>
void Pipeline::decide_now(Context& context, std::uint32_t flow) noexcept {
    apply<Key>(context, flow, judge<Key>(context, flow, NameState::none, {}, false), true);
    FlowState& state = flows<Key>().hot(flow).state;
    if (state.verdict != Verdict::deny) {
        keep_inspecting(state);
    }
}

// Judges the DNS message in facts_ by its own name.
template <class Key>
Pipeline::Judgement Pipeline::judge_query(
    const Context& context, const Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    read_payload(packet, headers);
    const bool query = is_query(*facts_);
    const std::string_view name = query ? facts_->name_view() : std::string_view{};
    flows<Key>().cold(flow).app_protocol = facts_->protocol;
    return judge<Key>(
        context,
        flow,
        name.empty() ? NameState::none : NameState::known,
        name,
        query && facts_->name_invalid,
        steps_
    );
}

// Judges a DNS message from the workload; true when it was denied and the packet is gone. A denied
// question is answered here and told; anything else that is denied on port 53 is refused as a flow.
template <class Key>
bool Pipeline::deny_query(
    Context& context,
    Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Judgement& judgement
) noexcept {
    judgement = judge_query<Key>(context, packet, headers, flow);
    if (judgement.verdict != Verdict::deny) {
        return false;
    }
    if (!is_query(*facts_)) {
        if ((flows<Key>().hot(flow).state.flags & kFlowStarted) == 0) {
            apply<Key>(context, flow, judgement, true);
            arm<Key>(flow);
            refuse<Key>(context, packet, headers, flow);
        } else {
            drop(packet, drop_reason_of(judgement.reason));
        }
        return true;
    }
    leave(DropReason::dns_denied);
    tell_dns<Key>(context, flow, headers, *facts_, judgement, facts_->dns.is_response);
    answer_dns(context, packet, headers, *facts_);
    return true;
}

// An allowed DNS message from the workload, still in facts_: the flow's start and the message are
// told.
template <class Key>
void Pipeline::note_query(
    Context& context, const Headers& headers, std::uint32_t flow, const Judgement& judgement
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    if ((state.flags & kFlowStarted) == 0) {
        Judgement quiet = judgement;  // the query's own event tells matches and logging rules
        quiet.matches = {};
        quiet.log = false;
        apply<Key>(context, flow, quiet, true);
    }
    state.generation = context.snapshot.generation;
    if (is_query(*facts_)) {
        tell_dns<Key>(context, flow, headers, *facts_, judgement, facts_->dns.is_response);
    }
}

#define SALLYPORT_INSTANTIATE(Key)                                                                                     \
    template Pipeline::Judgement Pipeline::judge<                                                                      \
        Key>(const Context&, std::uint32_t, NameState, std::string_view, bool, const classifier::NameSteps*) noexcept; \
    template void Pipeline::read_ahead<                                                                                \
        Key>(const Context&, Batch&, Lookup<Key>&, std::span<const std::uint8_t>) noexcept;                            \
    template void Pipeline::apply<Key>(Context&, std::uint32_t, const Judgement&, bool) noexcept;                      \
    template void Pipeline::rejudge<Key>(Context&, std::uint32_t) noexcept;                                            \
    template Pipeline::Judgement Pipeline::judge_payload<Key>(                                                         \
        const Context&, const Packet&, const Headers&, std::uint32_t                                                   \
    ) noexcept;                                                                                                        \
    template void Pipeline::note_facts<Key>(std::uint32_t) noexcept;                                                   \
    template void Pipeline::inspect<Key>(                                                                              \
        Context&, const Packet&, const Headers&, std::uint32_t, bool                                                   \
    ) noexcept;                                                                                                        \
    template void Pipeline::decide_now<Key>(Context&, std::uint32_t) noexcept;                                         \
    template bool Pipeline::deny_query<                                                                                \
        Key>(Context&, Packet&, const Headers&, std::uint32_t, Judgement&) noexcept;                                   \
    template void                                                                                                      \
    Pipeline::note_query<Key>(Context&, const Headers&, std::uint32_t, const Judgement&) noexcept;                     \
    template void Pipeline::settle<Key>(Context&, std::uint32_t) noexcept;
SALLYPORT_INSTANTIATE(FlowKey4)
SALLYPORT_INSTANTIATE(FlowKey6)
#undef SALLYPORT_INSTANTIATE

}  // namespace sallyport::dataplane
