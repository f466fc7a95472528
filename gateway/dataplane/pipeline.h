// SPDX-License-Identifier: Apache-2.0
// The packet's way. One Pipeline a worker; it owns the worker's flows, names and peers and shares
// nothing but the neighbour table, its counters and its event rings. `process` is the architecture
// diagram: every name in it is a stage. A settled flow's packet costs find_flows and translate; the
// rest are for misses, for flows that are still being looked at, and for flows judged under an
// older snapshot.
//
// All memory is taken in the constructor. Everything else is noexcept, allocates nothing, takes no
// lock, makes no system call.
#pragma once

#include "classifier/decode.h"
#include "gateway/dataplane/counters.h"
#include "gateway/dataplane/event_ring.h"
#include "gateway/dataplane/flow_table.h"
#include "gateway/dataplane/name_table.h"
#include "gateway/dataplane/nat_table.h"
#include "gateway/dataplane/neighbour_table.h"
#include "gateway/dataplane/packet.h"
#include "gateway/dataplane/peer_table.h"
#include "gateway/dataplane/snapshot.h"
#include "gateway/dataplane/tcp_state.h"
#include "gateway/model/facts.h"

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace sallyport::dataplane {

struct PipelineSettings {
    std::uint16_t worker = 0;
    std::uint16_t workers = 1;
    std::uint32_t flows_max = 1U << 16U;   ///< IPv4 flows of this worker
    std::uint32_t flows6_max = 1U << 13U;  ///< IPv6 flows of this worker
    std::uint32_t names_max = 1U << 14U;
    bool distribute = false;  ///< outbound flows are shared out by hash: the device does not steer
    std::uint64_t boot = 0;   ///< random per process start, part of every event id
    std::uint64_t seed = 0;  ///< of hash keys and port choice; 0: from the kernel (fixed in replay)
};

/// Seconds a flow may wait for its first payload before it is judged without a name and told.
inline constexpr std::uint32_t kDecideWithinSeconds = 5;

/// Ports a gateway may have.
inline constexpr std::size_t kPortsMax = 16;

/// The instant a burst is handled at.
struct Now {
    std::uint64_t monotonic_ns = 0;
    std::uint64_t wall_ns = 0;
    [[nodiscard]] std::uint64_t seconds() const noexcept { return monotonic_ns / 1'000'000'000U; }
};

/// Events of a worker: flows and DNS in one ring; threat, policy, NAT ledger and losses in a
/// reserved one.
struct EventRings {
    EventRing traffic{8192};
    EventRing security{2048};
};

/// An error a sender is told, by family: type and code, and the four bytes behind the checksum.
struct IcmpError {
    std::uint8_t type4 = 0;
    std::uint8_t code4 = 0;
    std::uint8_t type6 = 0;
    std::uint8_t code6 = 0;
    std::uint32_t rest = 0;  ///< host order
};
inline constexpr IcmpError kTimeExceeded{11, 0, 3, 0};
inline constexpr IcmpError kUnreachable{
    3, 1, 1, 3};  ///< RFC 6888 REQ-11b: soft, so TCP keeps trying
inline constexpr IcmpError kProhibited{3, 13, 1, 1};

class Pipeline {
public:
    Pipeline(
        const PipelineSettings& settings,
        PacketIo& io,
        NeighbourTable& neighbours,
        EventRings& events,
        Counters& counters
    );

    /// Takes a burst from receive to transmit or drop. Every packet leaves by one door.
    void process(Batch& batch, const Snapshot& snapshot, const Now& now) noexcept;
    /// Between bursts: ages flows, frees idle port blocks, asks for next hops, sends what waited
    /// for one.
    void housekeep(const Snapshot& snapshot, const Now& now) noexcept;
    /// Ends all flows with an event each (at most `flows_max` a call); true when none is left to
    /// tell.
    bool drain(const Snapshot& snapshot, const Now& now, std::size_t flows_most) noexcept;

    [[nodiscard]] const FlowTable<FlowKey4>& flows4() const noexcept { return flows4_; }
    [[nodiscard]] const FlowTable<FlowKey6>& flows6() const noexcept { return flows6_; }

private:
    // What a stage needs besides the packet; lives for one call of process or housekeep.
    struct Context {
        const Snapshot& snapshot;
        Now now;
        std::uint16_t outside = 0;                    ///< port, ports.size() when there is none
        std::uint64_t own_link = 0;                   ///< of the outside port, 48 bits
        std::array<bool, kPortsMax> inside{};         ///< by port
        std::array<std::uint64_t, kPortsMax> link{};  ///< our address on each port, 48 bits
        std::uint64_t link_mask = 0;     ///< 0: frames to any station are taken (captures)
        std::uint32_t mtu_min = 0xFFFF;  ///< a packet up to this fits every port

        // A frame on Ethernet that is addressed to us; its first eight bytes are there.
        [[nodiscard]] bool is_for_us(const Packet& packet) const noexcept {
            std::uint64_t destination = 0;
            std::memcpy(&destination, packet.data, 8);
            return (destination & link_mask) == link[packet.port];
        }
    };
    template <class Key>
    // Only the first `size` of each are read, and clearing them costs time every burst.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    struct Lookup {
        std::array<Key, kBatchSize> key;
        std::array<std::uint64_t, kBatchSize> hash;
        std::array<std::uint32_t, kBatchSize> flow;
        std::array<classifier::PlainBrief, kBatchSize> brief;  ///< IPv4; 0: see the headers
        std::array<std::uint8_t, kBatchSize> packet;           ///< index into the batch
        std::size_t size = 0;
    };
    // A flow being judged, with what is known about its destination.
    struct Judgement {
        Verdict verdict = Verdict::undecided;
        VerdictReason reason = VerdictReason::none;
        std::uint32_t rule = kNoRule;
        bool log = false;
        ThreatMatches matches;
    };

    template <class Key>
    [[nodiscard]] FlowTable<Key>& flows() noexcept {
        if constexpr (std::is_same_v<Key, FlowKey4>) {
            return flows4_;
        } else {
            return flows6_;
        }
    }

    // pipeline.cc: decode, find_flows, translate
    void decode(Context& context, Batch& batch) noexcept;
    template <class Key>
    void find_flows(const Context& context, Batch& batch, Lookup<Key>& lookup) noexcept;
    template <class Key>
    void find_open(const Context& context, Batch& batch, Lookup<Key>& lookup) noexcept;
    template <class Key>
    void resolve(Context& context, Batch& batch, Lookup<Key>& lookup) noexcept;
    [[nodiscard]] Context context_of(const Snapshot& snapshot, const Now& now) const noexcept;
    void decode_any(Context& context, Batch& batch, std::size_t i) noexcept;
    template <class Key>
    void look_up(Lookup<Key>& lookup, const Key& key, std::uint8_t packet) noexcept;
    bool forward_settled(
        Context& context,
        Packet& packet,
        classifier::PlainBrief brief,
        FlowHot<FlowKey4>& flow,
        std::uint8_t direction
    ) noexcept;
    template <class Key>
    [[nodiscard]] Key key_of(
        const Packet& packet, const classifier::Headers& headers, Direction direction
    ) const noexcept;
    template <class Key>
    [[nodiscard]] std::uint32_t orient(
        const Context& context, const Packet& packet, const classifier::Headers& headers, Key& key
    ) noexcept;
    [[nodiscard]] static bool comes_from_outside(
        const Context& context,
        const classifier::Headers& headers,
        const IpAddress& source,
        const IpAddress& destination
    ) noexcept;
    [[nodiscard]] std::uint16_t owner_of(const Context& context, const FlowKey4& key)
        const noexcept;
    [[nodiscard]] bool give_away(const Packet& packet, std::uint16_t owner) noexcept;
    [[nodiscard]] bool hand_over(
        Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        Direction direction
    ) noexcept;
    template <class Key>
    void translate(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    void send(Packet& packet) noexcept {
        out_[out_size_++] = &packet;
        out_bytes_ += packet.size;
        if (out_size_ == out_.size()) [[unlikely]] {
            flush_transmit();
        }
    }
    void send_own(Packet& packet) noexcept;
    [[nodiscard]] Packet& keep(const Packet& packet) noexcept;
    void leave(DropReason reason) noexcept {
        ++drops_[static_cast<std::size_t>(reason)];
        dropped_any_ = true;
    }
    void flush_transmit() noexcept;
    [[nodiscard]] bool doors_agree() const noexcept;
    void drop(const Packet& packet, DropReason reason) noexcept;
    void give_up(const Packet& packet) noexcept;
    void put_link_header(Packet& packet, std::size_t l3, const LinkHeader& header) noexcept;

    // judge.cc: attribute, classify, match, decide
    template <class Key>
    void attend(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        const Key& key,
        std::uint32_t flow
    ) noexcept;
    template <class Key>
    [[nodiscard]] DropReason give_way_back(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void open_flow(
        Context& context, Packet& packet, const classifier::Headers& headers, const Key& key
    ) noexcept;
    template <class Key>
    void begin_flow(
        const Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    template <class Key>
    void follow_outbound(
        Context& context, Packet& packet, const classifier::Headers& headers, std::uint32_t flow
    ) noexcept;
    template <class Key>
    void follow_inbound(
        Context& context, Packet& packet, const classifier::Headers& headers, std::uint32_t flow
    ) noexcept;
    template <class Key>
    [[nodiscard]] Judgement judge(
        const Context& context,
        std::uint32_t flow,
        policy::NameState name_state,
        std::string_view name,
        bool name_invalid,
        const classifier::NameSteps* steps = nullptr
    ) noexcept;
    [[nodiscard]] FeedAction match_feeds(
        const Snapshot& snapshot,
        const policy::Question& question,
        const classifier::NameSteps* steps,
        ThreatMatches& matches
    ) const noexcept;
    static void classify(
        const Packet& packet, const classifier::Headers& headers, Facts& facts
    ) noexcept;
    template <class Key>
    void read_ahead(
        const Context& context,
        Batch& batch,
        Lookup<Key>& lookup,
        std::span<const std::uint8_t> open
    ) noexcept;
    void read_payload(const Packet& packet, const classifier::Headers& headers) noexcept;
    template <class Key>
    void rejudge(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    [[nodiscard]] Judgement judge_query(
        const Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow
    ) noexcept;
    template <class Key>
    [[nodiscard]] bool deny_query(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Judgement& judgement
    ) noexcept;
    template <class Key>
    [[nodiscard]] bool may_open(
        Context& context, Packet& packet, const classifier::Headers& headers, const Key& key
    ) noexcept;
    template <class Key>
    [[nodiscard]] bool begins_anew(
        const Packet& packet, const classifier::Headers& headers, std::uint32_t flow
    ) noexcept;
    template <class Key>
    void open_again(
        Context& context, Packet& packet, const classifier::Headers& headers, std::uint32_t flow
    ) noexcept;
    template <class Key>
    void note_handshake(
        const Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    // Which part of what the workload says a payload is.
    enum class PayloadPlace : std::uint8_t { before_handshake, first, elsewhere };
    template <class Key>
    [[nodiscard]] PayloadPlace place_of(
        const Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow
    ) noexcept;
    template <class Key>
    [[nodiscard]] bool has_new_owner(const Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void decide_now(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void proceed_outbound(
        Context& context, Packet& packet, const classifier::Headers& headers, std::uint32_t flow
    ) noexcept;
    template <class Key>
    [[nodiscard]] Judgement judge_payload(
        const Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow
    ) noexcept;
    template <class Key>
    void note_facts(std::uint32_t flow) noexcept;
    template <class Key>
    void inspect(
        Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        bool decides
    ) noexcept;
    template <class Key>
    void note_query(
        Context& context,
        const classifier::Headers& headers,
        std::uint32_t flow,
        const Judgement& judgement
    ) noexcept;
    template <class Key>
    void apply(
        Context& context, std::uint32_t flow, const Judgement& judgement, bool final
    ) noexcept;
    template <class Key>
    void settle(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void refuse(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction = Direction::outbound
    ) noexcept;
    template <class Key>
    void track_tcp(
        Context& context,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    template <class Key>
    void count(
        Context& context,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    template <class Key>
    void tell_again(Context& context, std::uint32_t flow) noexcept;
    // A flow whose first judgement still waits for a name; later ones only look out for it.
    [[nodiscard]] static bool waits_for_name(const FlowState& state) noexcept {
        return (state.flags & (kFlowInspect | kFlowStarted)) == kFlowInspect;
    }
    // Decided, but the workload's first payload will be looked at all the same when it comes.
    static void keep_inspecting(FlowState& state) noexcept {
        state.flags = static_cast<std::uint8_t>((state.flags & ~kFlowSettled) | kFlowInspect);
    }
    // A TCP flow whose handshake is not over: a name cannot come yet.
    [[nodiscard]] static bool is_opening(const FlowState& state) noexcept {
        return static_cast<TcpState>(state.tcp_state) == TcpState::init;
    }
    [[nodiscard]] std::uint64_t next_flow_id() noexcept {
        return (static_cast<std::uint64_t>(settings_.worker) << 48U) | ++flow_serial_;
    }
    template <class Key>
    [[nodiscard]] Timeout timeout_of(std::uint32_t flow) noexcept;
    template <class Key>
    void arm(std::uint32_t flow) noexcept;

    // map.cc: mappings and next hops
    [[nodiscard]] static std::uint32_t egress_of(
        const Context& context, WorkloadId workload
    ) noexcept;
    void prepare_flows(const Context& context, std::span<const std::uint8_t> fresh) noexcept;
    [[nodiscard]] std::uint16_t random_port(
        const AddressPorts& ports, std::uint32_t block
    ) noexcept;
    [[nodiscard]] DropReason map(
        Context& context, std::uint32_t flow, WorkloadId workload
    ) noexcept;
    [[nodiscard]] std::uint32_t choose_port(
        Context& context,
        AddressPorts& ports,
        std::uint16_t pool,
        WorkloadId workload,
        FlowKey4& public_key,
        std::uint32_t& block
    ) noexcept;
    [[nodiscard]] std::uint32_t try_ports(
        const AddressPorts& ports, std::uint32_t block, FlowKey4& public_key
    ) noexcept;
    [[nodiscard]] std::uint32_t scan_ports(
        const AddressPorts& ports,
        std::uint32_t block,
        FlowKey4& public_key,
        std::uint32_t& offset,
        std::uint32_t most
    ) noexcept;
    [[nodiscard]] std::uint32_t find_any_port(
        const AddressPorts& ports, std::uint32_t& block, FlowKey4& public_key, WorkloadId workload
    ) noexcept;
    template <class Key>
    [[nodiscard]] DropReason choose_next_hop(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void forget(Context& context, std::uint32_t flow) noexcept;

    // respond.cc: packets of our own
    void answer_reset(
        Context& context, Packet& packet, const classifier::Headers& headers
    ) noexcept;
    template <class Key>
    void pass_reset(
        Context& context,
        const Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;
    void drop_and_tell(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        DropReason reason,
        const IcmpError& error
    ) noexcept;
    [[nodiscard]] bool too_large(
        Context& context, Packet& packet, const classifier::Headers& headers, std::size_t port
    ) noexcept;
    [[nodiscard]] bool answer_icmp_error(
        Context& context, Packet& packet, const classifier::Headers& headers, const IcmpError& error
    ) noexcept;
    void answer_dns(
        Context& context, Packet& packet, const classifier::Headers& headers, const Facts& facts
    ) noexcept;
    void answer_echo(Context& context, Packet& packet, const classifier::Headers& headers) noexcept;
    void refill_icmp_tokens(const Now& now) noexcept;
    void turn_around(Context& context, Packet& packet, const classifier::Headers& headers) noexcept;
    [[nodiscard]] IpAddress own_address(const Context& context, std::uint16_t port, IpFamily family)
        const noexcept;
    [[nodiscard]] bool is_own_address(
        const Context& context, std::uint16_t port, const IpAddress& address
    ) const noexcept;

    // neighbours.cc: ARP and neighbour discovery
    void neighbour_message(
        Context& context, Packet& packet, const classifier::Headers& headers
    ) noexcept;
    void arp(Context& context, Packet& packet, std::size_t l3) noexcept;
    void neighbour_discovery(
        Context& context, Packet& packet, const classifier::Headers& headers
    ) noexcept;
    void ask(Context& context, std::uint16_t neighbour) noexcept;
    void wait_for_neighbour(
        Context& context, const Packet& packet, std::uint16_t neighbour
    ) noexcept;
    void retry_waiting(Context& context) noexcept;

    // icmp_error.cc: errors from outside about flows of ours
    void icmp_error(Context& context, Packet& packet, const classifier::Headers& headers) noexcept;
    void forward_error(
        Context& context,
        Packet& packet,
        const classifier::Headers& headers,
        std::uint32_t flow,
        Direction direction
    ) noexcept;

    // record.cc: events
    [[nodiscard]] Event* begin_event(const Context& context, EventKind kind) noexcept;
    void end_event() noexcept;
    void tell_losses(
        EventRing& ring, std::size_t which, const Now& now, std::uint32_t generation
    ) noexcept;
    template <class Key>
    void describe(Event& event, const Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void tell_flow(const Context& context, std::uint32_t flow, EventKind kind) noexcept;
    template <class Key>
    void tell_unmapped(const Context& context, std::uint32_t flow, DropReason trouble) noexcept;
    template <class Key>
    void tell_denied(
        const Context& context, std::uint32_t flow, const Judgement& judgement
    ) noexcept;
    template <class Key>
    void tell_matches(
        const Context& context, std::uint32_t flow, const Judgement& judgement
    ) noexcept;
    template <class Key>
    void tell_dns(
        const Context& context,
        std::uint32_t flow,
        const classifier::Headers& headers,
        const Facts& facts,
        const Judgement& judgement,
        bool answer
    ) noexcept;
    void tell_block(const Context& context, const BlockChange& change, EventKind kind) noexcept;

    // housekeep.cc
    template <class Key>
    void age(Context& context, std::size_t most) noexcept;
    template <class Key>
    void tell_update(const Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void visit_due(Context& context, std::uint32_t flow) noexcept;
    template <class Key>
    void end_flow(Context& context, std::uint32_t flow, CloseReason reason) noexcept;

    PipelineSettings settings_;
    PacketIo& io_;
    NeighbourTable& neighbours_;
    EventRings& events_;
    Counters& counters_;
    FlowTable<FlowKey4> flows4_;
    FlowTable<FlowKey6> flows6_;
    NameTable names_;
    PeerTable peers_;
    PortRandom random_;
    Facts own_facts_;
    const Facts* facts_ = nullptr;                  ///< of the packet in hand: read_payload()
    const classifier::NameSteps* steps_ = nullptr;  ///< of its name; null: not begun yet
    struct Ahead {
        Facts facts;
        classifier::NameSteps steps;
    };
    std::array<Ahead, 16> ahead_;          ///< payloads read before their turn; more are read at it
    std::uint8_t ahead_size_ = 0;          ///< of the burst
    std::uint32_t payloads_read_ = 0;      ///< of workloads, in the burst
    std::uint32_t read_ahead_bursts_ = 0;  ///< bursts in which payloads are still read ahead
    Lookup<FlowKey4> lookup4_;
    Lookup<FlowKey6> lookup6_;
    // What was found out about a packet before its turn came.
    struct Prepared {
        bool attributed = false;  ///< `workload` is known
        std::uint8_t ahead = 0;   ///< 1 + index into `ahead_`; 0: its payload was not read
        std::uint16_t port = 0;   ///< drawn from `block`
        WorkloadId workload = kUnknownWorkload;
        std::uint32_t block = kNoBlock;  ///< kNoBlock: no port was drawn
    };
    bool prepared_any_ = false;
    std::array<Prepared, kBatchSize> prepared_{};  ///< by place in the batch, blank between bursts
    Prepared in_hand_;                             ///< of the packet being resolved
    std::array<Packet*, kBatchSize> out_{};        ///< to transmit at the end of the burst
    std::size_t out_size_ = 0;
    std::uint64_t out_bytes_ = 0;
    std::array<Packet, kBatchSize> kept_;  ///< packets of `out_` that stand in no batch
    std::size_t kept_size_ = 0;
    bool dropped_any_ = false;                             ///< `drops_` has something to publish
    std::array<std::uint32_t, kDropReasonCount> drops_{};  ///< of the burst, published at its end
    std::uint32_t made_here_ = 0;  ///< packets of the burst that answer or originate
    std::uint64_t sequence_ = 0;
    std::uint64_t flow_serial_ = 0;
    struct Loss {
        std::uint64_t count = 0;
        std::uint64_t first_sequence = 0;
        std::uint64_t last_sequence = 0;
        std::uint64_t first_ns = 0;
    };
    std::array<Loss, 2> losses_;  ///< of the traffic and the security ring
    Event scratch_event_;         ///< filled and thrown away while a ring is full
    EventRing* open_ring_ = nullptr;
    struct Waiting {
        Packet packet;
        std::uint16_t neighbour = kNoNeighbour;
        std::uint64_t deadline_ns = 0;
        bool used = false;
    };
    std::array<Waiting, 256> waiting_;  ///< packets whose next hop is being asked for
    std::size_t waiting_used_ = 0;
    std::uint32_t flow_update_seconds_ = 0;  ///< of the snapshot in hand
    std::uint32_t rejudge_budget_ = 0;       ///< flows that may still be judged again in this burst
    std::uint64_t icmp_tokens_ = 0;
    std::uint64_t icmp_refilled_ns_ = 0;
    std::uint64_t second_ = 0;
    std::uint64_t unmapped_second_ = 0;  ///< in which `unmapped_told_` were told
    std::uint32_t unmapped_told_ = 0;
    std::uint32_t sweep_address_ = 0;
    // Destinations for which every port of a workload is being asked, or was in vain. All 64 512
    // take milliseconds, so it is done over several bursts, and once until one has been given back.
    struct Search {
        FlowKey4 key;  ///< public, without the port
        WorkloadId workload = kUnknownWorkload;
        std::uint64_t removals = 0;  ///< AddressPorts::removals() when `asked` was begun
        std::uint64_t asked = 0;     ///< ports since
        std::uint32_t block = kNoBlock;
        std::uint32_t offset = 0;  ///< of the next port in `block`
    };
    std::array<Search, 64> searches_;
    std::uint32_t scan_budget_ = 0;  ///< ports that may still be asked one by one in this burst
    std::uint32_t drain_at4_ = 0;
    std::uint32_t drain_at6_ = 0;
};

}  // namespace sallyport::dataplane
