// SPDX-License-Identifier: Apache-2.0
// A small cluster and short ways to ask what a policy text does with it.
#pragma once

#include "gateway/policy/compiler.h"
#include "gateway/policy/policy_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

inline Workload make_pod(
    std::string namespace_name,
    std::string name,
    std::map<std::string, std::string> labels,
    std::map<std::string, std::string> namespace_labels = {},
    std::string service_account = "default"
) {
    Workload w;
    w.kind = Workload::Kind::pod;
    w.live = true;
    w.namespace_name = std::move(namespace_name);
    w.pod = std::move(name);
    w.labels = std::move(labels);
    w.namespace_labels = std::move(namespace_labels);
    w.service_account = std::move(service_account);
    return w;
}

/// 2: payments/api (app=api, team=pay)   3: payments/db (app=db)   4: frontend/web (app=web)   5: a
/// node
inline constexpr WorkloadId kApi = 2;
inline constexpr WorkloadId kDb = 3;
inline constexpr WorkloadId kWeb = 4;
inline constexpr WorkloadId kNode = 5;

inline std::vector<Workload> cluster() {
    std::vector<Workload> all(2);
    all.push_back(make_pod("payments", "api", {{"app", "api"}}, {{"team", "pay"}}, "api"));
    all.push_back(make_pod("payments", "db", {{"app", "db"}}, {{"team", "pay"}}));
    all.push_back(make_pod("frontend", "web", {{"app", "web"}}, {{"team", "web"}}));
    Workload node;
    node.kind = Workload::Kind::node;
    node.live = true;
    node.node = "worker-1";
    node.labels = {{"kubernetes.io/os", "linux"}};
    all.push_back(node);
    return all;
}

/// "destination[:port]" over TCP by default.
inline Question ask(
    std::string_view destination, std::uint16_t port = 443, std::uint8_t protocol = 6
) {
    Question q;
    q.destination = *IpAddress::parse(destination);
    q.port = port;
    q.protocol = protocol;
    return q;
}

inline Question ask_name(std::string_view name, std::uint16_t port = 443) {
    Question q = ask("203.0.113.99", port);
    q.name_state = NameState::known;
    q.name = name;
    return q;
}

inline Question ask_early(std::string_view destination = "203.0.113.99", std::uint16_t port = 443) {
    Question q = ask(destination, port);
    q.name_state = NameState::not_yet;
    return q;
}

class PolicyFixture : public ::testing::Test {
protected:
    WorkloadTable table{cluster()};
    std::shared_ptr<const PolicySet> set;

    void load(std::string_view text) {
        PolicyReading reading;
        read_policy_text(text, "p.yaml", reading);
        check_policies(reading.objects, reading.problems, reading.notes);
        for (const Problem& problem : reading.problems) {
            ADD_FAILURE() << problem.text();
        }
        auto compiled = compile(reading.objects, table);
        ASSERT_TRUE(compiled.ok());
        set = compiled.value();
    }

    [[nodiscard]] Decision decide(WorkloadId workload, const Question& question) const {
        return set->evaluate(set->program_of(workload), question);
    }
    [[nodiscard]] Verdict verdict(WorkloadId workload, const Question& question) const {
        return decide(workload, question).verdict;
    }
    [[nodiscard]] std::string rule(const Decision& decision) const {
        return decision.rule == kNoRule ? "" : set->rules()[decision.rule].id;
    }
};

/// One GlobalNetworkPolicy; `spec` is flow YAML without braces.
inline std::string gnp(std::string_view name, std::string_view spec) {
    return "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: " +
           std::string(name) + "}\nspec: {types: [Egress], " + std::string(spec) + "}\n";
}

inline std::string tier(std::string_view name, std::string_view spec) {
    return "---\napiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: " +
           std::string(name) + "}\nspec: {" + std::string(spec) + "}\n";
}

inline std::string netset(std::string_view name, std::string_view labels, std::string_view spec) {
    return "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: " +
           std::string(name) + ", labels: {" + std::string(labels) + "}}\nspec: {" +
           std::string(spec) + "}\n";
}

}  // namespace sallyport::policy
