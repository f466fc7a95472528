// SPDX-License-Identifier: Apache-2.0
// Theory of operation
//
// A flow is one entry, found by two tuples: the private one (pod, destination) that outbound
// packets carry, and the public one (egress address and port, destination) that replies carry.
//
//   bucket (one cache line)                          entries (one hot line each, a cold part
//   beside)
//   +-----------------+--------------------------+        +-------------------------------------+
//   | 8 tags x 16 bit | 8 slots: index + direction| -----> | private key, mapping, verdict, ...  |
//   +-----------------+--------------------------+        +-------------------------------------+
//
// A lookup reads one bucket; a tag that fits names the entry, whose line is read and compared. A
// tuple sits in its first bucket, or when that is full in its second (the first then counts one
// overflow, and only a bucket with overflows makes a lookup read the second line), or in a small
// stash. Inserting into two full buckets moves at most one tuple to its other bucket, so its cost
// is bounded; when that and the stash fail the flow is refused, counted as flow_table_full.
//
// Worked example: pod 10.42.1.5:40000 opens 198.51.100.7:443 and gets 192.0.2.16:2077. Private key
// {10.42.1.5, 198.51.100.7, 40000, 443, tcp, outbound} -> slot (17, outbound); public key
// {192.0.2.16, 198.51.100.7, 2077, 443, tcp, inbound} -> slot (17, inbound). Both find entry 17.
//
// Ageing: a wheel of kWheelSlots seconds, each a list of entry indices held in dense arrays. A
// packet only writes `last_seen_ns`; when the wheel reaches a flow it is either over, or put where
// its timeout really ends.
//
// Owned by one worker: no locks, nothing here is shared. All memory is taken in the constructor.
#pragma once

#include "gateway/dataplane/flow_hash.h"
#include "gateway/dataplane/large_array.h"
#include "gateway/model/event.h"
#include "gateway/model/flow_key.h"
#include "gateway/model/verdict.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <emmintrin.h>

namespace sallyport::dataplane {

inline constexpr std::uint32_t kNoFlow = 0xFFFFFFFFU;

/// Flag bits of FlowState::flags.
enum FlowFlag : std::uint8_t {
    kFlowSettled = 1,  ///< verdict allow and nothing left to look at: the fast path may take it
    kFlowInspect = 2,  ///< payload is still being looked at for a name
    kFlowStarted = 4,  ///< flow_start was written
    kFlowEnded = 8,    ///< flow_end was written; the mapping lives on
    kFlowDns = 16,     ///< every message is judged by itself
    kFlowTranslated = 32,
    kFlowServerFirst = 64,  ///< the destination sent payload before the workload did
};

/// What the fast path reads and writes; the first bytes of the hot entry are the private key.
struct FlowState {
    std::uint32_t nat_address = 0;  ///< raw; 0: not translated
    std::uint16_t nat_port = 0;     ///< raw
    std::uint16_t l3_delta = 0;     ///< RFC 1624 sum for the IPv4 header, outbound (inbound uses ~)
    std::uint16_t l4_delta = 0;     ///< for the transport checksum
    std::uint8_t flags = 0;         ///< FlowFlag
    std::uint8_t tcp_state = 0;     ///< TcpState
    std::uint32_t generation = 0;   ///< snapshot the verdict was made under
    std::uint64_t last_seen_ns = 0;  ///< monotonic; refreshed by outbound packets (RFC 4787 REQ-6)
    std::uint32_t packets_out = 0;
    std::uint32_t bytes_out = 0;  ///< flushed to the cold part before they can wrap
    std::uint32_t packets_in = 0;
    std::uint32_t bytes_in = 0;
    std::uint16_t next_hop = 0;  ///< NeighbourTable handle, towards the destination
    std::uint16_t peer = 0;      ///< PeerTable index, back to the workload
    std::uint8_t tcp_flags = 0;  ///< OR of all seen
    Verdict verdict = Verdict::undecided;
    std::uint16_t pool = kNoPool;
};
static_assert(sizeof(FlowState) == 48);

template <class Key>
struct alignas(64) FlowHot {
    Key key;  ///< private tuple; protocol 0 marks a free entry
    FlowState state;
};
static_assert(sizeof(FlowHot<FlowKey4>) == 64 && sizeof(FlowHot<FlowKey6>) == 128);

/// What only events and slow paths need.
struct FlowCold {
    std::uint64_t flow_id = 0;
    std::uint64_t start_wall_ns = 0;
    std::uint64_t wall_offset_ns = 0;  ///< wall minus monotonic at creation, to date `last_any_ns`
    std::uint64_t last_any_ns =
        0;  ///< monotonic, last packet of either side that took the slow path
    std::uint64_t packets_out = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t packets_in = 0;
    std::uint64_t bytes_in = 0;
    WorkloadId workload = kUnknownWorkload;
    std::uint32_t rule = kNoRule;
    std::uint32_t block = 0xFFFFFFFFU;  ///< NatTable block the mapping's port is in
    std::uint32_t name = 0xFFFFFFFFU;   ///< NameTable slot
    std::uint32_t updated_seconds = 0;  ///< monotonic; when the flow was last told
    std::uint32_t matches_seen = 0;     ///< fingerprint of the threat matches already told
    std::uint32_t syn_sequence = 0;  ///< of the workload's SYN: tells its retransmission from a new
                                     ///< connection
    std::uint32_t first_sequence = 0;  ///< where the server waits for the workload's first byte
    VerdictReason reason = VerdictReason::none;
    DenyMode deny_mode = DenyMode::none;
    DropReason drop_reason = DropReason::none;
    AppProtocol app_protocol = AppProtocol::none;
    NameSource name_source = NameSource::none;
    CloseReason close_reason = CloseReason::none;
    std::uint8_t first_known = 0;  ///< `first_sequence` is
    std::uint8_t name_invalid = 0;
    std::uint16_t tls_version = 0;
    std::uint16_t vlan = 0;
    std::uint8_t icmp_type = 0;
    std::uint8_t match_total = 0;
    std::uint8_t icmp_code = 0;
    std::uint8_t reset_due =
        0;                     ///< denied after both ends had seen it; the next packet resets them
    std::uint16_t egress = 0;  ///< index into Snapshot::egress, valid when `block` is
    ThreatMatch first_match;
};

/// Slots in the wheel, one a second: longer than the longest timer, TCP established 7 440 s (nat.md
/// section 2).
inline constexpr std::uint32_t kWheelSlots = 8192;

template <class Key>
class FlowTable {
public:
    using Hot = FlowHot<Key>;

