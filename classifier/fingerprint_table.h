// SPDX-License-Identifier: Apache-2.0
// The one hash table of the threat database: keyed 64-bit fingerprints in buckets of a cache line,
// at most 0.65 full, never changed once built. Keys themselves are not kept: with 10^7 entries
// under a secret key a foreign key passes for a listed one with probability 10^7 / 2^64 a lookup.
#pragma once

#include "classifier/threat_format.h"

#include <cstdint>
#include <span>
#include <vector>

namespace sallyport::classifier {

/// Buckets beyond the first that a lookup may walk; a file that asks for more is refused. At load
/// 0.65 the longest walk of 10^7 random fingerprints stays below 20.
inline constexpr std::uint32_t kProbeMax = 64;

/// View of a table inside an image; workers read it without locks.
class FingerprintTable {
public:
    FingerprintTable() = default;
    FingerprintTable(std::span<const TableBucket> buckets, std::uint32_t probe_max) noexcept
        : buckets_(buckets),
          probe_max_(probe_max) {}

    /// Null when the fingerprint is not there. Never 0 as argument: see fingerprint_of().
    [[nodiscard]] const Target* find(std::uint64_t fingerprint) const noexcept {
        if (buckets_.empty()) {
            return nullptr;
        }
        std::size_t at = first_bucket(fingerprint, buckets_.size());
        for (std::uint32_t probe = 0; probe <= probe_max_; ++probe) {
            for (const TableEntry& entry : buckets_[at].entries) {
                if (entry.fingerprint == fingerprint) {
                    return &entry.target;
                }
            }
            // Places of a bucket are taken in order, so a free last one ends every walk through it.
            if (buckets_[at].entries.back().fingerprint == 0) {
                return nullptr;
            }
            at = at + 1 == buckets_.size() ? 0 : at + 1;
        }
        return nullptr;
    }
    void prefetch(std::uint64_t fingerprint) const noexcept {
        if (!buckets_.empty()) {
            __builtin_prefetch(&buckets_[first_bucket(fingerprint, buckets_.size())]);
        }
    }
    [[nodiscard]] bool empty() const noexcept { return buckets_.empty(); }
    [[nodiscard]] std::span<const TableBucket> buckets() const noexcept { return buckets_; }

    /// Spreads by the upper half, so any number of buckets will do, not only powers of two.
    static std::size_t first_bucket(std::uint64_t fingerprint, std::size_t buckets) noexcept {
        return static_cast<std::size_t>(((fingerprint >> 32U) * buckets) >> 32U);
    }

private:
    std::span<const TableBucket> buckets_;
    std::uint32_t probe_max_ = 0;
};

/// A hash as a fingerprint: 0 is taken for "free".
constexpr std::uint64_t fingerprint_of(std::uint64_t hash) noexcept {
    return hash == 0 ? 1 : hash;
}

struct BuiltTable {
    std::vector<TableBucket> buckets;
    std::uint32_t probe_max = 0;
};

/// `entries` hold each fingerprint once, none of them 0. Control side.
BuiltTable build_table(std::span<const TableEntry> entries);

}  // namespace sallyport::classifier
