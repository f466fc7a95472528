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
// front stands a filter of 8 bits an entry, small enough to stay in the cache, which knows nearly
// all steps that have no entry: a name that is not listed costs no line of the table, a listed one
// at most a line a label, fetched together.
#pragma once

#include "classifier/fingerprint_table.h"
#include "classifier/indicator_pool.h"
#include "classifier/name_steps.h"
#include "gateway/model/facts.h"
#include "gateway/model/keyed_hash.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>
#include <xxhash.h>

namespace sallyport::classifier {

/// A name of kNameBytesMax bytes has at most so many labels (RFC 1035: each at least a byte and a
/// dot).
inline constexpr std::size_t kLabelsMax = kNameBytesMax / 2 + 1;

/// Fingerprint of `label` below the name whose fingerprint is `parent` (0: below the root). XXH3
/// under a secret seed, where SipHash took most of a lookup's time: packets ask this table and put
/// nothing into it, so only a feed's author could aim at a bucket, without ever seeing where a name
/// went; and a table with too long a walk is not made (kProbeMax).
inline std::uint64_t extend_name(
    const HashKey& key, std::uint64_t parent, std::string_view label
) noexcept {
    return fingerprint_of(
        XXH3_64bits_withSeed(label.data(), label.size(), key.k0 ^ std::rotl(parent, 32)) ^ key.k1
    );
}

/// The last label of `name` up to `end`: offset at which it begins.
inline std::size_t label_begin(std::string_view name, std::size_t end) noexcept {
    const void* dot = end == 0 ? nullptr : memrchr(name.data(), '.', end);
    return dot == nullptr
               ? 0
               : static_cast<std::size_t>(static_cast<const char*>(dot) - name.data()) + 1;
}

/// A Bloom filter whose three bits for a fingerprint stand in one word: about 4 of 100 foreign
/// fingerprints pass at 8 bits an entry. 12 bits let 2 pass, but no longer fit a core's share of
/// the last-level cache with a million names.
class NameFilter {
public:
    NameFilter() = default;
    explicit NameFilter(std::span<const std::uint64_t> words) noexcept : words_(words) {}

    [[nodiscard]] bool may_hold(std::uint64_t fingerprint) const noexcept {
        const std::uint64_t mask = mask_of(fingerprint);
        return (words_[FingerprintTable::first_bucket(fingerprint, words_.size())] & mask) == mask;
    }
    void prefetch(std::uint64_t fingerprint) const noexcept {
        __builtin_prefetch(&words_[FingerprintTable::first_bucket(fingerprint, words_.size())]);
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

    /// The three parts of a lookup of `name` (canonical). begin() hashes its labels and has the
    /// filter's words fetched, fetch() asks the filter and has the table's lines fetched, walk()
    /// calls `visit(target, offset)` for every entry with indicators on the way to the name, the
    /// longest suffix first; `offset` is where in `name` the suffix begins. Allocate nothing.
    void begin(std::string_view name, NameSteps& steps) const noexcept {
        steps.hashed = 0;
        if (!table_.empty() && !name.empty() && name.size() <= kNameBytesMax) {
            hash_labels(name, name.size(), 0, steps);
        }
    }
    void fetch(NameSteps& steps) const noexcept {
        steps.taken = 0;
        while (steps.taken < steps.hashed && filter_.may_hold(steps.step[steps.taken].fingerprint)
        ) {
            table_.prefetch(steps.step[steps.taken++].fingerprint);
        }
    }
    template <class Visit>
    void walk(std::string_view name, NameSteps steps, Visit&& visit) const noexcept;
    [[nodiscard]] const FingerprintTable& table() const noexcept { return table_; }

private:
    struct Hit {
        const Target* target;
        std::uint8_t offset;
    };

    void hash_labels(std::string_view name, std::size_t end, std::uint64_t parent, NameSteps& steps)
        const noexcept;

    FingerprintTable table_;
    NameFilter filter_;
    HashKey key_;
};

// The labels of `name` up to `end`, from the last one, below the suffix whose fingerprint is
// `parent`. All are hashed before the filter is asked about the first, so that its words are under
// way together.
inline void SuffixHash::hash_labels(
    std::string_view name, std::size_t end, std::uint64_t parent, NameSteps& steps
) const noexcept {
    steps.hashed = 0;
    while (steps.hashed < NameSteps::kMax) {
        const std::size_t begin = label_begin(name, end);
        parent = extend_name(key_, parent, name.substr(begin, end - begin));
        filter_.prefetch(parent);
        steps.step[steps.hashed++] = {parent, begin};
        if (begin == 0) {
            break;
        }
        end = begin - 1;
    }
}

template <class Visit>
void SuffixHash::walk(std::string_view name, NameSteps steps, Visit&& visit) const noexcept {
    std::array<Hit, kLabelsMax> hits;  // NOLINT(*-member-init): only the first `count` are read
    std::size_t count = 0;
    for (bool more = true; more;) {
        more = steps.taken == NameSteps::kMax && steps.step.back().begin != 0;
        for (std::size_t i = 0; i < steps.taken; ++i) {
            const NameSteps::Step& step = steps.step[i];
            const Target* target = table_.find(step.fingerprint);
            if (target == nullptr) {
                more = false;
                break;
            }
            // An odd name of empty labels may have more steps than a valid one has labels.
            if (target->ref != kNoRef && count < hits.size()) {
                hits[count++] = {target, static_cast<std::uint8_t>(step.begin)};
            }
            if ((target->flags & kHasChildren) == 0) {
                more = false;
                break;
            }
        }
        if (more) {
            const NameSteps::Step last = steps.step.back();
            hash_labels(name, last.begin - 1, last.fingerprint, steps);
            fetch(steps);
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