    /// Room for `flows_max` flows; memory is touched here, so that packets meet no page fault.
    FlowTable(std::uint32_t flows_max, const FlowHashKey& hash_key);

    [[nodiscard]] std::uint64_t hash(const Key& key) const noexcept {
        return flow_hash(hash_key_, key);
    }
    void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&buckets_[bucket_of(hash)]);
    }

    /// First entry whose tag fits in the first bucket, for prefetching; kNoFlow when none does.
    [[nodiscard]] std::uint32_t candidate(std::uint64_t hash) const noexcept {
        const Bucket& bucket = buckets_[bucket_of(hash)];
        const unsigned mask = match_mask(bucket, tag_of(hash));
        return mask == 0 ? kNoFlow : bucket.slot[slot_of(mask)] >> 1U;
    }
    /// Entry of `key` (private or public as its direction says), kNoFlow when there is none.
    [[nodiscard]] std::uint32_t find(const Key& key, std::uint64_t hash) const noexcept;
    [[nodiscard]] std::uint32_t find(const Key& key) const noexcept { return find(key, hash(key)); }
    [[nodiscard]] bool matches(std::uint32_t flow, const Key& key) const noexcept {
        const bool outbound = key.direction == static_cast<std::uint8_t>(Direction::outbound);
        return (outbound ? hot_[flow].key : public_key(flow)) == key;
    }

    /// Has the lines fetched that the insertion after `others` further ones, and arm(), will write.
    void prefetch_free(std::uint32_t others) const noexcept {
        if (others >= free_count_) {
            return;
        }
        const std::uint32_t flow = free_[free_count_ - 1 - others];
        const auto* cold = reinterpret_cast<const std::uint8_t*>(&cold_[flow]);
        __builtin_prefetch(&hot_[flow], 1);
        for (std::size_t line = 0; line < sizeof(FlowCold); line += 64) {
            __builtin_prefetch(cold + line, 1);
        }
        __builtin_prefetch(&wheel_next_[flow], 1);
        __builtin_prefetch(&wheel_previous_[flow], 1);
        __builtin_prefetch(&wheel_slot_[flow], 1);
    }
    /// A free entry with `key` as private tuple, indexed by it; kNoFlow when the table is full.
    [[nodiscard]] std::uint32_t insert(const Key& key) noexcept;
    /// Indexes an entry by its public tuple too; false when there is no room.
    [[nodiscard]] bool insert_public(std::uint32_t flow, const Key& public_key) noexcept;
    /// Takes a flow out of index and wheel and frees its entry.
    void erase(std::uint32_t flow) noexcept;

    [[nodiscard]] Hot& hot(std::uint32_t flow) noexcept { return hot_[flow]; }
    [[nodiscard]] const Hot& hot(std::uint32_t flow) const noexcept { return hot_[flow]; }
    [[nodiscard]] FlowCold& cold(std::uint32_t flow) noexcept { return cold_[flow]; }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

    /// (Re)arms the flow to be looked at `seconds` from the wheel's now (1..kWheelSlots-1,
    /// clamped).
    void arm(std::uint32_t flow, std::uint32_t seconds) noexcept;
    /// Moves the wheel towards `now_seconds`, taking at most `due.size()` flows off it into `due`.
    /// The caller arms or erases each. Returns how many; the wheel does not pass a slot before it
    /// is empty.
    std::size_t advance(
        std::uint64_t now_seconds, std::uint32_t* due, std::size_t due_max
    ) noexcept;
    /// Next occupied entry at or after `flow`, kNoFlow at the end: for draining.
    [[nodiscard]] std::uint32_t next_used(std::uint32_t flow) const noexcept;

    [[nodiscard]] Key public_key(std::uint32_t flow) const noexcept {
        const Hot& entry = hot_[flow];
        Key key = entry.key;
        key.direction = static_cast<std::uint8_t>(Direction::inbound);
        if constexpr (std::is_same_v<Key, FlowKey4>) {
            if ((entry.state.flags & kFlowTranslated) != 0) {
                key.inside = entry.state.nat_address;
                key.inside_port = entry.state.nat_port;
            }
        }
        return key;
    }

