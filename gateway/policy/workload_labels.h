// SPDX-License-Identifier: Apache-2.0
// The labels a selector sees on a workload (calico.md section 4): its own, Calico's, and those
// inherited from its namespace. Own labels win.
#pragma once

#include "gateway/model/workload.h"
#include "gateway/policy/selector.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace sallyport::policy {

/// Value of one effective label, or null. Points into `workload` or to a constant.
const std::string* label_of(const Workload& workload, const std::string& label);

/// Workloads that no selector over `labels` can tell apart share a class, so that selectors are
/// asked once a class instead of once a pod: the pods of a Deployment are one class.
class WorkloadClasses {
public:
    struct Class {
        Workload::Kind kind = Workload::Kind::none;  ///< none: unknown and ambiguous
        Labels labels;                               ///< of those asked for
    };

    WorkloadClasses(const WorkloadTable& table, const std::set<std::string>& labels);
    [[nodiscard]] const std::vector<Class>& classes() const noexcept { return classes_; }
    /// Class of each workload, by WorkloadId.
    [[nodiscard]] const std::vector<std::uint32_t>& class_of() const noexcept { return class_of_; }

private:
    std::vector<Class> classes_;
    std::vector<std::uint32_t> class_of_;
};

}  // namespace sallyport::policy
