// SPDX-License-Identifier: Apache-2.0
// attribute and the life of a flow: what happens to packets that are not part of a settled one.
#include "classifier/classify.h"
#include "gateway/dataplane/key_ends.h"
#include "gateway/dataplane/pipeline.h"

#include <array>
#include <cstring>

namespace sallyport::dataplane {

using classifier::Headers;
using classifier::kProtocolTcp;
using classifier::kProtocolUdp;
using classifier::kTcpAck;
using classifier::kTcpFin;
using classifier::kTcpRst;
using classifier::kTcpSyn;
using policy::NameState;

namespace {

// Sources that no workload can have (RFC 1122 section 3.2.1.3, RFC 4291).
bool is_martian_source(const IpAddress& a) noexcept {
    if (a.is_v4()) {
        return a.bytes[0] == 0 || a.bytes[0] == 127 || a.bytes[0] >= 224;
    }
    return a.bytes[0] == 0xFF || (a.bytes[0] == 0xFE && (a.bytes[1] & 0xC0U) == 0x80) ||
           a == IpAddress::v6(std::array<std::uint8_t, 16>{}.data());
}

// Destinations that a router never forwards to (RFC 1122, RFC 3927, RFC 4291).
bool is_martian_destination(const IpAddress& a) noexcept {
    if (a.is_v4()) {
        return a.bytes[0] == 0 || a.bytes[0] == 127 || a.bytes[0] >= 224 ||
               (a.bytes[0] == 169 && a.bytes[1] == 254);
    }
    std::array<std::uint8_t, 16> loopback{};
    loopback[15] = 1;
    return is_martian_source(a) || a == IpAddress::v6(loopback.data());
}

}  // namespace

template <class Key>
void Pipeline::attend(
    Context& context, Packet& packet, const Headers& headers, const Key& key, std::uint32_t flow
) noexcept {
    if (flow != kNoFlow && key.direction == static_cast<std::uint8_t>(Direction::outbound)) {
        follow_outbound<Key>(context, packet, headers, flow);
        return;
    }
    if (flow != kNoFlow) {
        follow_inbound<Key>(context, packet, headers, flow);
        return;
    }
    if (!may_open(context, packet, headers, key)) {
        return;
    }
    open_flow(context, packet, headers, key);
}

// True when a packet of no known flow may start one; otherwise it has left by its door.
template <class Key>
bool Pipeline::may_open(
    Context& context, Packet& packet, const Headers& headers, const Key& key
) noexcept {
    const Behaviour& behaviour = context.snapshot.behaviour;
    const bool outbound = key.direction == static_cast<std::uint8_t>(Direction::outbound);
    if (!behaviour.capture) {
        // The address the packet is sent to; an inbound key calls it inside.
        const IpAddress target = outbound ? outside_of(key) : inside_of(key);
        if (is_own_address(context, packet.port, target)) {
            if (is_icmp(headers.protocol) && !headers.icmp_reply) {
                answer_echo(context, packet, headers);
            } else {
                drop(packet, outbound ? DropReason::martian_destination : DropReason::no_flow);
            }
            return false;
        }
        if (!outbound) {
            drop(packet, DropReason::no_flow);
            return false;
        }
        if (is_martian_source(inside_of(key)) ||
            is_own_address(context, packet.port, inside_of(key))) {
            drop(packet, DropReason::martian_source);
            return false;
        }
        // No way back in through the front door (RFC 4787 REQ-9 asks for one; README).
        const bool hairpin =
            target.is_v4() && context.snapshot.owns_egress_address(target.v4_raw());
        if (hairpin || is_martian_destination(target)) {
            drop(packet, DropReason::martian_destination);
            return false;
        }
    }
    if (!behaviour.midstream_pickup) {
        if (headers.protocol == kProtocolTcp &&
            (headers.tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) != kTcpSyn) {
            leave(DropReason::midstream);
            answer_reset(context, packet, headers);
            return false;
        }
        if (is_icmp(headers.protocol) && headers.icmp_reply) {
            drop(packet, DropReason::no_flow);
            return false;
        }
    }
    if (headers.hop_limit <= 1 && outbound) {
        drop_and_tell(context, packet, headers, DropReason::hop_limit, kTimeExceeded);
        return false;
    }
    return !outbound || !too_large(context, packet, headers, context.outside);
}

// What is known of a flow by its first packet.
template <class Key>
void Pipeline::begin_flow(
    const Context& context,
    const Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    counters_.flows_created.add(1);
    counters_.flows_active.set(flows4_.size() + flows6_.size());
    state.last_seen_ns = context.now.monotonic_ns;
    state.tcp_state = static_cast<std::uint8_t>(
        headers.protocol != kProtocolTcp     ? TcpState::closed
        : (headers.tcp_flags & kTcpSyn) != 0 ? TcpState::init
                                             : TcpState::established
    );
    state.flags =
        headers.protocol == kProtocolTcp || headers.protocol == kProtocolUdp ? kFlowInspect : 0;
    cold.flow_id = next_flow_id();
    cold.start_wall_ns = context.now.wall_ns;
    cold.last_any_ns = context.now.monotonic_ns;
    cold.wall_offset_ns = context.now.wall_ns - context.now.monotonic_ns;
    cold.workload = in_hand_.attributed
                        ? in_hand_.workload
                        : context.snapshot.workloads->find(inside_of(flows<Key>().hot(flow).key));
    cold.updated_seconds = static_cast<std::uint32_t>(context.now.seconds());
    cold.vlan = headers.vlan;
    note_handshake<Key>(context, packet, headers, flow, direction);
    cold.icmp_type = is_icmp(headers.protocol) ? headers.icmp_type : std::uint8_t{0};
}

// What an allowed flow needs to be forwarded and answered: a mapping, its public tuple in the index
// and a next hop. Otherwise what was missing.
template <class Key>
DropReason Pipeline::give_way_back(Context& context, std::uint32_t flow) noexcept {
    FlowTable<Key>& table = flows<Key>();
    if constexpr (std::is_same_v<Key, FlowKey4>) {
        const DropReason trouble = map(context, flow, table.cold(flow).workload);
        if (trouble != DropReason::none) {
            return trouble;
        }
    } else if (context.snapshot.behaviour.translate && !context.snapshot.behaviour.route_ipv6) {
        return DropReason::no_egress_pool;
    }
    return table.insert_public(flow, table.public_key(flow)) ? choose_next_hop<Key>(context, flow)
                                                             : DropReason::flow_table_full;
}

template <class Key>
void Pipeline::open_flow(
    Context& context, Packet& packet, const Headers& headers, const Key& key
) noexcept {
    FlowTable<Key>& table = flows<Key>();
    const auto direction = static_cast<Direction>(key.direction);
    Key private_key = key;
    private_key.direction = static_cast<std::uint8_t>(Direction::outbound);
    const std::uint16_t peer =
        peers_.of_frame(packet, headers.l3, context.snapshot.ports[packet.port].link);
    if (peer == kNoPeer) {
        drop_and_tell(context, packet, headers, DropReason::peer_table_full, kUnreachable);
        return;
    }
    const std::uint32_t flow = table.insert(private_key);
    if (flow == kNoFlow) {
        drop_and_tell(context, packet, headers, DropReason::flow_table_full, kUnreachable);
        return;
    }
    FlowState& state = table.hot(flow).state;
    state.peer = peer;
    begin_flow<Key>(context, packet, headers, flow, direction);
    const bool dns = is_dns(private_key);
    state.flags = dns ? std::uint8_t{kFlowDns} : state.flags;
    const bool each_by_itself = dns && direction == Direction::outbound;
    const bool inspects = (state.flags & kFlowInspect) != 0;
    // A datagram that opens a flow is its first payload: one judgement says all.
    const bool at_once = inspects && headers.protocol == kProtocolUdp &&
                         headers.payload_size != 0 && direction == Direction::outbound;
    const bool waiting = inspects && !at_once;
    Judgement judgement =
        each_by_itself ? Judgement{}
        : at_once
            ? judge_payload<Key>(context, packet, headers, flow)
            : judge<Key>(context, flow, waiting ? NameState::not_yet : NameState::none, {}, false);
    if (each_by_itself && deny_query<Key>(context, packet, headers, flow, judgement)) {
        if (state.verdict != Verdict::deny) {
            forget<Key>(context, flow);  // answered: there is nothing to remember
        }
        return;
    }
    if (at_once) {
        note_facts<Key>(flow);
    }
    if (!each_by_itself && judgement.verdict == Verdict::deny) {
        apply<Key>(context, flow, judgement, true);
        arm<Key>(flow);
        refuse<Key>(context, packet, headers, flow);
        return;
    }
    const DropReason trouble = give_way_back<Key>(context, flow);
    if (trouble != DropReason::none) {
        tell_unmapped<Key>(context, flow, trouble);
        forget<Key>(context, flow);
        drop_and_tell(context, packet, headers, trouble, kUnreachable);
        return;
    }
    if (each_by_itself) {
        note_query<Key>(context, headers, flow, judgement);
    } else {
        apply<Key>(context, flow, judgement, !waiting);
    }
    arm<Key>(flow);
    if (direction == Direction::inbound) {
        follow_inbound<Key>(context, packet, headers, flow);
    } else {
        proceed_outbound<Key>(context, packet, headers, flow);
    }
}

// A SYN that is not the one the flow began with: the workload's kernel uses a port pair again only
// when it holds the old connection for gone (RFC 6191), so it is gone here too. While the first SYN
// is unanswered a second one is only another try.
template <class Key>
bool Pipeline::begins_anew(
    const Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    const FlowState& state = flows<Key>().hot(flow).state;
    if (headers.protocol != kProtocolTcp ||
        (headers.tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) != kTcpSyn) {
        return false;
    }
    if ((state.flags & kFlowEnded) != 0) {
        return true;
    }
    switch (static_cast<TcpState>(state.tcp_state)) {
        case TcpState::closed:
        case TcpState::init:
            return false;
        case TcpState::both_fin:
        case TcpState::trans:
            return true;
        default:
            return classifier::load32(packet.data + headers.l4 + 4) !=
                   flows<Key>().cold(flow).syn_sequence;
    }
}

// Remembers the workload's latest SYN, and what the server's answer says it has of it.
template <class Key>
void Pipeline::note_handshake(
    const Context& context,
    const Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    if (headers.protocol != kProtocolTcp || (headers.tcp_flags & kTcpSyn) == 0) {
        return;
    }
    FlowCold& cold = flows<Key>().cold(flow);
    const bool acknowledges = (headers.tcp_flags & kTcpAck) != 0;
    if (direction == Direction::outbound && !acknowledges) {
        cold.syn_sequence = classifier::load32(packet.data + headers.l4 + 4);
    } else if (direction == Direction::inbound && acknowledges &&
               is_opening(flows<Key>().hot(flow).state) && !context.snapshot.behaviour.capture) {
        cold.first_sequence = classifier::load32(packet.data + headers.l4 + 8);
        cold.first_known = 1;
    }
}

// Only what the server will read first decides: not what comes with a SYN that it may ignore (RFC
// 7413), nor a segment from further on that another may precede. Captures lose packets and may show
// one side only, so there the first payload seen is the first.
template <class Key>
Pipeline::PayloadPlace Pipeline::place_of(
    const Context& context, const Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    if (headers.protocol != kProtocolTcp || context.snapshot.behaviour.capture) {
        return PayloadPlace::first;
    }
    if (is_opening(flows<Key>().hot(flow).state)) {
        return PayloadPlace::before_handshake;
    }
    const FlowCold& cold = flows<Key>().cold(flow);
    const std::uint32_t sequence = classifier::load32(packet.data + headers.l4 + 4);
    return cold.first_known != 0 && sequence != cold.first_sequence ? PayloadPlace::elsewhere
                                                                    : PayloadPlace::first;
}

// T3: a reload may say that the address a flow comes from is another pod's by now, or nobody's.
template <class Key>
bool Pipeline::has_new_owner(const Context& context, std::uint32_t flow) noexcept {
    const IpAddress inside = inside_of(flows<Key>().hot(flow).key);
    return context.snapshot.workloads->find(inside) != flows<Key>().cold(flow).workload;
}

// Ends a flow and lets the packet in hand begin a new one, with a mapping of its own.
template <class Key>
void Pipeline::open_again(
    Context& context, Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    const auto tcp_state = static_cast<TcpState>(flows<Key>().hot(flow).state.tcp_state);
    end_flow<Key>(
        context,
        flow,
        tcp_state == TcpState::trans      ? CloseReason::rst
        : tcp_state == TcpState::both_fin ? CloseReason::fin
                                          : CloseReason::replaced
    );
    const Key key = flows<Key>().hot(flow).key;
    forget<Key>(context, flow);
    if (may_open(context, packet, headers, key)) {
        open_flow(context, packet, headers, key);
    }
}

template <class Key>
void Pipeline::follow_outbound(
    Context& context, Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    FlowTable<Key>& table = flows<Key>();
    FlowState& state = table.hot(flow).state;
    if (begins_anew<Key>(packet, headers, flow)) {
        open_again<Key>(context, packet, headers, flow);
        return;
    }
    note_handshake<Key>(context, packet, headers, flow, Direction::outbound);
    if (headers.hop_limit <= 1) {
        drop_and_tell(context, packet, headers, DropReason::hop_limit, kTimeExceeded);
        return;
    }
    if (too_large(context, packet, headers, context.outside)) {
        return;
    }
    std::uint64_t station = 0;
    std::memcpy(
        &station, packet.data + 6, 8
    );  // headroom and headers: these bytes are always there
    if (packet.link == classifier::LinkType::ethernet && headers.l3 >= 14 &&
        !peers_.same_station(state.peer, station)) {
        const std::uint16_t peer =
            peers_.of_frame(packet, headers.l3, context.snapshot.ports[packet.port].link);
        state.peer = peer == kNoPeer ? state.peer : peer;
    }
    if (state.generation != context.snapshot.generation) {
        if (state.verdict == Verdict::deny || has_new_owner<Key>(context, flow)) {
            // Refused under an older snapshot, or begun by a pod that has lost this address since:
            // it may try as a new flow of whoever sends it now.
            open_again<Key>(context, packet, headers, flow);
            return;
        }
        rejudge<Key>(context, flow);
    }
    if (state.verdict == Verdict::deny) {
        refuse<Key>(context, packet, headers, flow);
        return;
    }
    if ((state.flags & kFlowDns) != 0) {
        Judgement judgement;
        if (deny_query<Key>(context, packet, headers, flow, judgement)) {
            return;
        }
        note_query<Key>(context, headers, flow, judgement);
    }
    proceed_outbound<Key>(context, packet, headers, flow);
}

// An outbound packet of a flow that is not denied: look at its payload if need be, count it, send
// it on.
template <class Key>
void Pipeline::proceed_outbound(
    Context& context, Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    const bool look = (state.flags & kFlowInspect) != 0 && headers.payload_size != 0;
    const PayloadPlace place =
        look ? place_of<Key>(context, packet, headers, flow) : PayloadPlace::elsewhere;
    if (place != PayloadPlace::elsewhere) {
        inspect<Key>(context, packet, headers, flow, place == PayloadPlace::first);
        if (state.verdict == Verdict::deny) {
            end_flow<Key>(context, flow, CloseReason::verdict);
            arm<Key>(flow);
            refuse<Key>(context, packet, headers, flow);
            return;
        }
        arm<Key>(flow);
    }
    track_tcp<Key>(context, headers, flow, Direction::outbound);
    count<Key>(context, headers, flow, Direction::outbound);
    translate<Key>(context, packet, headers, flow, Direction::outbound);
}

template <class Key>
void Pipeline::follow_inbound(
    Context& context, Packet& packet, const Headers& headers, std::uint32_t flow
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    if (is_icmp(headers.protocol) && !headers.icmp_reply && !context.snapshot.behaviour.capture) {
        drop(packet, DropReason::no_flow);
        return;
    }
    if (state.generation != context.snapshot.generation) {
        if (has_new_owner<Key>(context, flow)) {
            // The pod that asked for this is gone; the one that has its address did not.
            end_flow<Key>(context, flow, CloseReason::replaced);
            forget<Key>(context, flow);
            drop(packet, DropReason::no_flow);
            return;
        }
        rejudge<Key>(context, flow);
    }
    if (headers.hop_limit <= 1 && !context.snapshot.behaviour.capture) {
        drop(packet, DropReason::hop_limit);
        return;
    }
    if (too_large(context, packet, headers, peers_[state.peer].port)) {
        return;
    }
    note_handshake<Key>(context, packet, headers, flow, Direction::inbound);
    if (state.verdict != Verdict::deny && waits_for_name(state) && headers.payload_size != 0) {
        // The destination speaks first (SMTP, SSH, MySQL...): there is no name to wait for.
        decide_now<Key>(context, flow);
        arm<Key>(flow);
    }
    if (state.verdict == Verdict::deny) {
        refuse<Key>(context, packet, headers, flow, Direction::inbound);
        return;
    }
    if ((state.flags & kFlowDns) != 0 && headers.payload_size != 0) {
        classifier::classify_udp(
            {packet.data + headers.payload, headers.payload_size},
            byte_swap(headers.source_port),
            byte_swap(headers.destination_port),
            own_facts_
        );
        if (own_facts_.protocol == AppProtocol::dns && own_facts_.dns.is_response) {
            tell_dns<Key>(
                context,
                flow,
                headers,
                own_facts_,
                Judgement{
                    Verdict::allow,
                    flows<Key>().cold(flow).reason,
                    flows<Key>().cold(flow).rule,
                    false,
                    {}},
                true
            );
        }
    }
    track_tcp<Key>(context, headers, flow, Direction::inbound);
    count<Key>(context, headers, flow, Direction::inbound);
    translate<Key>(context, packet, headers, flow, Direction::inbound);
}

// A packet of a denied flow. The workload is answered each time; the destination is told once, if
// it has seen the flow, by whichever packet comes first after the verdict.
template <class Key>
void Pipeline::refuse(
    Context& context,
    Packet& packet,
    const Headers& headers,
    std::uint32_t flow,
    Direction direction
) noexcept {
    FlowCold& cold = flows<Key>().cold(flow);
    const DropReason reason =
        cold.drop_reason == DropReason::none ? DropReason::policy_denied : cold.drop_reason;
    const bool due = cold.reset_due != 0 && headers.protocol == kProtocolTcp;
    if (cold.deny_mode == DenyMode::silent || (direction == Direction::inbound && !due)) {
        drop(packet, reason);
        return;
    }
    if (due) {
        cold.reset_due = 0;
        pass_reset<Key>(context, packet, headers, flow, direction);
    }
    if (headers.protocol == kProtocolTcp) {
        leave(reason);
        answer_reset(context, packet, headers);
        return;
    }
    drop_and_tell(context, packet, headers, reason, kProhibited);
}

template <class Key>
void Pipeline::track_tcp(
    Context& context, const Headers& headers, std::uint32_t flow, Direction direction
) noexcept {
    if (headers.protocol != kProtocolTcp) {
        return;
    }
    FlowState& state = flows<Key>().hot(flow).state;
    const bool client = direction == Direction::outbound;
    TcpInput input = TcpInput::other;
    if ((headers.tcp_flags & kTcpRst) != 0) {
        input = TcpInput::reset;
    } else if ((headers.tcp_flags & kTcpSyn) != 0) {
        input = client ? TcpInput::client_syn : TcpInput::server_syn;
    } else if ((headers.tcp_flags & kTcpFin) != 0) {
        input = client ? TcpInput::client_fin : TcpInput::server_fin;
    }
    const auto before = static_cast<TcpState>(state.tcp_state);
    const TcpState after = tcp_next(before, input);
    state.tcp_flags |= headers.tcp_flags;
    if (before == TcpState::init && input == TcpInput::reset) {
        flows<Key>().cold(flow).close_reason =
            CloseReason::rst;  // refused: told as ended soon, port kept
        arm<Key>(flow);
    }
    if (after == before) {
        return;
    }
    state.tcp_state = static_cast<std::uint8_t>(after);
    FlowCold& cold = flows<Key>().cold(flow);
    if (after == TcpState::both_fin || after == TcpState::trans) {
        cold.close_reason = after == TcpState::trans ? CloseReason::rst : CloseReason::fin;
        // The closing timer runs from here, and no packet may slip by it on the fast path.
        state.last_seen_ns = context.now.monotonic_ns;
        state.flags = static_cast<std::uint8_t>(state.flags & ~kFlowSettled);
    } else if (after == TcpState::established) {
        cold.close_reason = CloseReason::none;
        if ((state.flags & kFlowStarted) != 0) {
            settle<Key>(context, flow);
        }
    }
    arm<Key>(flow);
}

// Data on a flow that was told as ended: after a RST that nobody believed, or FINs that were not
// the last word. What follows is told as a flow of its own, so that every byte is in some event.
template <class Key>
void Pipeline::tell_again(Context& context, std::uint32_t flow) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    cold.flow_id = next_flow_id();
    cold.start_wall_ns = context.now.wall_ns;
    cold.wall_offset_ns = context.now.wall_ns - context.now.monotonic_ns;
    cold.packets_out = cold.bytes_out = cold.packets_in = cold.bytes_in = 0;
    state.packets_out = state.bytes_out = state.packets_in = state.bytes_in = 0;
    cold.close_reason = static_cast<TcpState>(state.tcp_state) == TcpState::both_fin
                            ? CloseReason::fin
                            : CloseReason::none;
    state.flags = static_cast<std::uint8_t>(state.flags & ~kFlowEnded);
    counters_.flows_created.add(1);
    tell_flow<Key>(context, flow, EventKind::flow_start);
    settle<Key>(context, flow);
    arm<Key>(flow);
}

