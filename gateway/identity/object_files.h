// SPDX-License-Identifier: Apache-2.0
// The objects attribution needs (pods, namespaces, nodes and what owns pods), as `kubectl get -A -o
// json|yaml` writes them. Only what the workload table uses is kept; other kinds are counted and
// left alone.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/result.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::identity {

/// metadata.ownerReferences entry with `controller: true`; empty kind when there is none.
struct OwnerReference {
    std::string kind;
    std::string name;
    std::string uid;
};

struct ObjectMeta {
    std::string name;
    std::string namespace_name;
    std::string uid;
    std::map<std::string, std::string> labels;
    OwnerReference owner;
    bool deleting = false;  ///< deletionTimestamp is set
};

struct PodObject {
    ObjectMeta meta;
    std::string phase;  ///< Pending, Running, Succeeded, Failed, Unknown
    std::string node;
    std::string service_account;
    std::string single_container;  ///< name, when spec.containers has exactly one
    bool host_network = false;
    bool released = false;  ///< deleting, and the CNI has said the address is free again
    std::vector<IpAddress>
        addresses;  ///< status.podIPs, podIP or the CNI's annotations, in this order
    std::vector<IpAddress> host_addresses;  ///< status.hostIPs or hostIP
};

struct NodeObject {
    ObjectMeta meta;
    std::vector<IpAddress> addresses;  ///< status.addresses and Calico's tunnel annotations
};

/// A ReplicaSet, Job or any other object that may stand between a pod and its top owner.
struct ControllerObject {
    std::string kind;
    ObjectMeta meta;
};

struct ObjectSet {
    std::vector<PodObject> pods;
    std::vector<ObjectMeta> namespaces;
    std::vector<NodeObject> nodes;
    std::vector<ControllerObject> controllers;
    std::map<std::string, std::size_t> ignored;  ///< objects of other kinds, by kind
    std::size_t file_count = 0;
    Problems problems;  ///< any of these refuses the whole set
};

/// Reads files and directories of files. Never throws; all that is wrong is in `problems`, as
/// `file:line:column: items[3].status.podIP: "x" is not an address`. Control side, blocking.
ObjectSet read_object_files(const std::vector<std::string>& paths);

/// Adds the objects of one text; `path` is only used in problems.
void read_objects(std::string_view text, const std::string& path, ObjectSet& out);

}  // namespace sallyport::identity
