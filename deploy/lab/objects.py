#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's pods as Kubernetes objects, in the shape of
`kubectl get pods,namespaces,nodes,replicasets -A -o json`.

    objects.py pods.txt > pods.json

Names and UIDs follow from the table alone, so two labs describe the same cluster. Beside the pods of the
table stand two that own no address of their own: a completed Job pod that still shows the address of a
running one, and a host-network pod on each node.
"""

import hashlib
import json
import sys
import uuid

CREATED = "2026-01-05T08:00:00Z"
STARTED = "2026-01-05T08:00:04Z"
NODE_ADDRESSES = {"node-1": "10.1.0.11", "node-2": "10.1.0.12"}
POD_NETS = {"node-1": "10.42.1.0/24", "node-2": "10.42.2.0/24"}
API_VERSIONS = {"Pod": "v1", "Namespace": "v1", "Node": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}
# The letters Kubernetes draws name suffixes from (no vowels, nothing that reads as another).
SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def uid_of(*parts):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, "/".join(parts)))


def suffix_of(size, *parts):
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    return "".join(SUFFIX_LETTERS[byte % len(SUFFIX_LETTERS)] for byte in digest[:size])


def owner_reference(kind, name, namespace):
    return [{
        "apiVersion": API_VERSIONS.get(kind, "apps/v1"), "kind": kind, "name": name,
        "uid": uid_of(kind, namespace, name), "controller": True, "blockOwnerDeletion": True,
    }]


def metadata(kind, namespace, name, labels=None, owner=None):
    meta = {"name": name, "uid": uid_of(kind, namespace or "", name), "creationTimestamp": CREATED,
            "resourceVersion": "1042"}
    if namespace:
        meta["namespace"] = namespace
    if labels:
        meta["labels"] = labels
    if owner:
        meta["ownerReferences"] = owner
    return meta


def namespace_object(name, labels):
    all_labels = {"kubernetes.io/metadata.name": name, **labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata("Namespace", None, name, all_labels),
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def node_object(name):
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "eu1-a"}
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": metadata("Node", None, name, labels),
        "spec": {"podCIDR": POD_NETS[name], "podCIDRs": [POD_NETS[name]]},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE_ADDRESSES[name]},
                                 {"type": "Hostname", "address": name}]},
    }


def replica_set_of(namespace, deployment):
    return f"{deployment}-{suffix_of(10, namespace, deployment)}"


def replica_set_object(namespace, deployment, replicas):
    name = replica_set_of(namespace, deployment)
    labels = {"app": deployment, "pod-template-hash": name.rsplit("-", 1)[1]}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": metadata("ReplicaSet", namespace, name, labels,
                                 owner_reference("Deployment", deployment, namespace)),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}},
            "status": {"replicas": replicas, "readyReplicas": replicas}}


def job_object(namespace, cron_job, name):
    return {"apiVersion": "batch/v1", "kind": "Job",
            "metadata": metadata("Job", namespace, name, {"app": cron_job},
                                 owner_reference("CronJob", cron_job, namespace)),
            "spec": {"completions": 1}, "status": {"succeeded": 1}}


def pod_object(namespace, name, labels, owner, node, address, phase="Running", host_network=False):
    running = phase == "Running"
    state = {"running": {"startedAt": STARTED}} if running else {
        "terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": STARTED}}
    spec = {"nodeName": node, "serviceAccountName": labels["app"],
            "containers": [{"name": labels["app"], "image": f"registry.example/{labels['app']}:1.4.2"}]}
    if host_network:
        spec["hostNetwork"] = True
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata("Pod", namespace, name, labels, owner),
        "spec": spec,
        "status": {
            "phase": phase, "podIP": address, "podIPs": [{"ip": address}], "hostIP": NODE_ADDRESSES[node],
            "startTime": STARTED,
            "conditions": [{"type": "Ready", "status": "True" if running else "False"}],
            "containerStatuses": [{"name": labels["app"], "ready": running, "state": state}],
        },
    }


def pod_of_row(handle, namespace, kind, owner, node, address):
    labels = {"app": owner, "team": namespace}
    if kind == "Deployment":
        replica_set = replica_set_of(namespace, owner)
        labels["pod-template-hash"] = replica_set.rsplit("-", 1)[1]
        name = f"{replica_set}-{suffix_of(5, namespace, handle)}"
        reference = owner_reference("ReplicaSet", replica_set, namespace)
    elif kind == "StatefulSet":
        name = handle
        labels["statefulset.kubernetes.io/pod-name"] = handle
        reference = owner_reference(kind, owner, namespace)
    else:
        name = f"{owner}-{suffix_of(5, namespace, handle)}"
        reference = owner_reference(kind, owner, namespace)
    return pod_object(namespace, name, labels, reference, node, address)


def read_rows(path):
    with open(path, encoding="utf-8") as table:
        return [line.split() for line in table if line.strip() and not line.startswith("#")]


def cluster(rows):
    items = [pod_of_row(*row) for row in rows]
    job = "nightly-report-29012345"
    items.append(pod_object("payments", f"{job}-{suffix_of(5, job)}", {"app": "nightly-report", "job-name": job},
                            owner_reference("Job", job, "payments"), rows[0][4], rows[0][5], phase="Succeeded"))
    for node, address in NODE_ADDRESSES.items():
        items.append(pod_object("kube-system", f"kube-proxy-{suffix_of(5, node)}", {"app": "kube-proxy"},
                                owner_reference("DaemonSet", "kube-proxy", "kube-system"), node, address,
                                host_network=True))
    items.append(job_object("payments", "nightly-report", job))
    for namespace, deployment in sorted({(r[1], r[3]) for r in rows if r[2] == "Deployment"}):
        replicas = sum(1 for r in rows if (r[1], r[3]) == (namespace, deployment))
        items.append(replica_set_object(namespace, deployment, replicas))
    for namespace in sorted({r[1] for r in rows}):
        items.append(namespace_object(namespace, {"team": namespace}))
    items.append(namespace_object("kube-system", {}))
    items.extend(node_object(name) for name in NODE_ADDRESSES)
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    json.dump(cluster(read_rows(sys.argv[1])), sys.stdout, indent=4)
    print()
