// SPDX-License-Identifier: Apache-2.0
// Feeds of a configuration to a threat database on disk and in memory. A part of the loader, and
// what the `feeds` commands use.
#pragma once

#include "feeds/feed.h"
#include "gateway/config/config.h"
#include "gateway/control/loader.h"

#include <string>
#include <vector>

namespace sallyport::control {

/// A feed of the configuration as its reader takes it.
feeds::FeedSource source_of(const config::FeedConfig& feed);

/// Something that changes whenever a file of the feed does.
std::string identity_of(const feeds::FeedSource& feed);

/// What no feed may deny here: policy.never_block and the gateway's own addresses, pools and
/// routers.
feeds::NeverBlock never_block_of(const config::Config& config);

/// Reads and checks all feeds and writes nothing.
void check_feeds(
    const config::Config& config, const LoadOptions& options, LoadedInputs& out, Problems& problems
);

/// Fills the threat part of `out` from the database on disk, which is compiled anew when the feeds
/// have changed. To be called last: a database it has replaced stays replaced. Problems point at
/// the feed's key when the feed itself has no place.
void load_feeds(
    const config::Config& config, const LoadOptions& options, LoadedInputs& out, Problems& problems
);

}  // namespace sallyport::control
