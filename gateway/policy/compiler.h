// SPDX-License-Identifier: Apache-2.0
// Policy objects and workloads to one immutable PolicySet. Control side; seconds for large
// clusters.
#pragma once

#include "gateway/model/result.h"
#include "gateway/model/workload.h"
#include "gateway/policy/policy_objects.h"
#include "gateway/policy/policy_set.h"

#include <cstddef>
#include <memory>

namespace sallyport::policy {

/// Guard rails: what a compiled set may grow to. Exceeding one refuses the set, never truncates it.
struct CompileLimits {
    std::size_t rules_max = 4'000'000;            ///< compiled rules, about 96 bytes each
    std::size_t programs_max = 1'000'000;         ///< different combinations of policies
    std::size_t program_blocks_max = 64U << 20U;  ///< policies over all programs, 4 bytes each
};

/// `objects` must have passed check_policies(). Workloads of `table` that are gone keep a program,
/// so that their last flows are judged as before. Unknown and ambiguous workloads have no labels
/// and no namespace: only policies for all endpoints (`selector` empty or all(), no
/// namespaceSelector) apply to them; what else happens to them is `workloads.unknown`, not policy.
/// Nodes are endpoints without a namespace.
Result<std::shared_ptr<const PolicySet>> compile(
    const PolicyObjects& objects, const WorkloadTable& table, const CompileLimits& limits = {}
);

}  // namespace sallyport::policy
