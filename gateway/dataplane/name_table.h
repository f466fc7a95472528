// SPDX-License-Identifier: Apache-2.0
// Names of live flows, each kept once and counted. Owned by one worker, bounded: when it is full
// the flow goes unnamed in its later events (Counters::names_full) while verdict and first events
// still had the name.
#pragma once

#include "gateway/model/facts.h"
#include "gateway/model/keyed_hash.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace sallyport::dataplane {

inline constexpr std::uint32_t kNoName = 0xFFFFFFFFU;

class NameTable {
public:
    NameTable(std::uint32_t names_max, const HashKey& key);
    /// Slot of `name` with one more user; kNoName when full.
    [[nodiscard]] std::uint32_t hold(std::string_view name) noexcept;
    void release(std::uint32_t slot) noexcept;
    [[nodiscard]] std::string_view view(std::uint32_t slot) const noexcept {
        return slot == kNoName ? std::string_view{}
                               : std::string_view{entries_[slot].text.data(), entries_[slot].size};
    }
    [[nodiscard]] std::uint32_t size() const noexcept { return used_; }

private:
    struct Entry {
        std::uint32_t users = 0;
        std::uint32_t next = kNoName;  ///< chain of its bucket, or of the free list
        std::uint8_t size = 0;
        std::array<char, 255> text{};
    };
    [[nodiscard]] std::size_t bucket_of(std::string_view name) const noexcept;
    HashKey key_;
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> buckets_;
    std::uint32_t free_ = kNoName;
    std::uint32_t used_ = 0;
};

}  // namespace sallyport::dataplane
