// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/workload_builder.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace sallyport::identity {
namespace {

/// Longest chain followed: Pod, ReplicaSet, Deployment and two of somebody's own on top.
constexpr int kOwnerDepthMax = 4;
constexpr const char* kTemplateHashLabel = "pod-template-hash";

auto key_of(const ControllerObject& c) {
    return std::tie(c.meta.namespace_name, c.kind, c.meta.name);
}

class Builder {
public:
    explicit Builder(const ObjectSet& objects) : objects_(objects), owners_(objects) {
        for (const ObjectMeta& meta : objects.namespaces) {
            namespace_labels_[meta.name] = &meta.labels;
        }
    }

    BuiltWorkloads run() {
        out_.workloads.reserve(objects_.pods.size() + objects_.nodes.size());
        for (const NodeObject& node : objects_.nodes) {
            add_node(node);
        }
        for (const PodObject& pod : objects_.pods) {
            add_pod(pod);
        }
        out_.counts.pods = out_.workloads.size() - out_.counts.nodes;
        return std::move(out_);
    }

private:
    void add_node(const NodeObject& node) {
        Workload workload;
        workload.kind = Workload::Kind::node;
        workload.live = true;
        workload.uid = node.meta.uid;
        workload.owner_kind = "Node";
        workload.owner_name = node.meta.name;
        workload.node = node.meta.name;
        workload.addresses = node.addresses;
        workload.labels = node.meta.labels;
        const auto [entry, fresh] = nodes_.emplace(workload.node, out_.workloads.size());
        if (!fresh) {
            ++out_.counts.repeated;
            out_.workloads[entry->second] = std::move(workload);
            return;
        }
        ++out_.counts.nodes;
        out_.workloads.push_back(std::move(workload));
    }

    /// A file without Node objects still says each pod's node and its address.
    void learn_node(const PodObject& pod) {
        if (pod.node.empty() || pod.host_addresses.empty()) {
            return;
        }
        const auto found = nodes_.find(pod.node);
        if (found == nodes_.end()) {
            NodeObject node;
            node.meta.name = pod.node;
            node.addresses = pod.host_addresses;
            add_node(node);
            derived_.emplace(pod.node, true);
            return;
        }
        if (derived_.count(pod.node) != 0) {
            std::vector<IpAddress>& known = out_.workloads[found->second].addresses;
            for (const IpAddress& address : pod.host_addresses) {
                if (std::find(known.begin(), known.end(), address) == known.end()) {
                    known.push_back(address);
                }
            }
        }
    }

    void add_pod(const PodObject& pod) {
        learn_node(pod);
        if (pod.phase == "Succeeded" || pod.phase == "Failed") {
            ++out_.counts.finished;
            return;
        }
        if (pod.host_network) {
            ++out_.counts.host_network;
            return;
        }
        if (pod.released) {
            ++out_.counts.released;
            return;
        }
        Workload workload = describe(pod);
        if (pod.node.empty()) {
            ++out_.counts.unscheduled;
        } else {
            workload.addresses = pod.addresses;
        }
        const std::string key =
            pod.meta.uid.empty() ? pod.meta.namespace_name + '/' + pod.meta.name : pod.meta.uid;
        const auto [entry, fresh] = pods_.emplace(key, out_.workloads.size());
        if (!fresh) {
            ++out_.counts.repeated;
            out_.workloads[entry->second] = std::move(workload);
            return;
        }
        out_.workloads.push_back(std::move(workload));
    }

    Workload describe(const PodObject& pod) {
        Workload workload;
        workload.kind = Workload::Kind::pod;
        workload.live = true;
        workload.namespace_name = pod.meta.namespace_name;
        workload.pod = pod.meta.name;
        workload.uid = pod.meta.uid;
        workload.service_account = pod.service_account;
        workload.node = pod.node;
        workload.labels = pod.meta.labels;
        workload.single_container = pod.single_container;
        const auto labels = namespace_labels_.find(pod.meta.namespace_name);
        if (labels != namespace_labels_.end()) {
            workload.namespace_labels = *labels->second;
        }
        Owner owner = owners_.resolve(pod.meta);
        out_.counts.owners_by_template_hash += owner.source == OwnerSource::template_hash ? 1 : 0;
        workload.owner_kind = std::move(owner.kind);
        workload.owner_name = std::move(owner.name);
        return workload;
    }

    const ObjectSet& objects_;
    OwnerResolver owners_;
    std::unordered_map<std::string, const std::map<std::string, std::string>*> namespace_labels_;
    std::unordered_map<std::string, std::size_t> nodes_;
    std::unordered_map<std::string, bool> derived_;
    std::unordered_map<std::string, std::size_t> pods_;
    BuiltWorkloads out_;
};

}  // namespace

OwnerResolver::OwnerResolver(const ObjectSet& objects) {
    by_name_.reserve(objects.controllers.size());
    for (const ControllerObject& controller : objects.controllers) {
        by_name_.push_back(&controller);
    }
    std::sort(by_name_.begin(), by_name_.end(), [](const auto* a, const auto* b) {
        return key_of(*a) < key_of(*b);
    });
}

const ControllerObject* OwnerResolver::find(
    const std::string& namespace_name, const OwnerReference& reference
) const {
    const auto wanted = std::tie(namespace_name, reference.kind, reference.name);
    auto it = std::lower_bound(
        by_name_.begin(),
        by_name_.end(),
        wanted,
        [](const ControllerObject* c, const auto& key) { return key_of(*c) < key; }
    );
    for (; it != by_name_.end() && key_of(**it) == wanted; ++it) {
        // The same name may have been given again since: the UID decides (T1).
        const std::string& uid = (*it)->meta.uid;
        if (uid.empty() || reference.uid.empty() || uid == reference.uid) {
            return *it;
        }
    }
    return nullptr;
}

Owner OwnerResolver::resolve(const ObjectMeta& pod) const {
    if (pod.owner.kind.empty()) {
        return {"Pod", pod.name, OwnerSource::bare};
    }
    OwnerReference top = pod.owner;
    OwnerSource source = OwnerSource::reference;
    bool found_object = false;
    for (int depth = 0; depth < kOwnerDepthMax; ++depth) {
        const ControllerObject* object = find(pod.namespace_name, top);
        found_object = object != nullptr;
        if (object == nullptr || object->meta.owner.kind.empty()) {
            break;
        }
        top = object->meta.owner;
        source = OwnerSource::object;
    }
    const auto hash = pod.labels.find(kTemplateHashLabel);
    if (!found_object && top.kind == "ReplicaSet" && hash != pod.labels.end()) {
        // A Deployment names its ReplicaSets "<deployment>-<pod-template-hash>" and labels their
        // pods with the hash; nothing else sets that label, so the name is certain. A Job's name
        // proves nothing about a CronJob, so there is no such step for Jobs.
        const std::string suffix = '-' + hash->second;
        if (!hash->second.empty() && top.name.size() > suffix.size() &&
            std::string_view(top.name).ends_with(suffix)) {
            top.kind = "Deployment";
            top.name.resize(top.name.size() - suffix.size());
            source = OwnerSource::template_hash;
        }
    }
    return {std::move(top.kind), std::move(top.name), source};
}

BuiltWorkloads build_workloads(const ObjectSet& objects) {
    return Builder(objects).run();
}

}  // namespace sallyport::identity
