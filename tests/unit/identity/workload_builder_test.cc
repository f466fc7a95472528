// SPDX-License-Identifier: Apache-2.0
// Goal: an address belongs to the right workload or to none. Objects are written as kubectl writes
// them.
#include "gateway/identity/workload_builder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sallyport::identity {
namespace {

BuiltWorkloads build(std::string_view yaml) {
    ObjectSet objects;
    read_objects(yaml, "pods.yaml", objects);
    for (const Problem& problem : objects.problems) {
        ADD_FAILURE() << problem.text();
    }
    return build_workloads(objects);
}

const Workload* find(const BuiltWorkloads& built, std::string_view name) {
    const auto it =
        std::find_if(built.workloads.begin(), built.workloads.end(), [&](const Workload& w) {
            return w.pod == name || (w.pod.empty() && w.node == name);
        });
    return it == built.workloads.end() ? nullptr : &*it;
}

std::string owner(std::string_view yaml, std::string_view pod) {
    const BuiltWorkloads built = build(yaml);
    const Workload* w = find(built, pod);
    return w == nullptr ? "" : w->owner_kind + '/' + w->owner_name;
}

constexpr std::string_view kReplicaSetPod = R"(
kind: Pod
metadata:
  name: p
  namespace: n
  uid: u1
  labels: {pod-template-hash: 7c9b}
  ownerReferences: [{kind: ReplicaSet, name: web-7c9b, uid: rs1, controller: true}]
spec: {nodeName: w, containers: [{name: c}]}
status: {phase: Running, podIP: 10.0.0.1}
)";

TEST(WorkloadBuilder, OwnerThroughReplicaSetObject) {
    EXPECT_EQ(
        owner(
            std::string(kReplicaSetPod) +
                "---\nkind: ReplicaSet\nmetadata: {name: web-7c9b, namespace: n, uid: rs1, "
                "ownerReferences: [{kind: Rollout, name: web, uid: d, controller: true}]}\n",
            "p"
        ),
        "Rollout/web"
    );
}

TEST(WorkloadBuilder, OwnerByTemplateHashWithoutReplicaSetObject) {
    const BuiltWorkloads built = build(kReplicaSetPod);
    EXPECT_EQ(find(built, "p")->owner_kind, "Deployment");
    EXPECT_EQ(find(built, "p")->owner_name, "web");
    EXPECT_EQ(built.counts.owners_by_template_hash, 1U);
}

TEST(WorkloadBuilder, StandaloneReplicaSetStaysOne) {
    EXPECT_EQ(
        owner(
            std::string(kReplicaSetPod) +
                "---\nkind: ReplicaSet\nmetadata: {name: web-7c9b, namespace: n, uid: rs1}\n",
            "p"
        ),
        "ReplicaSet/web-7c9b"
    );
}

TEST(WorkloadBuilder, OwnerObjectWithAnotherUidIsNotTheOwner) {
    // T1: the ReplicaSet was deleted and its name given again.
    EXPECT_EQ(
        owner(
            std::string(kReplicaSetPod) +
                "---\nkind: ReplicaSet\nmetadata: {name: web-7c9b, namespace: n, uid: rs2, "
                "ownerReferences: [{kind: Rollout, name: other, controller: true}]}\n",
            "p"
        ),
        "Deployment/web"
    );
}

TEST(WorkloadBuilder, OwnersOfEveryKind) {
    const auto pod = [](std::string_view reference) {
        return "kind: Pod\nmetadata: {name: p, namespace: n, ownerReferences: [" +
               std::string(reference) + "]}\nspec: {nodeName: w}\nstatus: {phase: Running}\n";
    };
    EXPECT_EQ(owner(pod("{kind: StatefulSet, name: db, controller: true}"), "p"), "StatefulSet/db");
    EXPECT_EQ(owner(pod("{kind: DaemonSet, name: ds, controller: true}"), "p"), "DaemonSet/ds");
    EXPECT_EQ(owner(pod("{kind: Job, name: j-28000000, controller: true}"), "p"), "Job/j-28000000");
    EXPECT_EQ(owner(pod("{kind: Thing, name: not-controlling}"), "p"), "Pod/p");
    EXPECT_EQ(
        owner(
            pod("{kind: Job, name: j-1, uid: a, controller: true}") +
                "---\nkind: Job\nmetadata: {name: j-1, namespace: n, uid: a, ownerReferences: "
                "[{kind: CronJob, name: j, controller: true}]}\n",
            "p"
        ),
        "CronJob/j"
    );
    // An owner that owns itself ends the chain, not the process.
    EXPECT_EQ(
        owner(
            pod("{kind: Job, name: j, uid: a, controller: true}") +
                "---\nkind: Job\nmetadata: {name: j, namespace: n, uid: a, ownerReferences: "
                "[{kind: Job, name: j, uid: a, controller: true}]}\n",
            "p"
        ),
        "Job/j"
    );
}

