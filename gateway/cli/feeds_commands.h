// SPDX-License-Identifier: Apache-2.0
// `sallyport feeds check|lookup|compile`: threat feeds without a gateway.
#pragma once

#include "gateway/cli/console.h"
#include "gateway/config/config.h"

#include <string>
#include <vector>

namespace sallyport::cli {

/// Which feeds a command is about: those of a configuration, then those named on the command line.
struct FeedChoice {
    std::string config_path;
    std::vector<config::FeedConfig> feeds;
    std::string database;  ///< a compiled database instead (lookup)
};

/// What each file would give: entries by type, skipped lines by reason, problems by line.
Exit feeds_check_command(const FeedChoice& choice, Format format, const Console& console);
/// Which indicators match a name, address, address:port or URL, and where they come from; exit 1
/// when none does.
Exit feeds_lookup_command(
    const FeedChoice& choice, const std::string& value, Format format, const Console& console
);
/// Writes the threat database.
Exit feeds_compile_command(
    const FeedChoice& choice, const std::string& output_path, Format format, const Console& console
);

}  // namespace sallyport::cli
