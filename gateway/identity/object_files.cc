// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity/object_files.h"

#include "gateway/identity/object_text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sallyport::identity {
namespace {

/// What a cluster can hold in one place before the text is nonsense: Kubernetes allows 2 addresses
/// a pod (dual stack); nodes may list some tens.
constexpr std::size_t kAddressesMax = 64;

/// Kinds that own pods, directly or through one of these. Others are told by their reference alone.
constexpr std::array<std::string_view, 7> kControllerKinds{
    "ReplicaSet",
    "Job",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "ReplicationController"};

class ObjectReader {
public:
    ObjectReader(const std::string& path, ObjectSet& out) : path_(path), out_(out) {}

    void take(const ListedObject& object) {
        where_ = &object.where;
        if (!object.node.is_map()) {
            problem(object.node, "", "expected an object");
            return;
        }
        if (object.kind == "Pod") {
            take_pod(object.node);
        } else if (object.kind == "Namespace") {
            ObjectMeta meta;
            if (read_meta(object.node, meta, false)) {
                out_.namespaces.push_back(std::move(meta));
            }
        } else if (object.kind == "Node") {
            take_node(object.node);
        } else if (std::find(kControllerKinds.begin(), kControllerKinds.end(), object.kind) !=
                   kControllerKinds.end()) {
            ControllerObject controller;
            controller.kind = object.kind;
            if (read_meta(object.node, controller.meta, true)) {
                out_.controllers.push_back(std::move(controller));
            }
        } else if (object.kind.empty()) {
            problem(object.node, "kind", "expected a Kubernetes object with a kind");
        } else {
            ++out_.ignored[std::string(object.kind)];
        }
    }

private:
    void problem(const ObjectNode& at, std::string_view field, std::string_view message) {
        std::string text = *where_;
        text += field;
        if (!text.empty()) {
            if (text.back() == '.') {
                text.pop_back();
            }
            text += ": ";
        }
        add_problem(out_.problems, path_, at.place(), text + std::string(message));
    }

    /// Text of an optional string member; anything else is a problem.
    std::string_view string_of(
        const ObjectNode& map, std::string_view key, std::string_view field
    ) {
        const ObjectNode value = map[key];
        if (value.given() && !value.is_string()) {
            problem(value, field, "expected a string");
            return {};
        }
        return value.text();
    }

    bool read_meta(const ObjectNode& object, ObjectMeta& meta, bool namespaced) {
        const ObjectNode metadata = object["metadata"];
        meta.name = string_of(metadata, "name", "metadata.name");
        if (meta.name.empty()) {
            problem(metadata.exists() ? metadata : object, "metadata.name", "expected a name");
            return false;
        }
        meta.namespace_name = string_of(metadata, "namespace", "metadata.namespace");
        if (namespaced && meta.namespace_name.empty()) {
            // What `kubectl apply` would do with a file that leaves it out.
            meta.namespace_name = "default";
        }
        meta.uid = string_of(metadata, "uid", "metadata.uid");
        meta.deleting = metadata["deletionTimestamp"].given();
        for (const ObjectNode label : metadata["labels"]) {
            if (!label.is_string()) {
                problem(label, "metadata.labels." + std::string(label.key()), "expected a string");
                continue;
            }
            meta.labels.emplace_hint(meta.labels.end(), label.key(), label.text());
        }
        read_owner(metadata["ownerReferences"], meta.owner);
        return true;
    }

    void read_owner(const ObjectNode& references, OwnerReference& owner) {
        for (const ObjectNode reference : references) {
            // Only the controlling reference says who made the object; the rest is for garbage
            // collection.
            if (reference["controller"].text() == "true") {
                owner.kind = string_of(reference, "kind", "metadata.ownerReferences.kind");
                owner.name = string_of(reference, "name", "metadata.ownerReferences.name");
                owner.uid = string_of(reference, "uid", "metadata.ownerReferences.uid");
                return;
            }
        }
    }

    void add_address(
        const ObjectNode& at,
        std::string_view field,
        std::string_view text,
        std::vector<IpAddress>& out
    ) {
        // Calico's annotations carry "/32", AWS' and Kubernetes' do not.
        const auto address = IpAddress::parse(text.substr(0, text.find('/')));
        if (!address) {
            problem(at, field, '"' + std::string(text) + "\" is not an address");
        } else if (out.size() >= kAddressesMax) {
            problem(at, field, "more than " + std::to_string(kAddressesMax) + " addresses");
        } else if (std::find(out.begin(), out.end(), *address) == out.end()) {
            out.push_back(*address);
        }
    }