std::string pod_text(std::string_view name, std::string_view spec, std::string_view status) {
    return "---\nkind: Pod\nmetadata: {name: " + std::string(name) +
           ", namespace: n, uid: " + std::string(name) + "}\nspec: {nodeName: w" +
           std::string(spec) + "}\nstatus: {" + std::string(status) + "}\n";
}

WorkloadTable table_of(BuiltWorkloads built) {
    std::vector<Workload> all(2);
    for (Workload& w : built.workloads) {
        all.push_back(std::move(w));
    }
    return WorkloadTable(std::move(all));
}

TEST(WorkloadBuilder, T2FinishedPodsOwnNothing) {
    const BuiltWorkloads built = build(
        pod_text("done", "", "phase: Succeeded, podIP: 10.0.0.1") +
        pod_text("dead", "", "phase: Failed, podIP: 10.0.0.2") +
        pod_text("next", "", "phase: Running, podIP: 10.0.0.1")
    );
    EXPECT_EQ(built.counts.finished, 2U);
    const WorkloadTable table = table_of(built);
    EXPECT_EQ(table[table.find(*IpAddress::parse("10.0.0.1"))].pod, "next");
    EXPECT_EQ(table.find(*IpAddress::parse("10.0.0.2")), kUnknownWorkload);
}

TEST(WorkloadBuilder, T5HostNetworkPodsAreTheirNode) {
    const std::string pods = pod_text(
        "proxy", ", hostNetwork: true", "phase: Running, podIP: 192.168.0.1, hostIP: 192.168.0.1"
    );
    // With the Node object, and with only what pods say about it.
    for (const std::string& text :
         {pods + "---\nkind: Node\nmetadata: {name: w, uid: nu, annotations: "
                 "{projectcalico.org/IPv4VXLANTunnelAddr: 10.0.9.1}}\n"
                 "status: {addresses: [{type: InternalIP, address: 192.168.0.1}, {type: Hostname, "
                 "address: w}]}\n",
          pods}) {
        const WorkloadTable table = table_of(build(text));
        const WorkloadId id = table.find(*IpAddress::parse("192.168.0.1"));
        EXPECT_EQ(table.status(id), AttributionStatus::node);
        EXPECT_EQ(table[id].node, "w");
        EXPECT_EQ(table[id].owner_kind, "Node");
        EXPECT_EQ(table[id].pod, "");
    }
}

TEST(WorkloadBuilder, NodeTunnelAddressesAreTheNode) {
    const WorkloadTable table =
        table_of(build("kind: Node\nmetadata: {name: w, annotations: "
                       "{projectcalico.org/IPv4Address: 192.168.0.1/24, "
                       "projectcalico.org/IPv4IPIPTunnelAddr: 10.0.9.1}}\nstatus: {}\n"));
    EXPECT_EQ(
        table.find(*IpAddress::parse("10.0.9.1")), table.find(*IpAddress::parse("192.168.0.1"))
    );
}

TEST(WorkloadBuilder, T1TwoLivePodsWithOneAddressAreAmbiguous) {
    const WorkloadTable table = table_of(build(
        pod_text("a", "", "phase: Running, podIP: 10.0.0.1") +
        pod_text("b", "", "phase: Running, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::b'}]")
    ));
    EXPECT_EQ(table.find(*IpAddress::parse("10.0.0.1")), kAmbiguousWorkload);
    EXPECT_EQ(table[table.find(*IpAddress::parse("fd00::b"))].pod, "b");
}

TEST(WorkloadBuilder, DeletingPodsKeepTheirAddressUntilTheCniSaysOtherwise) {
    const auto deleting = [](std::string_view annotation) {
        return "kind: Pod\nmetadata: {name: p, namespace: n, deletionTimestamp: "
               "'2026-01-01T00:00:00Z', annotations: {" +
               std::string(annotation) +
               "}}\nspec: {nodeName: w}\nstatus: {phase: Running, podIP: 10.0.0.1}\n";
    };
    EXPECT_EQ(build(deleting("x: y")).workloads.size(), 1U);
    EXPECT_EQ(build(deleting("cni.projectcalico.org/podIP: 10.0.0.1/32")).counts.released, 0U);
    EXPECT_EQ(build(deleting("cni.projectcalico.org/podIP: ''")).counts.released, 1U);
    EXPECT_EQ(build(deleting("vpc.amazonaws.com/pod-ips: ''")).counts.released, 1U);
}

