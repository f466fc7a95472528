// SPDX-License-Identifier: Apache-2.0
// `egress.assignments`: which pool a workload leaves by. First row that matches wins.
#pragma once

#include "gateway/model/event.h"
#include "gateway/model/result.h"
#include "gateway/model/workload.h"
#include "gateway/policy/selector.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sallyport::policy {

struct AssignmentRow {
    Selector selector;                           ///< over the workload's labels; all() by default
    std::optional<Selector> namespace_selector;  ///< over its namespace's labels
    std::uint16_t pool = kNoPool;                ///< index of the pool

    /// From configuration text; both may be empty. The error names the key and the column in it.
    static Result<AssignmentRow> parse(
        std::string_view selector, std::string_view namespace_selector, std::uint16_t pool
    );
};

/// Pool by WorkloadId, kNoPool where no row matches. all() matches every known workload, nodes
/// included; unknown and ambiguous ones match no row. Control side.
std::vector<std::uint16_t> assign_pools(
    const std::vector<AssignmentRow>& rows, const WorkloadTable& table
);

}  // namespace sallyport::policy
