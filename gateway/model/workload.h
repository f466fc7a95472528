// SPDX-License-Identifier: Apache-2.0
// A workload is a pod and what owns it. `WorkloadTable` is the immutable view of all of them that
// workers read; gateway/identity fills it.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/verdict.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace sallyport {

/// Stable for the life of the process: the same pod (by UID) keeps its id over reloads, and an id
/// is never given to another pod. Index into WorkloadTable::workloads() and
/// EventDictionary::workloads.
using WorkloadId = std::uint32_t;
inline constexpr WorkloadId kUnknownWorkload = 0;    ///< nobody owns the address
inline constexpr WorkloadId kAmbiguousWorkload = 1;  ///< several running pods claim it

struct Workload {
    enum class Kind : std::uint8_t { none, pod, node };
    Kind kind = Kind::none;
    bool live = false;  ///< false: gone since, kept so that ids in unsent events still resolve
    std::string namespace_name;
    std::string pod;  ///< empty for a node
    std::string uid;
    std::string
        owner_kind;  ///< Deployment, StatefulSet, DaemonSet, CronJob, Job, ReplicaSet, Pod, Node...
    std::string owner_name;
    std::string service_account;
    std::string node;
    std::vector<IpAddress> addresses;
    std::map<std::string, std::string> labels;  ///< the pod's own (a node's, for a node)
    std::map<std::string, std::string>
        namespace_labels;          ///< of its namespace, as of this generation
    std::string single_container;  ///< container name when the pod has exactly one
};

/// Address to workload. Immutable once built; read by workers without locks.
class WorkloadTable {
public:
    WorkloadTable() : WorkloadTable(std::vector<Workload>(2)) {}
    /// `workloads[0]` and `[1]` stand for unknown and ambiguous; only live ones are indexed. An
    /// address that two live workloads claim becomes ambiguous.
    explicit WorkloadTable(std::vector<Workload> workloads);

    [[nodiscard]] WorkloadId find(const IpAddress& address) const noexcept;
    /// Has the line that find() will read first fetched.
    void prefetch(const IpAddress& address) const noexcept {
        __builtin_prefetch(&slots_[slot_of(address)]);
    }
    [[nodiscard]] const Workload& operator[](WorkloadId id) const noexcept {
        return workloads_[id];
    }
    [[nodiscard]] std::size_t size() const noexcept { return workloads_.size(); }
    [[nodiscard]] const std::vector<Workload>& workloads() const noexcept { return workloads_; }
    [[nodiscard]] std::size_t live_count() const noexcept { return live_count_; }
    /// Addresses that more than one live workload claims.
    [[nodiscard]] std::size_t ambiguous_count() const noexcept { return ambiguous_count_; }
    [[nodiscard]] AttributionStatus status(WorkloadId id) const noexcept { return status_[id]; }

private:
    struct Slot {
        IpAddress address;
        WorkloadId id = 0;
    };
    [[nodiscard]] std::size_t slot_of(const IpAddress& address) const noexcept;
    void insert(const IpAddress& address, WorkloadId id);

    std::vector<Workload> workloads_;
    std::vector<AttributionStatus> status_;  ///< by id: a byte where a Workload is many lines
    std::vector<Slot> slots_;                ///< open addressing, at most half full, keyed hash
    std::array<std::uint64_t, 2> key_{};
    std::size_t live_count_ = 0;
    std::size_t ambiguous_count_ = 0;
};

}  // namespace sallyport
