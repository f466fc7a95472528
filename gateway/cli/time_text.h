// SPDX-License-Identifier: Apache-2.0
// Times as operators type and read them: RFC 3339, UTC, and "so long ago".
#pragma once

#include "gateway/model/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::cli {

/// `5m` (ago, from `now`), or RFC 3339 with a `Z` or an offset: `2026-06-25T00:01:18.5Z`. Empty for
/// anything else and for times before 1970 or after 2261.
std::optional<WallNanoseconds> parse_time(std::string_view text, WallNanoseconds now);

/// `2026-06-25T00:01:18Z`; "-" for 0.
std::string time_text(WallNanoseconds time);

}  // namespace sallyport::cli
