// SPDX-License-Identifier: Apache-2.0
// Objects to workloads: who owns which address now, and what owns the owner.
//
// Rules (calico.md section 4, failures-and-attacks.md section 6):
//   pod, scheduled, not finished      owns its addresses
//   pod, Succeeded or Failed          owns nothing: the CNI has given the address away (T2)
//   pod, deleting                     owns its addresses until the CNI's annotation is empty
//   pod with hostNetwork              is its node: node addresses are never one pod's (T5)
//   two live workloads, one address   ambiguous; said by WorkloadTable, never guessed
#pragma once

#include "gateway/identity/object_files.h"
#include "gateway/model/workload.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::identity {

/// How the top owner of a pod was found.
enum class OwnerSource : std::uint8_t {
    bare,          ///< nothing owns the pod: owner is the Pod itself
    reference,     ///< the pod's own reference names it
    object,        ///< through the owning ReplicaSet's or Job's object
    template_hash  ///< that object is missing; the ReplicaSet's name ends in the pod's
                   ///< pod-template-hash
};

struct Owner {
    std::string kind;
    std::string name;
    OwnerSource source = OwnerSource::bare;
};

/// What became of the objects, for `status` and the reload's audit event.
struct BuildCounts {
    std::size_t pods = 0;          ///< became workloads
    std::size_t nodes = 0;         ///< node objects, and nodes known only by their pods
    std::size_t finished = 0;      ///< Succeeded, Failed
    std::size_t released = 0;      ///< deleting, address given back
    std::size_t host_network = 0;  ///< attributed to their node
    std::size_t unscheduled = 0;
    std::size_t repeated =
        0;  ///< the same object (by UID) read more than once: the last one counts
    std::size_t owners_by_template_hash = 0;
};

struct BuiltWorkloads {
    std::vector<Workload> workloads;  ///< live ones only, in no promised order; no id yet
    BuildCounts counts;
};

/// Pure; control side. Takes about 1 us a pod.
BuiltWorkloads build_workloads(const ObjectSet& objects);

/// Top owner of `pod` given the controllers in `objects`.
class OwnerResolver {
public:
    explicit OwnerResolver(const ObjectSet& objects);
    [[nodiscard]] Owner resolve(const ObjectMeta& pod) const;

private:
    [[nodiscard]] const ControllerObject* find(
        const std::string& namespace_name, const OwnerReference& reference
    ) const;
    std::vector<const ControllerObject*> by_name_;  ///< sorted by namespace, kind, name
};

}  // namespace sallyport::identity
