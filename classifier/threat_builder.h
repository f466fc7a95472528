// SPDX-License-Identifier: Apache-2.0
// Makes a threat database image from indicators in canonical form. Reading feeds, normalising and
// guarding is the business of feeds/. Control side.
#pragma once

#include "classifier/address_set.h"
#include "classifier/indicator_pool.h"
#include "classifier/pattern_set.h"
#include "classifier/suffix_hash.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::classifier {

/// Feeds and files are numbered with 16 bits.
inline constexpr std::size_t kFeedsMax = 0x10000;
inline constexpr std::size_t kFilesMax = 0x10000;

/// Where an indicator was read.
struct Origin {
    std::uint16_t feed = 0;
    std::uint16_t file = 0;
    std::uint32_t line = 0;  ///< from 1
    FeedAction action = FeedAction::alert;
};

class ThreatBuilder {
public:
    /// Keys are random outside of tests (random_hash_key()).
    ThreatBuilder(
        const std::vector<FeedNames>& feeds, const HashKey& name_key, const HashKey& address_key
    );

    /// Number of a file for Origin::file. At most kFilesMax.
    std::uint16_t add_file(std::string_view path);
    /// `type` is domain, suffix or subdomains; `name` is canonical and valid.
    void add_name(IndicatorType type, std::string_view name, const Origin& origin);
    /// Canonical, longer than /0, never a v4-mapped or NAT64 address.
    void add_prefix(const IpPrefix& prefix, const Origin& origin);
    void add_pair(const IpAddress& address, std::uint16_t port, const Origin& origin);
    /// Has passed pattern_problem().
    void add_pattern(const PatternText& pattern, const Origin& origin);

    using Write = std::function<bool(std::span<const std::byte>)>;
    /// Builds the tables and hands the image to `write`, piece by piece. Uses the builder up.
    Status finish(const std::array<std::uint8_t, 16>& content_hash, const Write& write);

    /// Indicators of each feed without repeats; after finish().
    [[nodiscard]] std::vector<std::uint64_t> indicators_by_feed() const;

private:
    struct PatternEntry {
        std::string text;
        PatternKind kind;
        std::uint32_t indicator;
    };

    std::uint32_t add_record(IndicatorType type, const Origin& origin, std::uint8_t length);
    std::uint32_t add_string(std::string_view text);

    std::string strings_;
    std::vector<FeedRecord> feeds_;
    std::vector<FileRecord> files_;
    IndicatorPool pool_;
    SuffixHashBuilder names_;
    AddressSetBuilder addresses_;
    std::vector<PatternEntry> patterns_;
    ImageHeader header_;
};

}  // namespace sallyport::classifier
