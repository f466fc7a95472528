// SPDX-License-Identifier: Apache-2.0
// `--feed NAME=FILE[,key=value]...` of replay and feeds.
#pragma once

#include "gateway/config/config.h"
#include "gateway/model/result.h"

#include <string_view>

namespace sallyport::cli {

/// Keys: format, action, category, confidence, and csv.value, csv.type, csv.port, csv.delimiter. A
/// comma that no known key follows belongs to the file's name.
Result<config::FeedConfig> parse_feed_argument(std::string_view text);

}  // namespace sallyport::cli
