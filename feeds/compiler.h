// SPDX-License-Identifier: Apache-2.0
// From feeds to the threat database's file.
//
//   read_feed()  --indicators-->  ThreatBuilder  --image-->  FILE.XXXXXX  --fsync, rename-->  FILE
//
// All feeds are read before anything is refused, so that one run names every problem; then either
// the whole new database is in place, or the old file stays as it was.
#pragma once

#include "feeds/feed.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sallyport::feeds {

struct Progress {
    std::string feed;               ///< being read; "" while tables are built and written
    std::uint64_t bytes = 0;        ///< read so far, of all feeds
    std::uint64_t bytes_total = 0;  ///< as far as known beforehand
    std::uint64_t indicators = 0;   ///< so far, of all feeds
};

struct CompileOptions {
    NeverBlock never_block;
    std::function<void(const Progress&)> progress;
    /// Holds Hyperscan's compiled patterns, shared with ThreatDatabase::open; "": memory only.
    std::string pattern_cache;
    /// Feeds that had at least kGuardedIndicatorsMin indicators in the file now at the output path
    /// may not shrink or grow beyond these; 0 switches a check off (failures-and-attacks F3).
    unsigned shrink_percent_max = 50;
    unsigned growth_percent_max = 900;
};

/// Below this a feed is taken as it comes: short lists change a lot when people edit them.
inline constexpr std::uint64_t kGuardedIndicatorsMin = 1000;

struct CompileReport {
    std::vector<FeedReport> feeds;  ///< in the order of the sources
    std::string content_hash;       ///< ThreatDatabase::content_hash() of the result
    std::uint64_t indicators = 0;   ///< without repeats inside a feed
    std::uint64_t file_bytes = 0;
};

/// Patterns of all feeds of a database: five Hyperscan databases, half a microsecond a name. Lists
/// of more are lists of names and belong in another form (reference/feeds.md section 7).
inline constexpr std::size_t kPatternsTotalMax = 20'000;

/// Reads all `sources` and writes the database to `output_path` ("": checks only and writes
/// nothing). Everything wrong is appended to `problems`: bad lines, which a feed may have within
/// its budget, and what refuses the whole. An Error means that the file at `output_path` was left
/// alone. Runs for seconds; control side.
Result<CompileReport> compile(
    const std::vector<FeedSource>& sources,
    const std::string& output_path,
    Problems& problems,
    const CompileOptions& options = {}
);

/// The content hash compile() would give: equal to that of the running database when nothing
/// changed, so that unchanged feeds need no compiling. "" when a feed cannot be read.
std::string inputs_hash(const std::vector<FeedSource>& sources, const NeverBlock& never_block = {});

}  // namespace sallyport::feeds