private:
    static constexpr unsigned kSlots = 8;
    static constexpr std::size_t kStash = 64;
    struct alignas(64) Bucket {
        std::array<std::uint16_t, kSlots> tag;   ///< 0: free
        std::array<std::uint32_t, kSlots> slot;  ///< entry << 1 | direction
        std::uint16_t
            overflow;  ///< tuples that hash here but live in their second bucket or the stash
        std::array<std::uint8_t, 14> pad;
    };
    static_assert(sizeof(Bucket) == 64);
    struct Stashed {
        std::uint64_t hash = 0;
        std::uint32_t slot = 0;
        bool used = false;
    };

    [[nodiscard]] std::size_t bucket_of(std::uint64_t hash) const noexcept {
        return hash & bucket_mask_;
    }
    [[nodiscard]] static std::uint16_t tag_of(std::uint64_t hash) noexcept {
        const auto tag = static_cast<std::uint16_t>(hash >> 48U);
        return tag == 0 ? std::uint16_t{1} : tag;
    }
    [[nodiscard]] std::size_t second_bucket_of(std::uint64_t hash) const noexcept {
        return (hash ^ ((hash >> 32U) * 0x5bd1e995U | 1U)) & bucket_mask_;
    }
    static unsigned match_mask(const Bucket& bucket, std::uint16_t tag) noexcept {
        const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tag.data()));
        const __m128i wanted = _mm_set1_epi16(static_cast<short>(tag));
        return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi16(tags, wanted)));
    }
    static unsigned slot_of(unsigned mask) noexcept {
        return static_cast<unsigned>(std::countr_zero(mask)) >> 1U;
    }
    [[nodiscard]] std::uint32_t find_in(const Bucket& bucket, const Key& key, std::uint16_t tag)
        const noexcept;
    bool index(std::uint64_t hash, std::uint32_t slot) noexcept;
    bool put(Bucket& bucket, std::uint64_t hash, std::uint32_t slot) noexcept;
    void unindex(std::uint64_t hash, std::uint32_t slot) noexcept;
    bool displace_from(Bucket& bucket) noexcept;
    static bool take(Bucket& bucket, std::uint64_t hash, std::uint32_t slot) noexcept;
    void unlink(std::uint32_t flow) noexcept;

    FlowHashKey hash_key_;
    std::uint32_t capacity_;
    std::uint32_t size_ = 0;
    std::size_t bucket_mask_;
    LargeArray<Bucket> buckets_;
    LargeArray<Hot> hot_;
    LargeArray<FlowCold> cold_;
    LargeArray<std::uint32_t> free_;  ///< stack of free entries
    std::uint32_t free_count_;
    std::array<Stashed, kStash> stash_{};
    std::uint32_t stash_used_ = 0;
    LargeArray<std::uint32_t> wheel_next_;
    LargeArray<std::uint32_t> wheel_previous_;  ///< entry, or kNoFlow: head of `wheel_slot_`
    LargeArray<std::uint16_t> wheel_slot_;      ///< slot a flow is in, kWheelSlots: none
    std::array<std::uint32_t, kWheelSlots> wheel_head_{};
    std::uint64_t wheel_second_ = 0;
};

extern template class FlowTable<FlowKey4>;
extern template class FlowTable<FlowKey6>;

}  // namespace sallyport::dataplane
