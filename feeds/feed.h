// SPDX-License-Identifier: Apache-2.0
// One threat feed as an operator configures it, and what reading it gave.
#pragma once

#include "feeds/guard_rails.h"
#include "feeds/indicator.h"
#include "gateway/model/indicator.h"
#include "gateway/model/result.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::feeds {

/// Which column of a CSV feed holds what, by header (case does not matter) or by number from 1; ""
/// lets the format find well-known headers.
struct CsvColumns {
    std::string value;
    std::string type;
    std::string port;
    std::string delimiter;  ///< one character or "tab"; "" is a comma
};

struct FeedSource {
    std::string name;
    std::string path;  ///< a file, or a directory whose feed files are read in order of name
    std::string format = "auto";  ///< one of format_names()
    std::string category;
    FeedAction action = FeedAction::alert;
    std::uint8_t confidence = 50;  ///< 0..100
    CsvColumns csv;
    /// A plain domain means only itself, not what is below it.
    bool names_exact = false;
    /// `*.d` means `d` as well (some lists write it so).
    bool wildcard_includes_apex = false;
    /// A deny feed may hold top-level domains and public suffixes.
    bool allow_public_suffixes = false;
    /// Shorter prefixes are left out (failures-and-attacks F1).
    std::uint8_t v4_prefix_min = 8;
    std::uint8_t v6_prefix_min = 19;
    /// More bad lines than this, and at least kBadLinesTolerated of them, refuse the feed.
    double bad_lines_percent_max = 1.0;
};

/// So many bad lines never refuse a feed: short lists are written by hand.
inline constexpr std::uint64_t kBadLinesTolerated = 9;
/// Problems kept for one feed; more are only counted.
inline constexpr std::size_t kProblemsMax = 100;
/// Bytes of one feed. The largest public list (StevenBlack, FireHOL level) stays below 100 MiB.
inline constexpr std::uint64_t kFeedBytesMax = 2ULL << 30U;
/// Indicators of all feeds of a database: about 3 GiB while compiling, 1 GiB mapped.
inline constexpr std::uint64_t kIndicatorsTotalMax = 20'000'000;

struct FeedReport {
    std::string name;
    std::string format;  ///< of the last file read, after detection
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;      ///< that are neither blank nor a comment
    std::uint64_t bad_lines = 0;  ///< of these
    /// By IndicatorType. A line may give several (a hosts line) or one that an earlier line gave.
    std::array<std::uint64_t, 8> indicators{};
    std::uint64_t repeats = 0;  ///< given more than once by this feed; known after compile()
    std::map<std::string, std::uint64_t, std::less<>> skipped;  ///< by reason
    Problems problems;  ///< the first kProblemsMax, each with file and line
    std::uint64_t problems_left_out = 0;
    std::string refused;  ///< why the feed as a whole is no good; "" when it is

    [[nodiscard]] std::uint64_t indicator_count() const;
    [[nodiscard]] std::uint64_t skipped_count() const;
};

/// Where an indicator stands.
struct Place {
    std::size_t file = 0;  ///< index into the files of the feed, see FeedReaderHooks::file
    std::size_t line = 0;
};

/// What a reader of feeds may want to be told. All may be empty.
struct FeedReaderHooks {
    /// A file is about to be read.
    std::function<void(const std::string& path)> file;
    std::function<void(const Indicator&, const Place&)> indicator;
    /// Bytes of a file as they are read, for a hash; then one empty span at its end.
    std::function<void(std::string_view bytes)> bytes;
    /// Called about every MiB with the bytes of this feed read so far.
    std::function<void(std::uint64_t bytes, std::uint64_t indicators)> progress;
};

/// Reads, normalises and guards a whole feed. Never throws; all that is wrong is in the report.
FeedReport read_feed(
    const FeedSource& source, const NeverBlock& never_block = {}, const FeedReaderHooks& hooks = {}
);

/// The files of a feed in the order they are read: the path itself, or what the directory and those
/// below it hold with the extensions .txt .csv .tsv .list .hosts .ipset .netset .conf or none;
/// hidden files and LICENSE, COPYING, README, NOTICE are left out.
Result<std::vector<std::string>> feed_files(const FeedSource& source);

/// Refuses `report` when it has more bad lines than `source` allows. True when it did.
bool refuse_over_budget(const FeedSource& source, FeedReport& report);

/// Notes a bad line.
void add_problem(FeedReport& report, const std::string& path, std::size_t line, std::string text);

}  // namespace sallyport::feeds
