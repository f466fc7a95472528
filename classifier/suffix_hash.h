// SPDX-License-Identifier: Apache-2.0
// A million names, found by exact name and by suffix.
//
// Theory of operation. A name is walked from its top-level label down; each step hashes one more
// label under a key made of the secret key and the step before:
//
//   www.evil.example    h1 = hash(example)   h2 = hash(evil | h1)   h3 = hash(www | h2)
//
// Every listed name has an entry under its last step, and every suffix of a listed name an entry
// that says "has children". A step that finds no entry, or one without children, ends the walk. In
// front stands a filter of 12 bits an entry, small enough to stay in the cache, which knows nearly
// all steps that have no entry: a name that is not listed costs no line of the table, a listed one
// at most a line a label, fetched together.
#pragma once

#include "classifier/fingerprint_table.h"
#include "classifier/indicator_pool.h"
#include "gateway/model/facts.h"
#include "gateway/model/keyed_hash.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace sallyport::classifier {

/// A name of kNameBytesMax bytes has at most so many labels (RFC 1035: each at least a byte and a
/// dot).
inline constexpr std::size_t kLabelsMax = kNameBytesMax / 2 + 1;

/// Fingerprint of `label` below the name whose fingerprint is `parent` (0: below the root).
inline std::uint64_t extend_name(
    const HashKey& key, std::uint64_t parent, std::string_view label
) noexcept {
    return fingerprint_of(siphash13({key.k0 ^ parent, key.k1}, label.data(), label.size()));
}

/// The last label of `name` up to `end`: offset at which it begins.
inline std::size_t label_begin(std::string_view name, std::size_t end) noexcept {
    const void* dot = end == 0 ? nullptr : memrchr(name.data(), '.', end);
    return dot == nullptr
               ? 0
               : static_cast<std::size_t>(static_cast<const char*>(dot) - name.data()) + 1;
}

/// A Bloom filter whose three bits for a fingerprint stand in one word: about 2 of 100 foreign
/// fingerprints pass at 12 bits an entry.
class NameFilter {
public:
    NameFilter() = default;
    explicit NameFilter(std::span<const std::uint64_t> words) noexcept : words_(words) {}

    [[nodiscard]] bool may_hold(std::uint64_t fingerprint) const noexcept {
        const std::uint64_t mask = mask_of(fingerprint);
        return (words_[FingerprintTable::first_bucket(fingerprint, words_.size())] & mask) == mask;
    }
    static constexpr std::uint64_t mask_of(std::uint64_t fingerprint) noexcept {
        return 1ULL << (fingerprint & 63U) | 1ULL << ((fingerprint >> 6U) & 63U) |
               1ULL << ((fingerprint >> 12U) & 63U);
    }

private:
    std::span<const std::uint64_t> words_;  ///< not empty when there are names
};

class SuffixHash {
public:
    SuffixHash() = default;
    SuffixHash(FingerprintTable table, NameFilter filter, const HashKey& key) noexcept
        : table_(table),
          filter_(filter),
          key_(key) {}

    /// Calls `visit(target, offset)` for every entry with indicators on the way to `name`
    /// (canonical), the longest suffix first; `offset` is where in `name` the suffix begins.
    /// Allocates nothing.
    template <class Visit>
    void walk(std::string_view name, Visit&& visit) const noexcept;

    [[nodiscard]] const FingerprintTable& table() const noexcept { return table_; }

private:
    struct Step {
        std::uint64_t fingerprint;
        std::size_t begin;  ///< of its label
    };
    struct Hit {
        const Target* target;
        std::uint8_t offset;
    };
    static constexpr std::size_t kStepsAhead = 6;

    std::size_t take_steps(std::string_view name, std::size_t end, Step* steps) const noexcept;

    FingerprintTable table_;
    NameFilter filter_;
    HashKey key_;
};

// Up to kStepsAhead further steps (steps[0] holds the one before), as far as the filter lets them
// pass. Their lines are under way when the first is looked at.
inline std::size_t SuffixHash::take_steps(std::string_view name, std::size_t end, Step* steps)
    const noexcept {
    std::size_t taken = 0;
    std::uint64_t parent = steps[0].fingerprint;
    while (taken < kStepsAhead) {
        const std::size_t begin = label_begin(name, end);
        parent = extend_name(key_, parent, name.substr(begin, end - begin));
        if (!filter_.may_hold(parent)) {
            break;
        }
        table_.prefetch(parent);
        steps[taken++] = {parent, begin};
        if (begin == 0) {
            break;
        }
        end = begin - 1;
    }
    return taken;
}

template <class Visit>
void SuffixHash::walk(std::string_view name, Visit&& visit) const noexcept {
    if (table_.empty() || name.empty() || name.size() > kNameBytesMax) {
        return;
    }
    std::array<Hit, kLabelsMax> hits;  // NOLINT(*-member-init): only the first `count` are read
    std::size_t count = 0;
    std::array<Step, kStepsAhead> steps;  // NOLINT(*-member-init): likewise
    steps[0] = {0, name.size() + 1};
    for (bool more = true; more;) {
        const std::size_t taken = take_steps(name, steps[0].begin - 1, steps.data());
        more = taken == kStepsAhead && steps[taken - 1].begin != 0;
        for (std::size_t i = 0; i < taken; ++i) {
            const Target* target = table_.find(steps[i].fingerprint);
            if (target == nullptr) {
                more = false;
                break;
            }
            // An odd name of empty labels may have more steps than a valid one has labels.
            if (target->ref != kNoRef && count < hits.size()) {
                hits[count++] = {target, static_cast<std::uint8_t>(steps[i].begin)};
            }
            if ((target->flags & kHasChildren) == 0) {
                more = false;
                break;
            }
        }
        if (more) {
            steps[0] = steps[kStepsAhead - 1];
        }
    }
    while (count > 0) {
        --count;
        visit(*hits[count].target, std::size_t{hits[count].offset});
    }
}

struct BuiltNames {
    BuiltTable table;
    std::vector<std::uint64_t> filter;
};

/// Collects names and their suffixes for a table. Control side.
class SuffixHashBuilder {
public:
    explicit SuffixHashBuilder(const HashKey& key) : key_(key), marked_(kRecentMarks) {}

    /// `name` is canonical; which of domain, suffix or subdomains it is, the indicator's record
    /// says.
    void add(std::string_view name, std::uint32_t id);
    BuiltNames build(IndicatorPool& pool);

private:
    static constexpr std::size_t kRecentMarks = 1U << 16U;

    HashKey key_;
    std::vector<KeyedIndicator> items_;
    /// Marks lately made, so that ".com" is not noted half a million times.
    std::vector<std::uint64_t> marked_;
};

}  // namespace sallyport::classifier
