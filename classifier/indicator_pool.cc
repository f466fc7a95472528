// SPDX-License-Identifier: Apache-2.0
#include "classifier/indicator_pool.h"

#include <algorithm>
#include <tuple>

namespace sallyport::classifier {
namespace {

// An allow entry speaks for every entry of its feed at the same key that matches no more than it
// does.
bool covers(const IndicatorRecord& allow, const IndicatorRecord& other) {
    return allow.action == static_cast<std::uint8_t>(FeedAction::allow) &&
           allow.feed == other.feed && allow.prefix_length == other.prefix_length &&
           (allow.type == other.type ||
            allow.type == static_cast<std::uint8_t>(IndicatorType::suffix));
}

bool repeats(const IndicatorRecord& first, const IndicatorRecord& second) {
    return first.feed == second.feed && first.type == second.type &&
           first.prefix_length == second.prefix_length;
}

}  // namespace

std::uint32_t IndicatorPool::add(const IndicatorRecord& record) {
    records_.push_back(record);
    return static_cast<std::uint32_t>(records_.size() - 1);
}

bool IndicatorPool::stronger(std::uint32_t left, std::uint32_t right) const {
    const auto rank = [this](std::uint32_t id) {
        const IndicatorRecord& record = records_[id];
        return std::tuple(-int{record.action}, -int{confidences_[record.feed]}, id);
    };
    return rank(left) < rank(right);
}

void IndicatorPool::drop(std::uint32_t id) {
    ++dropped_[records_[id].feed];
}

std::vector<std::uint32_t> IndicatorPool::ranked(std::span<const std::uint32_t> ids) {
    std::vector<std::uint32_t> sorted(ids.begin(), ids.end());
    std::ranges::sort(sorted, [this](std::uint32_t a, std::uint32_t b) { return stronger(a, b); });
    std::vector<std::uint32_t> kept;
    kept.reserve(sorted.size());
    for (const std::uint32_t id : sorted) {
        const bool redundant = std::ranges::any_of(kept, [&](std::uint32_t before) {
            return covers(records_[before], records_[id]) ||
                   repeats(records_[before], records_[id]);
        });
        if (redundant) {
            drop(id);
        } else {
            kept.push_back(id);
        }
    }
    return kept;
}

Target IndicatorPool::intern(std::span<const std::uint32_t> ids) {
    if (ids.empty()) {
        return {};
    }
    if (ids.size() == 1) {
        const IndicatorRecord& record = records_[ids[0]];
        return {ids[0], record.feed, record.type, record.action};
    }
    const std::string key(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
    const auto [place, fresh] =
        interned_.try_emplace(key, static_cast<Ref>(lists_.size()) | kListBit);
    if (fresh) {
        lists_.insert(lists_.end(), ids.begin(), ids.end());
        lists_.back() |= kListBit;
    }
    Target target;
    target.ref = place->second;
    return target;
}

Target IndicatorPool::resolve(std::span<const std::uint32_t> ids) {
    return ids.size() == 1 ? intern(ids) : intern(ranked(ids));
}

std::vector<TableEntry> table_entries(std::vector<KeyedIndicator>& items, IndicatorPool& pool) {
    std::ranges::sort(items, [](const KeyedIndicator& a, const KeyedIndicator& b) {
        return std::tie(a.fingerprint, a.id) < std::tie(b.fingerprint, b.id);
    });
    std::vector<TableEntry> entries;
    std::vector<std::uint32_t> ids;
    for (std::size_t i = 0; i < items.size();) {
        const std::uint64_t fingerprint = items[i].fingerprint;
        bool marked = false;
        ids.clear();
        for (; i < items.size() && items[i].fingerprint == fingerprint; ++i) {
            if (items[i].id == kNoRef) {
                marked = true;
            } else {
                ids.push_back(items[i].id);
            }
        }
        Target target = pool.resolve(ids);
        if (marked) {
            target.flags = static_cast<std::uint8_t>(target.flags | kHasChildren);
        }
        entries.push_back({fingerprint, target});
    }
    return entries;
}

}  // namespace sallyport::classifier
