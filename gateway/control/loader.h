// SPDX-License-Identifier: Apache-2.0
// The one door for what a configuration names: pods, policies, assignments and feeds are read,
// checked and compiled here, for start-up, reload and `check` alike. Nothing that runs is touched:
// what comes out is published by the caller, or thrown away.
#pragma once

#include "classifier/threat_database.h"
#include "feeds/feed.h"
#include "gateway/config/config.h"
#include "gateway/identity/workload_builder.h"
#include "gateway/identity/workload_registry.h"
#include "gateway/model/result.h"
#include "gateway/policy/policy_set.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::control {

/// Called while feeds are read: what is done, and bytes of all feeds so far and in all.
using LoadProgress =
    std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)>;

struct LoadOptions {
    /// Where the compiled threat database is kept (`threats.db`) and Hyperscan's beside it. Made
    /// when absent. A database whose feeds have not changed is not compiled again. "": feeds are
    /// only checked, nothing is written, and no threat database comes back (`check`).
    std::string state_directory;
    LoadProgress progress;  ///< may be empty
    /// Asked between the parts; true gives the load up with a problem that says so. May be empty.
    std::function<bool()> cancelled{};
};

/// Everything a snapshot is made from. Immutable parts are shared.
struct LoadedInputs {
    std::shared_ptr<const WorkloadTable> workloads;
    identity::BuildCounts workload_counts;
    std::shared_ptr<const policy::PolicySet> policy;
    std::vector<std::uint16_t> pools;  ///< index into egress.pools by WorkloadId, kNoPool for none
    std::shared_ptr<const classifier::ThreatDatabase> threats;
    std::string threats_path;                     ///< "" without feeds
    bool threats_compiled = false;                ///< false: the database on disk was still right
    std::vector<feeds::FeedReport> feed_reports;  ///< in the order of the configuration
    /// Of each feed what changes with its files (name, size, time), in the order of the
    /// configuration.
    std::vector<std::string> feed_identities;
    Problems notes;  ///< true, but worth knowing
};

/// Reads everything `config` names. All problems of all parts are added; inputs come back only when
/// there are none. `registry` keeps workload ids from one load to the next; a refused load may have
/// given ids to new pods, which harms nothing. Control side, blocking: seconds for a million
/// indicators.
std::optional<LoadedInputs> load_inputs(
    const config::Config& config,
    const LoadOptions& options,
    identity::WorkloadRegistry& registry,
    Problems& problems
);

/// Removes what an interrupted compile left beside the database `keep`: `<keep>.XXXXXX`.
void discard_other_databases(const std::string& state_directory, const std::string& keep);

}  // namespace sallyport::control
