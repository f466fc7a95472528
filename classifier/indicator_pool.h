// SPDX-License-Identifier: Apache-2.0
// The indicators of a database under construction, and the lists of those that share a key. Control
// side.
#pragma once

#include "classifier/threat_format.h"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace sallyport::classifier {

/// More would not fit beside kListBit in a Ref; memory ends long before.
inline constexpr std::uint32_t kIndicatorsMax = kListBit - 1;

class IndicatorPool {
public:
    /// Confidence of each feed, 0..100, by feed number.
    explicit IndicatorPool(std::vector<std::uint8_t> confidences)
        : confidences_(std::move(confidences)) {}

    /// The new indicator's id. At most kIndicatorsMax may be added.
    std::uint32_t add(const IndicatorRecord& record);

    /// Orders the indicators of one key strongest first (allow, deny, alert; then confidence; then
    /// the order of reading) and drops repeats inside a feed, as well as what an allow entry of the
    /// same feed covers.
    [[nodiscard]] std::vector<std::uint32_t> ranked(std::span<const std::uint32_t> ids);
    /// A target for `ids` as they stand; equal lists are kept once.
    Target intern(std::span<const std::uint32_t> ids);
    Target resolve(std::span<const std::uint32_t> ids);

    [[nodiscard]] const std::vector<IndicatorRecord>& records() const { return records_; }
    [[nodiscard]] const std::vector<std::uint32_t>& lists() const { return lists_; }
    /// Repeats that ranked() dropped, by feed number.
    [[nodiscard]] const std::vector<std::uint64_t>& dropped() const { return dropped_; }

private:
    [[nodiscard]] bool stronger(std::uint32_t left, std::uint32_t right) const;
    void drop(std::uint32_t id);

    std::vector<std::uint8_t> confidences_;
    std::vector<IndicatorRecord> records_;
    std::vector<std::uint32_t> lists_;
    std::unordered_map<std::string, Ref> interned_;
    std::vector<std::uint64_t> dropped_ = std::vector<std::uint64_t>(confidences_.size());
};

/// Fingerprint and indicator, before they are sorted into a table. `id` kNoRef: only marks the key.
struct KeyedIndicator {
    std::uint64_t fingerprint = 0;
    std::uint32_t id = kNoRef;
};

/// Table entries of `items` (sorted in place): one a fingerprint; marks become kHasChildren.
std::vector<TableEntry> table_entries(std::vector<KeyedIndicator>& items, IndicatorPool& pool);

}  // namespace sallyport::classifier