    /// Comma-separated addresses, as the CNI's annotations have them.
    void add_list(const ObjectNode& list, std::vector<IpAddress>& out) {
        const std::string field = "metadata.annotations." + std::string(list.key());
        std::string_view rest = list.text();
        while (!rest.empty() && out.size() < kAddressesMax) {
            const auto comma = rest.find(',');
            add_address(list, field, rest.substr(0, comma), out);
            rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
        }
    }

    void add_status(
        const ObjectNode& status,
        std::string_view many,
        std::string_view one,
        std::vector<IpAddress>& out
    ) {
        const std::string field = "status." + std::string(many);
        for (const ObjectNode entry : status[many]) {
            const ObjectNode ip = entry["ip"];
            add_address(ip.exists() ? ip : entry, field, ip.text(), out);
        }
        const ObjectNode single = status[one];
        if (out.empty() && single.given() && !single.text().empty()) {
            add_address(single, "status." + std::string(one), single.text(), out);
        }
    }

    void read_pod_addresses(const ObjectNode& object, PodObject& pod) {
        const ObjectNode status = object["status"];
        const ObjectNode annotations = object["metadata"]["annotations"];
        add_status(status, "podIPs", "podIP", pod.addresses);
        add_status(status, "hostIPs", "hostIP", pod.host_addresses);
        constexpr std::array<std::string_view, 3> kAnnotations{
            "cni.projectcalico.org/podIPs",
            "cni.projectcalico.org/podIP",
            "vpc.amazonaws.com/pod-ips"};
        for (const std::string_view name : kAnnotations) {
            const ObjectNode annotation = annotations[name];
            if (pod.addresses.empty()) {
                add_list(annotation, pod.addresses);
            }
            // An empty annotation is the CNI's word that a deleting pod's address is free again.
            pod.released = pod.released || (pod.meta.deleting && annotation.is_string() &&
                                            annotation.text().empty() && name != kAnnotations[0]);
        }
    }

    void take_pod(const ObjectNode& object) {
        PodObject pod;
        if (!read_meta(object, pod.meta, true)) {
            return;
        }
        const ObjectNode spec = object["spec"];
        pod.phase = string_of(object["status"], "phase", "status.phase");
        pod.node = string_of(spec, "nodeName", "spec.nodeName");
        pod.service_account = string_of(spec, "serviceAccountName", "spec.serviceAccountName");
        pod.host_network = spec["hostNetwork"].text() == "true";
        const ObjectNode containers = spec["containers"];
        if (containers.is_list() && containers.size() == 1) {
            pod.single_container = (*containers.begin())["name"].text();
        }
        read_pod_addresses(object, pod);
        out_.pods.push_back(std::move(pod));
    }

    void take_node(const ObjectNode& object) {
        NodeObject node;
        if (!read_meta(object, node.meta, false)) {
            return;
        }
        for (const ObjectNode entry : object["status"]["addresses"]) {
            const std::string_view type = entry["type"].text();
            // Hostname, InternalDNS and ExternalDNS are names.
            if (type == "InternalIP" || type == "ExternalIP") {
                add_address(
                    entry["address"], "status.addresses", entry["address"].text(), node.addresses
                );
            }
        }
        // Addresses a node sends from under Calico, besides its own: its end of a tunnel.
        constexpr std::array<std::string_view, 7> kAnnotations{
            "projectcalico.org/IPv4Address",
            "projectcalico.org/IPv6Address",
            "projectcalico.org/IPv4IPIPTunnelAddr",
            "projectcalico.org/IPv4VXLANTunnelAddr",
            "projectcalico.org/IPv6VXLANTunnelAddr",
            "projectcalico.org/IPv4WireguardInterfaceAddr",
            "projectcalico.org/IPv6WireguardInterfaceAddr"};
        for (const std::string_view name : kAnnotations) {
            add_list(object["metadata"]["annotations"][name], node.addresses);
        }
        out_.nodes.push_back(std::move(node));
    }

    const std::string& path_;
    ObjectSet& out_;
    const std::string* where_ = nullptr;
};

}  // namespace

void read_objects(std::string_view text, const std::string& path, ObjectSet& out) {
    ObjectReader reader(path, out);
    read_object_text(
        text, path, [&reader](const ListedObject& object) { reader.take(object); }, out.problems
    );
}

ObjectSet read_object_files(const std::vector<std::string>& paths) {
    ObjectSet out;
    std::string path;
    // The reader keeps a reference to `path`, which follows the file being read.
    ObjectReader reader(path, out);
    out.file_count = read_object_paths(
        paths,
        [&reader](const ListedObject& object) { reader.take(object); },
        [&path](const std::string& file) { path = file; },
        out.problems
    );
    return out;
}

}  // namespace sallyport::identity
