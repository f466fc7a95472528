// SPDX-License-Identifier: Apache-2.0
// Between bursts: ageing, idle port blocks, next hops. Each duty has a budget a call.
#include "gateway/dataplane/pipeline.h"

namespace sallyport::dataplane {
namespace {

// Flows taken off the wheel in one call: a million-flow storm must not stall receive
// (performance.md 5.2).
constexpr std::size_t kDuePerCall = 32;

}  // namespace

void Pipeline::housekeep(const Snapshot& snapshot, const Now& now) noexcept {
    Context context = context_of(snapshot, now);
    rejudge_budget_ = kDuePerCall;
    flow_update_seconds_ = snapshot.behaviour.flow_update_seconds;
    age<FlowKey4>(context, kDuePerCall);
    age<FlowKey6>(context, kDuePerCall);
    refill_icmp_tokens(now);
    for (std::size_t which = 0; which < losses_.size(); ++which) {
        tell_losses(
            which == 0 ? events_.traffic : events_.security, which, now, snapshot.generation
        );
    }
    if (!snapshot.egress.empty()) {
        sweep_address_ = sweep_address_ + 1 >= snapshot.egress.size() ? 0 : sweep_address_ + 1;
        BlockChange change;
        if (snapshot.egress[sweep_address_][settings_.worker]->release_one_idle(
                now.monotonic_ns, change
            )) {
            tell_block(context, change, EventKind::nat_block_released);
            counters_.blocks_in_use.set(counters_.blocks_in_use.get() - 1);
        }
    }
    if (now.seconds() != second_ && !snapshot.behaviour.capture) {
        second_ = now.seconds();
        if (settings_.worker == 0) {
            const std::size_t count = neighbours_.size();
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint16_t neighbour = neighbours_.handle_at(i);
                if (neighbours_.wants_request(neighbour, second_)) {
                    ask(context, neighbour);
                }
            }
        }
    }
    // Any worker may have learned what these wait for.
    if (!snapshot.behaviour.capture) {
        retry_waiting(context);
    }
    flush_transmit();
}

template <class Key>
void Pipeline::age(Context& context, std::size_t most) noexcept {
    std::array<std::uint32_t, kDuePerCall> due;  // NOLINT(*-member-init): `count` of them are read
    const std::size_t count =
        flows<Key>().advance(context.now.seconds(), due.data(), std::min(most, due.size()));
    for (std::size_t i = 0; i < count; ++i) {
        visit_due<Key>(context, due[i]);
    }
}

// The wheel has reached a flow: it is over, or still has time.
template <class Key>
void Pipeline::visit_due(Context& context, std::uint32_t flow) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    if (waits_for_name(state) && !is_opening(state) && state.verdict != Verdict::deny) {
        decide_now<Key>(context, flow);  // the budget of waiting for a name is spent
        arm<Key>(flow);
        return;
    }
    constexpr std::uint64_t kSecond = 1'000'000'000U;
    tell_update<Key>(context, flow);
    const Timeout timeout = timeout_of<Key>(flow);
    const std::uint64_t seen = timeout == Timeout::linger || timeout == Timeout::dns
                                   ? std::max(state.last_seen_ns, cold.last_any_ns)
                                   : state.last_seen_ns;
    const std::uint64_t idle =
        (context.now.monotonic_ns - std::min(seen, context.now.monotonic_ns)) / kSecond;
    const std::uint32_t allowed = timeout_seconds(timeout);
    // Packets after both FINs do not extend the closing timer (RFC 7857 section 2).
    const std::uint64_t closing =
        (context.now.monotonic_ns - std::min(state.last_seen_ns, context.now.monotonic_ns)) /
        kSecond;
    const std::uint32_t closing_allowed = timeout_seconds(Timeout::tcp_closing);
    const bool overdue = timeout == Timeout::linger && closing >= closing_allowed;
    if (idle < allowed && !overdue) {
        auto seconds = static_cast<std::uint32_t>(allowed - idle);
        if (flow_update_seconds_ != 0) {
            seconds = std::min(seconds, flow_update_seconds_);
        }
        flows<Key>().arm(flow, seconds);
        return;
    }
    if (timeout == Timeout::linger && !overdue) {
        end_flow<Key>(context, flow, cold.close_reason);
        flows<Key>().arm(flow, static_cast<std::uint32_t>(closing_allowed - closing));
        return;
    }
    end_flow<Key>(context, flow, CloseReason::timeout);
    forget<Key>(context, flow);
}

// Tells that a long flow goes on, when that is wished and it has sent something since.
template <class Key>
void Pipeline::tell_update(const Context& context, std::uint32_t flow) noexcept {
    const FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    const auto now = static_cast<std::uint32_t>(context.now.seconds());
    const bool alive = (state.flags & (kFlowStarted | kFlowEnded)) == kFlowStarted &&
                       state.verdict == Verdict::allow;
    if (flow_update_seconds_ == 0 || !alive || now - cold.updated_seconds < flow_update_seconds_ ||
        state.last_seen_ns / 1'000'000'000U < cold.updated_seconds) {
        return;
    }
    cold.updated_seconds = now;
    tell_flow<Key>(context, flow, EventKind::flow_update);
}

// Tells a flow's end, once. Flows that were only refused have been told as that; one that never
// said a name is judged without.
template <class Key>
void Pipeline::end_flow(Context& context, std::uint32_t flow, CloseReason reason) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    if (waits_for_name(state) && state.verdict != Verdict::deny) {
        decide_now<Key>(context, flow);
    }
    const bool started = (state.flags & kFlowStarted) != 0;
    if ((state.flags & kFlowEnded) != 0 || (!started && state.verdict == Verdict::deny)) {
        return;
    }
    if (!started) {
        state.flags |= kFlowStarted;
        tell_flow<Key>(context, flow, EventKind::flow_start);
    }
    state.flags |= kFlowEnded;
    cold.close_reason = cold.close_reason == CloseReason::none ? reason : cold.close_reason;
    counters_.flows_ended.add(1);
    tell_flow<Key>(context, flow, EventKind::flow_end);
}

bool Pipeline::drain(const Snapshot& snapshot, const Now& now, std::size_t flows_most) noexcept {
    Context context = context_of(snapshot, now);
    // A start and an end a flow: stop while the ring still takes both, the spooler makes room.
    const auto walk = [&]<class Key>(FlowTable<Key>& table, std::uint32_t& at) noexcept {
        while (flows_most != 0) {
            at = table.next_used(at);
            if (at == kNoFlow) {
                return true;
            }
            if (!events_.traffic.has_room(4)) {
                return false;
            }
            end_flow<Key>(context, at, CloseReason::shutdown);
            ++at;
            --flows_most;
        }
        return false;
    };
    if (drain_at4_ != kNoFlow && !walk(flows4_, drain_at4_)) {
        return false;
    }
    if (drain_at6_ != kNoFlow && !walk(flows6_, drain_at6_)) {
        return false;
    }
    for (std::size_t which = 0; which < losses_.size(); ++which) {
        tell_losses(
            which == 0 ? events_.traffic : events_.security, which, now, snapshot.generation
        );
    }
    return losses_[0].count == 0 && losses_[1].count == 0;
}

#define SALLYPORT_INSTANTIATE(Key)                                    \
    template void Pipeline::age<Key>(Context&, std::size_t) noexcept; \
    template void Pipeline::end_flow<Key>(Context&, std::uint32_t, CloseReason) noexcept;
SALLYPORT_INSTANTIATE(FlowKey4)
SALLYPORT_INSTANTIATE(FlowKey6)
#undef SALLYPORT_INSTANTIATE

}  // namespace sallyport::dataplane
