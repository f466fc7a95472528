// SPDX-License-Identifier: Apache-2.0
// "Why is this blocked?": what the feeds say about a value as a person writes it.
#pragma once

#include "classifier/threat_database.h"
#include "gateway/model/indicator.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::feeds {

struct LookupHit {
    std::string feed;
    std::string category;
    FeedAction action = FeedAction::alert;  ///< of this entry; may be weaker than the feed's
    std::uint8_t confidence = 0;            ///< 0..100
    IndicatorType type = IndicatorType::none;
    std::string indicator;  ///< in canonical form; a pattern as written
    std::string path;       ///< the line it was read from
    std::size_t line = 0;
};

/// What a flow to `value` would match, strongest first. `value` is an address, a prefix (the
/// entries that hold all of it), address:port, [v6]:port, a name or a URL, defanged or not. An
/// address without a port is asked with every port. The error says that it is none of these, or
/// that a pattern scan failed.
Result<std::vector<LookupHit>> lookup(
    const classifier::ThreatDatabase& database, std::string_view value
);

}  // namespace sallyport::feeds
