// SPDX-License-Identifier: Apache-2.0
// Goal: the samples do what their README says, from files to verdicts.
#include "gateway/identity/workload_builder.h"
#include "gateway/identity/workload_registry.h"
#include "tests/unit/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

const std::string kSamples = std::string(SALLYPORT_SOURCE_ROOT) + "/tests/support/samples/";

TEST(Samples, FromFilesToVerdicts) {
    const identity::ObjectSet objects = identity::read_object_files({kSamples + "pods.json"});
    EXPECT_TRUE(objects.problems.empty());
    auto built = identity::build_workloads(objects);
    EXPECT_EQ(built.counts.pods, 7U);
    EXPECT_EQ(built.counts.nodes, 2U);
    EXPECT_EQ(built.counts.finished, 1U);
    EXPECT_EQ(built.counts.host_network, 1U);
    identity::WorkloadRegistry registry;
    const auto table = registry.replace(std::move(built.workloads)).table;

    const auto at = [&](const char* address) { return table->find(*IpAddress::parse(address)); };
    const auto owner = [&](const char* address) {
        const Workload& w = (*table)[at(address)];
        return w.namespace_name + '/' + w.owner_kind + '/' + w.owner_name;
    };
    EXPECT_EQ(owner("10.1.1.10"), "payments/Deployment/api");
    EXPECT_EQ(owner("fd00:10:1:2::10"), "payments/Deployment/api");
    EXPECT_EQ(owner("10.1.1.11"), "payments/StatefulSet/ledger");
    EXPECT_EQ(owner("10.1.2.12"), "payments/CronJob/settle");
    EXPECT_EQ(owner("10.1.1.20"), "frontend/Deployment/web");  // T2: not the finished Job's
    EXPECT_EQ(owner("10.1.2.21"), "frontend/Pod/debug");
    EXPECT_EQ(table->status(at("192.168.10.11")), AttributionStatus::node);  // T5
    EXPECT_EQ(table->status(at("10.1.1.0")), AttributionStatus::node);

    const PolicyReading policies = read_policies({kSamples + "policy.d"});
    for (const Problem& problem : policies.problems) {
        ADD_FAILURE() << problem.text();
    }
    EXPECT_EQ(policies.file_count, 2U);
    const auto compiled = compile(policies.objects, *table);
    ASSERT_TRUE(compiled.ok());
    const PolicySet& set = *compiled.value();
    const auto decide = [&](const char* source, const Question& q) {
        return set.evaluate(set.program_of(at(source)), q);
    };
    const Decision sharing = decide("10.1.1.10", ask_name("up.transfer.example"));
    EXPECT_EQ(sharing.verdict, Verdict::deny);
    EXPECT_EQ(set.rules()[sharing.rule].name, "file sharing is not for payments");
    EXPECT_EQ(decide("10.1.1.10", ask_name("api.partner.example")).verdict, Verdict::allow);
    EXPECT_EQ(decide("10.1.1.10", ask_early()).verdict, Verdict::undecided);
    EXPECT_EQ(decide("10.1.1.10", ask_name("other.example")).verdict, Verdict::deny);
    EXPECT_EQ(decide("10.1.1.11", ask_name("other.example")).verdict, Verdict::allow);  // ledger
    EXPECT_EQ(decide("10.1.1.20", ask_name("up.transfer.example")).verdict, Verdict::allow);  // web
}

}  // namespace
}  // namespace sallyport::policy
