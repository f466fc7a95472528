// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/flow_table.h"

#include <algorithm>

namespace sallyport::dataplane {
namespace {

// Two tuples a flow, eight slots a bucket, filled to 60 % at capacity (performance.md 5.2).
std::size_t bucket_count(std::uint32_t flows_max) {
    const std::size_t slots = static_cast<std::size_t>(flows_max) * 2 * 10 / 6;
    return std::bit_ceil(std::max<std::size_t>(slots / 8, 8));
}

}  // namespace

template <class Key>
FlowTable<Key>::FlowTable(std::uint32_t flows_max, const FlowHashKey& hash_key)
    : hash_key_(hash_key),
      capacity_(flows_max),
      bucket_mask_(bucket_count(flows_max) - 1),
      buckets_(bucket_count(flows_max)),
      hot_(flows_max),
      cold_(flows_max),
      free_(flows_max),
      free_count_(flows_max),
      wheel_next_(flows_max),
      wheel_previous_(flows_max),
      wheel_slot_(flows_max) {
    for (std::uint32_t i = 0; i < flows_max; ++i) {
        free_[i] = flows_max - 1 - i;
        wheel_slot_[i] = kWheelSlots;
    }
    wheel_head_.fill(kNoFlow);
}

template <class Key>
std::uint32_t FlowTable<Key>::find_in(const Bucket& bucket, const Key& key, std::uint16_t tag)
    const noexcept {
    for (unsigned mask = match_mask(bucket, tag); mask != 0;) {
        const unsigned slot = slot_of(mask);
        const std::uint32_t flow = bucket.slot[slot] >> 1U;
        if ((bucket.slot[slot] & 1U) == key.direction && matches(flow, key)) {
            return flow;
        }
        mask &= ~(3U << (slot * 2));
    }
    return kNoFlow;
}

template <class Key>
std::uint32_t FlowTable<Key>::find(const Key& key, std::uint64_t hash) const noexcept {
    const std::uint16_t tag = tag_of(hash);
    const Bucket& first = buckets_[bucket_of(hash)];
    const std::uint32_t flow = find_in(first, key, tag);
    if (flow != kNoFlow || first.overflow == 0) {
        return flow;
    }
    const std::uint32_t other = find_in(buckets_[second_bucket_of(hash)], key, tag);
    if (other != kNoFlow || stash_used_ == 0) {
        return other;
    }
    for (const Stashed& stashed : stash_) {
        if (stashed.used && stashed.hash == hash && (stashed.slot & 1U) == key.direction &&
            matches(stashed.slot >> 1U, key)) {
            return stashed.slot >> 1U;
        }
    }
    return kNoFlow;
}

template <class Key>
bool FlowTable<Key>::put(Bucket& bucket, std::uint64_t hash, std::uint32_t slot) noexcept {
    const unsigned free = match_mask(bucket, 0);
    if (free == 0) {
        return false;
    }
    const unsigned i = slot_of(free);
    bucket.tag[i] = tag_of(hash);
    bucket.slot[i] = slot;
    return true;
}

template <class Key>
bool FlowTable<Key>::index(std::uint64_t hash, std::uint32_t slot) noexcept {
    Bucket& first = buckets_[bucket_of(hash)];
    if (put(first, hash, slot)) {
        return true;
    }
    if (first.overflow == 0xFFFF) {
        return false;
    }
    if (put(buckets_[second_bucket_of(hash)], hash, slot)) {
        ++first.overflow;
        return true;
    }
    if (displace_from(first) && put(first, hash, slot)) {
        return true;
    }
    for (Stashed& stashed : stash_) {
        if (!stashed.used) {
            stashed = {hash, slot, true};
            ++stash_used_;
            ++first.overflow;
            return true;
        }
    }
    return false;
}

// Moves one tuple of a full bucket to its other bucket, if one of the eight can go.
template <class Key>
bool FlowTable<Key>::displace_from(Bucket& bucket) noexcept {
    for (unsigned i = 0; i < kSlots; ++i) {
        const std::uint32_t slot = bucket.slot[i];
        const std::uint32_t flow = slot >> 1U;
        const std::uint64_t moved = hash((slot & 1U) == 0 ? hot_[flow].key : public_key(flow));
        Bucket& home = buckets_[bucket_of(moved)];
        const bool at_home = &home == &bucket;
        Bucket& other = at_home ? buckets_[second_bucket_of(moved)] : home;
        if (put(other, moved, slot)) {
            bucket.tag[i] = 0;
            home.overflow =
                static_cast<std::uint16_t>(at_home ? home.overflow + 1 : home.overflow - 1);
            return true;
        }
    }
    return false;
}

template <class Key>
bool FlowTable<Key>::take(Bucket& bucket, std::uint64_t hash, std::uint32_t slot) noexcept {
    for (unsigned mask = match_mask(bucket, tag_of(hash)); mask != 0;) {
        const unsigned i = slot_of(mask);
        if (bucket.slot[i] == slot) {
            bucket.tag[i] = 0;
            return true;
        }
        mask &= ~(3U << (i * 2));
    }
    return false;
}

template <class Key>
void FlowTable<Key>::unindex(std::uint64_t hash, std::uint32_t slot) noexcept {
    Bucket& first = buckets_[bucket_of(hash)];
    if (take(first, hash, slot)) {
        return;
    }
    if (take(buckets_[second_bucket_of(hash)], hash, slot)) {
        --first.overflow;
        return;
    }
    for (Stashed& stashed : stash_) {
        if (stashed.used && stashed.slot == slot) {
            stashed.used = false;
            --stash_used_;
            --first.overflow;
            return;
        }
    }
}

template <class Key>
std::uint32_t FlowTable<Key>::insert(const Key& key) noexcept {
    if (free_count_ == 0) {
        return kNoFlow;
    }
    const std::uint32_t flow = free_[free_count_ - 1];
    if (!index(hash(key), flow << 1U | key.direction)) {
        return kNoFlow;
    }
    --free_count_;
    ++size_;
    hot_[flow].key = key;
    hot_[flow].state = FlowState{};
    cold_[flow] = FlowCold{};
    return flow;
}

template <class Key>
bool FlowTable<Key>::insert_public(std::uint32_t flow, const Key& public_key) noexcept {
    return index(hash(public_key), flow << 1U | 1U);
}

template <class Key>
void FlowTable<Key>::erase(std::uint32_t flow) noexcept {
    unlink(flow);
    unindex(hash(hot_[flow].key), flow << 1U);
    unindex(hash(public_key(flow)), flow << 1U | 1U);
    hot_[flow].key = Key{};
    free_[free_count_++] = flow;
    --size_;
}

template <class Key>
void FlowTable<Key>::unlink(std::uint32_t flow) noexcept {
    if (wheel_slot_[flow] == kWheelSlots) {
        return;
    }
    const std::uint32_t next = wheel_next_[flow];
    const std::uint32_t previous = wheel_previous_[flow];
    if (previous == kNoFlow) {
        wheel_head_[wheel_slot_[flow]] = next;
    } else {
        wheel_next_[previous] = next;
    }
    if (next != kNoFlow) {
        wheel_previous_[next] = previous;
    }
    wheel_slot_[flow] = kWheelSlots;
}

template <class Key>
void FlowTable<Key>::arm(std::uint32_t flow, std::uint32_t seconds) noexcept {
    unlink(flow);
    const std::uint32_t ahead = std::clamp<std::uint32_t>(seconds, 1, kWheelSlots - 1);
    const auto slot = static_cast<std::uint16_t>((wheel_second_ + ahead) % kWheelSlots);
    const std::uint32_t head = wheel_head_[slot];
    wheel_slot_[flow] = slot;
    wheel_next_[flow] = head;
    wheel_previous_[flow] = kNoFlow;
    if (head != kNoFlow) {
        wheel_previous_[head] = flow;
    }
    wheel_head_[slot] = flow;
}

template <class Key>
std::size_t FlowTable<Key>::advance(
    std::uint64_t now_seconds, std::uint32_t* due, std::size_t due_max
) noexcept {
    if (wheel_second_ == 0 || now_seconds > wheel_second_ + kWheelSlots) {
        // First call, or a gap longer than the wheel: every list is due, walk one turn.
        wheel_second_ = now_seconds > kWheelSlots && wheel_second_ != 0 ? now_seconds - kWheelSlots
                                                                        : now_seconds;
    }
    std::size_t count = 0;
    while (count < due_max) {
        std::uint32_t& head = wheel_head_[wheel_second_ % kWheelSlots];
        if (head != kNoFlow) {
            const std::uint32_t flow = head;
            unlink(flow);
            __builtin_prefetch(&hot_[flow]);
            due[count++] = flow;
        } else if (wheel_second_ < now_seconds) {
            ++wheel_second_;
        } else {
            break;
        }
    }
    return count;
}

template <class Key>
std::uint32_t FlowTable<Key>::next_used(std::uint32_t flow) const noexcept {
    for (; flow < capacity_; ++flow) {
        if (hot_[flow].key.protocol != 0) {
            return flow;
        }
    }
    return kNoFlow;
}

template class FlowTable<FlowKey4>;
template class FlowTable<FlowKey6>;

}  // namespace sallyport::dataplane