TEST(WorkloadBuilder, AddressesFromAnnotationsWhenStatusHasNone) {
    const BuiltWorkloads built = build(
        "kind: Pod\nmetadata: {name: p, annotations: {cni.projectcalico.org/podIPs: "
        "'10.0.0.1/32,fd00::1/128'}}\nspec: {nodeName: w}\nstatus: {phase: Pending}\n"
    );
    ASSERT_EQ(built.workloads.size(), 1U);
    EXPECT_EQ(built.workloads[0].addresses.size(), 2U);
    EXPECT_EQ(built.workloads[0].namespace_name, "default");
}

TEST(WorkloadBuilder, UnscheduledPodsOwnNoAddress) {
    const BuiltWorkloads built =
        build("kind: Pod\nmetadata: {name: p}\nstatus: {phase: Pending, podIP: 10.0.0.1}\n");
    EXPECT_EQ(built.counts.unscheduled, 1U);
    EXPECT_TRUE(built.workloads[0].addresses.empty());
}

TEST(WorkloadBuilder, WorkloadsCarryLabelsAccountAndContainer) {
    const BuiltWorkloads built = build(
        "kind: Namespace\nmetadata: {name: n, labels: {team: t}}\n---\nkind: Pod\nmetadata: {name: "
        "p, "
        "namespace: n, labels: {app: a}}\nspec: {nodeName: w, serviceAccountName: sa, containers: "
        "[{name: c}]}\nstatus: {phase: Running}\n---\nkind: Pod\nmetadata: {name: q, namespace: "
        "n}\n"
        "spec: {containers: [{name: c}, {name: d}]}\n"
    );
    const Workload& w = *find(built, "p");
    EXPECT_EQ(w.labels.at("app"), "a");
    EXPECT_EQ(w.namespace_labels.at("team"), "t");
    EXPECT_EQ(w.service_account, "sa");
    EXPECT_EQ(w.single_container, "c");
    EXPECT_EQ(find(built, "q")->single_container, "");
}

TEST(WorkloadBuilder, OnePodReadTwiceIsOnePod) {
    const std::string pod = pod_text("a", "", "phase: Running, podIP: 10.0.0.1");
    const BuiltWorkloads built = build(pod + pod);
    EXPECT_EQ(built.workloads.size(), 1U);
    EXPECT_EQ(built.counts.repeated, 1U);
}

TEST(ObjectFiles, ProblemsNameFileLineColumnAndField) {
    ObjectSet objects;
    read_objects(
        "kind: List\nitems:\n- kind: Pod\n  metadata: {name: p}\n  status:\n    podIP: 10.0.0.300\n"
        "- kind: Pod\n  metadata: {}\n- kind: Pod\n  metadata: {name: 3}\n- x\n- kind: Secret\n"
        "  metadata: {name: s}\n- metadata: {name: t}\n",
        "pods.yaml",
        objects
    );
    std::vector<std::string> texts;
    for (const Problem& problem : objects.problems) {
        texts.push_back(problem.text());
    }
    EXPECT_EQ(
        texts,
        (std::vector<std::string>{
            "pods.yaml:6:12: items[0].status.podIP: \"10.0.0.300\" is not an address",
            "pods.yaml:8:13: items[1].metadata.name: expected a name",
            "pods.yaml:10:20: items[2].metadata.name: expected a string",
            "pods.yaml:10:13: items[2].metadata.name: expected a name",
            "pods.yaml:11:3: items[3]: expected an object",
            "pods.yaml:14:3: items[5].kind: expected a Kubernetes object with a kind"})
    );
    EXPECT_EQ(objects.ignored.at("Secret"), 1U);
}

TEST(ObjectFiles, ProblemsInJsonHavePlacesToo) {
    ObjectSet objects;
    read_objects(
        "{\"kind\":\"PodList\",\"items\":[\n{\"metadata\":{\"name\":\"p\"},\n"
        " \"status\":{\"podIPs\":[{\"ip\":\"nope\"}]}}]}",
        "pods.json",
        objects
    );
    ASSERT_EQ(objects.problems.size(), 1U);
    EXPECT_EQ(
        objects.problems[0].text(),
        "pods.json:3:28: items[0].status.podIPs: \"nope\" is not an address"
    );
}

}  // namespace
}  // namespace sallyport::identity
