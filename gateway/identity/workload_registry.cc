// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/workload_registry.h"

#include <tuple>
#include <utility>

namespace sallyport::identity {
namespace {

/// Identity of a workload. Hand-written files leave UIDs out; the name is then all there is, and a
/// pod recreated under its name counts as the same.
std::string key_of(const Workload& w) {
    if (!w.uid.empty()) {
        return "uid:" + w.uid;
    }
    return w.kind == Workload::Kind::node ? "node:" + w.node
                                          : "pod:" + w.namespace_name + '/' + w.pod;
}

auto fields_of(const Workload& w) {
    return std::tie(
        w.kind,
        w.namespace_name,
        w.pod,
        w.uid,
        w.owner_kind,
        w.owner_name,
        w.service_account,
        w.node,
        w.addresses,
        w.labels,
        w.namespace_labels,
        w.single_container
    );
}

}  // namespace

WorkloadRegistry::WorkloadRegistry()
    : workloads_(2),
      table_(std::make_shared<const WorkloadTable>()) {}

RegistryChange WorkloadRegistry::replace(std::vector<Workload> live) {
    RegistryChange change;
    std::vector<bool> seen(workloads_.size(), false);
    for (Workload& workload : live) {
        workload.live = true;
        std::string key = key_of(workload);
        const auto found = ids_.find(key);
        if (found == ids_.end()) {
            if (workloads_.size() >= kWorkloadsMax) {
                ++change.refused;
                continue;
            }
            ids_.emplace(std::move(key), static_cast<WorkloadId>(workloads_.size()));
            workloads_.push_back(std::move(workload));
            seen.push_back(true);
            ++change.added;
            continue;
        }
        Workload& before = workloads_[found->second];
        seen[found->second] = true;
        if (!before.live) {
            ++change.added;
        } else if (fields_of(before) != fields_of(workload)) {
            ++change.changed;
        } else {
            ++change.unchanged;
            continue;
        }
        before = std::move(workload);
    }
    for (WorkloadId id = 2; id < workloads_.size(); ++id) {
        if (!seen[id] && workloads_[id].live) {
            workloads_[id].live = false;
            ++change.removed;
        }
    }
    if (change.any()) {
        table_ = std::make_shared<const WorkloadTable>(workloads_);
    }
    change.table = table_;
    return change;
}

}  // namespace sallyport::identity
