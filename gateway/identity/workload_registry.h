// SPDX-License-Identifier: Apache-2.0
// Gives workloads their ids and keeps them: the same UID has the same id for the life of the
// process, and an id is never given to another pod (T1), because events that hold only the id may
// still be unsent.
#pragma once

#include "gateway/model/workload.h"

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace sallyport::identity {

struct RegistryChange {
    std::shared_ptr<const WorkloadTable> table;
    std::size_t added = 0;
    std::size_t removed = 0;  ///< live before, gone now: kept as not live
    std::size_t changed = 0;  ///< any field differs from before
    std::size_t unchanged = 0;
    std::size_t refused = 0;  ///< no id left (kWorkloadsMax): their addresses stay unknown
    [[nodiscard]] bool any() const noexcept { return added + removed + changed != 0; }
};

/// One thread (control). Gone workloads keep their id and names; their addresses are freed at once.
class WorkloadRegistry {
public:
    /// Ids are dense and never reused, so this bounds memory: about 1 KiB a workload ever seen.
    static constexpr std::size_t kWorkloadsMax = std::size_t{1} << 24U;

    WorkloadRegistry();
    /// Replaces the set of live workloads (a full list, as files give it).
    RegistryChange replace(std::vector<Workload> live);
    [[nodiscard]] const std::shared_ptr<const WorkloadTable>& table() const noexcept {
        return table_;
    }

private:
    std::vector<Workload> workloads_;  ///< by id; [0] unknown, [1] ambiguous
    std::unordered_map<std::string, WorkloadId> ids_;
    std::shared_ptr<const WorkloadTable> table_;
};

}  // namespace sallyport::identity
