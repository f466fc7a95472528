// SPDX-License-Identifier: Apache-2.0
// The threat database: one immutable, checksummed file compiled from all feeds (feeds/compiler.h),
// read into memory whole and asked by workers. Lookups allocate nothing, take no lock and are safe
// from any number of threads; a scratch belongs to one thread.
#pragma once

#include "classifier/name_steps.h"
#include "gateway/model/address.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/indicator.h"
#include "gateway/model/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct hs_scratch;

namespace sallyport::classifier {

/// Hyperscan's per-thread working memory for every pattern set of one database.
struct ScratchDeleter {
    void operator()(hs_scratch* scratch) const noexcept;
};
using Scratch = std::unique_ptr<hs_scratch, ScratchDeleter>;

/// The line an indicator was read from.
struct IndicatorOrigin {
    std::string path;      ///< as the feed's configuration named it; "" when not known
    std::size_t line = 0;  ///< from 1
};

class ThreatDatabase {
public:
    virtual ~ThreatDatabase();
    ThreatDatabase(const ThreatDatabase&) = delete;
    ThreatDatabase& operator=(const ThreatDatabase&) = delete;

    /// Reads and checks `path` (magic, version, sizes, checksum, every reference).
    /// `cache_directory` holds compiled Hyperscan databases by content hash and platform; ""
    /// compiles in memory only.
    static Result<std::shared_ptr<const ThreatDatabase>> open(
        const std::string& path, const std::string& cache_directory
    );
    /// A database without indicators.
    static std::shared_ptr<const ThreatDatabase> empty();

    /// Adds the matches of a destination address (host, prefix, and address:port when `port` fits).
    virtual void match_address(const IpAddress& address, std::uint16_t port, ThreatMatches& out)
        const noexcept = 0;
    /// Has the line fetched that match_address() of an IPv4 address reads first.
    virtual void prefetch_address(const IpAddress& address) const noexcept { (void)address; }
    /// Adds the matches of a canonical name (gateway/model/domain_name.h) by exact name and suffix,
    /// and, when `scratch` is given, by pattern. A failing scan sets `out.match_error`.
    virtual void match_name(std::string_view name, hs_scratch* scratch, ThreatMatches& out)
        const noexcept = 0;

    /// The same in parts, for several names at hand: begin_name() of each, then fetch_name() of
    /// each, then this; with steps of the same name. See name_steps.h.
    virtual void match_name(
        std::string_view name, const NameSteps& steps, hs_scratch* scratch, ThreatMatches& out
    ) const noexcept;
    virtual void begin_name(std::string_view name, NameSteps& steps) const noexcept;
    virtual void fetch_name(NameSteps& steps) const noexcept;

    /// The same without the limit of ThreatMatches, for explanations. Control side (allocates).
    [[nodiscard]] virtual std::vector<ThreatMatch> every_match(
        const IpAddress& address, std::uint16_t port
    ) const;
    [[nodiscard]] virtual std::vector<ThreatMatch> every_match(
        std::string_view name, hs_scratch* scratch
    ) const;
    /// File and line of a match of this database. Control side.
    [[nodiscard]] virtual IndicatorOrigin origin(const ThreatMatch& match) const;

    [[nodiscard]] virtual bool has_addresses() const noexcept = 0;
    [[nodiscard]] virtual bool has_names() const noexcept = 0;  ///< names, suffixes or patterns
    /// True when some feed whose action is deny or allow holds names: a verdict may wait for the
    /// name.
    [[nodiscard]] virtual bool names_decide() const noexcept = 0;
    /// Scratch for one thread; null when the database holds no patterns.
    [[nodiscard]] virtual Result<Scratch> make_scratch() const = 0;

    /// Feeds by the index in ThreatMatch::feed.
    [[nodiscard]] virtual const std::vector<FeedNames>& feeds() const noexcept = 0;
    /// Pattern texts by ThreatMatch::indicator of pattern matches.
    [[nodiscard]] virtual const std::vector<std::string>& patterns() const noexcept = 0;
    [[nodiscard]] virtual std::size_t indicator_count() const noexcept = 0;
    /// Indicators of each feed, by the index in ThreatMatch::feed. Control side.
    [[nodiscard]] virtual std::vector<std::size_t> indicators_by_feed() const;
    /// XXH3-128 in hex of what the feeds held (feeds::inputs_hash): says which database runs. The
    /// same feeds give the same hash on every machine and every time.
    [[nodiscard]] virtual const std::string& content_hash() const noexcept = 0;

protected:
    ThreatDatabase() = default;
};

struct FeedSummary {
    std::string name;
    std::uint64_t indicators = 0;  ///< without repeats
};
struct DatabaseSummary {
    std::string content_hash;
    std::vector<FeedSummary> feeds;
};

/// Checks the file at `path` as open() does, without its patterns, and says what it was made from.
Result<DatabaseSummary> summarise(const std::string& path);

/// The decision a set of matches asks for: any allow wins, else any deny, else alert.
/// (Across feeds; inside a feed the compiler has already let its allow entries win.)
FeedAction decisive_action(const ThreatMatches& matches) noexcept;

}  // namespace sallyport::classifier
