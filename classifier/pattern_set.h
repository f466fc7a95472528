// SPDX-License-Identifier: Apache-2.0
// Patterns over names, by Hyperscan: wildcards inside a name and regular expressions. Exact names
// and suffixes are not its business (suffix_hash.h): a million literals would take minutes to
// compile.
//
// Patterns are sharded by kind, so that flags are uniform inside a Hyperscan database, and by some
// thousands, where its scan cost is still flat. A compiled database holds for one Hyperscan and one
// processor type, so it is not part of the threat database but cached beside it under a name made
// of all three; a cache entry that is damaged or foreign is compiled again. Expressions are
// compiled by hs_compile_multi: the literal interface of 5.4.0 makes databases that fail when
// scanned (intel/hyperscan #303, #353).
#pragma once

#include "classifier/threat_format.h"
#include "gateway/model/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct hs_database;
struct hs_scratch;

namespace sallyport::classifier {

/// The longest real expression seen in a public feed has 575 bytes (maltrail).
inline constexpr std::size_t kPatternBytesMax = 2048;
/// Where a scan still costs what a few patterns cost (one literal database of real names: 54 ns for
/// a miss with 1 000, 75 ns with 10 000), and below the 10 000 at which Hyperscan gives up its
/// small-write engine (5.4.0, src/grey.cpp).
inline constexpr std::size_t kShardPatternsMax = 4096;

struct PatternText {
    std::string_view text;
    PatternKind kind = PatternKind::wildcard;
};

/// What a person wrote as the expression Hyperscan gets: `ad*.example` becomes `^ad.*\.example$`,
/// and
/// `*ads*` becomes `ads`; an expression is taken as it is and matches anywhere in the name.
std::string pattern_expression(const PatternText& pattern);

/// Why this pattern alone is refused, before anything is compiled: too long, not an expression, a
/// repeat no name can hold. Nothing when it is fine.
std::optional<std::string> pattern_problem(const PatternText& pattern);

struct PatternFault {
    std::size_t index = 0;
    std::string message;
};

class PatternSet {
public:
    PatternSet() = default;

    /// Compiles or fetches from `cache_directory` ("": memory only) all patterns; their position in
    /// `patterns` is what a scan reports. A pattern that Hyperscan refuses goes to `faults` and is
    /// left out; without `faults` it is an error. A cache that cannot be written only costs time.
    static Result<PatternSet> compile(
        std::span<const PatternText> patterns,
        const std::string& cache_directory,
        std::vector<PatternFault>* faults
    );

    /// Makes `scratch` (may point at null) large enough for every shard.
    [[nodiscard]] Status fit_scratch(hs_scratch** scratch) const;

    using Visit = void (*)(void* context, unsigned pattern);
    /// Calls `visit` once for each pattern that matches `name`. False when a scan failed: then what
    /// was reported may be incomplete. `scratch` belongs to the calling thread. Allocates nothing.
    [[nodiscard]] bool scan(std::string_view name, hs_scratch* scratch, Visit visit, void* context)
        const noexcept;

    [[nodiscard]] bool empty() const noexcept { return shards_.empty(); }
    [[nodiscard]] std::size_t compiled_count() const noexcept { return compiled_; }
    [[nodiscard]] std::size_t cached_count() const noexcept { return cached_; }

private:
    struct DatabaseDeleter {
        void operator()(hs_database* database) const noexcept;
    };
    using Database = std::unique_ptr<hs_database, DatabaseDeleter>;
    struct Shard;

    static Result<Database> compile_shard(Shard& shard, std::vector<PatternFault>* faults);
    static Database load_cached(const std::string& path);
    static void store_cached(const std::string& path, const hs_database* database);

    std::vector<Database> shards_;
    std::size_t compiled_ = 0;  ///< shards compiled by this process
    std::size_t cached_ = 0;    ///< shards taken from the cache
};

}  // namespace sallyport::classifier