template <class Key>
void Pipeline::count(
    Context& context, const Headers& headers, std::uint32_t flow, Direction direction
) noexcept {
    FlowState& state = flows<Key>().hot(flow).state;
    FlowCold& cold = flows<Key>().cold(flow);
    if ((state.flags & kFlowEnded) != 0 && headers.payload_size != 0) {
        tell_again<Key>(context, flow);
    }
    cold.packets_out += state.packets_out;
    cold.bytes_out += state.bytes_out;
    cold.packets_in += state.packets_in;
    cold.bytes_in += state.bytes_in;
    state.packets_out = 0;
    state.bytes_out = 0;
    state.packets_in = 0;
    state.bytes_in = 0;
    if (direction == Direction::outbound) {
        ++cold.packets_out;
        cold.bytes_out += headers.ip_size;
        if (static_cast<TcpState>(state.tcp_state) != TcpState::both_fin) {
            state.last_seen_ns = context.now.monotonic_ns;
        }
    } else {
        ++cold.packets_in;
        cold.bytes_in += headers.ip_size;
    }
    cold.last_any_ns = context.now.monotonic_ns;
}

template <class Key>
Timeout Pipeline::timeout_of(std::uint32_t flow) noexcept {
    const FlowHot<Key>& hot = flows<Key>().hot(flow);
    const FlowCold& cold = flows<Key>().cold(flow);
    if (hot.state.verdict == Verdict::deny) {
        // One that the destination had seen was reset: its port rests as after any RST.
        const bool reset = hot.key.protocol == kProtocolTcp && cold.packets_out != 0;
        return reset ? Timeout::tcp_closing : Timeout::denied;
    }
    if (hot.key.protocol != kProtocolTcp) {
        return (hot.state.flags & kFlowDns) != 0 ? Timeout::dns
               : is_icmp(hot.key.protocol)       ? Timeout::icmp
                                                 : Timeout::udp;
    }
    const bool ended = (hot.state.flags & kFlowEnded) != 0;
    switch (static_cast<TcpState>(hot.state.tcp_state)) {
        case TcpState::both_fin:
        case TcpState::trans:
            return ended ? Timeout::tcp_closing : Timeout::linger;
        case TcpState::established:
        case TcpState::client_fin:
        case TcpState::server_fin:
            return Timeout::tcp_established;
        case TcpState::closed:
        case TcpState::init:
            break;
    }
    return cold.close_reason == CloseReason::rst && !ended ? Timeout::linger : Timeout::tcp_opening;
}

template <class Key>
void Pipeline::arm(std::uint32_t flow) noexcept {
    std::uint32_t seconds = timeout_seconds(timeout_of<Key>(flow));
    const FlowState& state = flows<Key>().hot(flow).state;
    if (waits_for_name(state) && !is_opening(state)) {
        seconds = std::min(seconds, kDecideWithinSeconds);
    } else if (flow_update_seconds_ != 0) {
        seconds = std::min(seconds, flow_update_seconds_);
    }
    flows<Key>().arm(flow, seconds + 1);
}

#define SALLYPORT_INSTANTIATE(Key)                                      \
    template void Pipeline::attend<Key>(                                \
        Context&, Packet&, const Headers&, const Key&, std::uint32_t    \
    ) noexcept;                                                         \
    template Timeout Pipeline::timeout_of<Key>(std::uint32_t) noexcept; \
    template void Pipeline::arm<Key>(std::uint32_t) noexcept;
SALLYPORT_INSTANTIATE(FlowKey4)
SALLYPORT_INSTANTIATE(FlowKey6)
#undef SALLYPORT_INSTANTIATE

}  // namespace sallyport::dataplane
