// SPDX-License-Identifier: Apache-2.0
// What a verdict and a reload cost: questions a second against hundreds of rules, 100 000 pods from
// JSON text to table, compiling policies against them. Run: `policy_bench [pods]`.
#include "gateway/identity/workload_builder.h"
#include "gateway/identity/workload_registry.h"
#include "gateway/policy/compiler.h"
#include "gateway/policy/egress_assignments.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using namespace sallyport;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// About 2 KiB a pod, indented as kubectl does, in namespaces of 100 pods, 10 pods a Deployment.
std::string pods_json(int pods) {
    std::string out = "{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n";
    for (int n = 0; n * 100 < pods; ++n) {
        const std::string name = "team-" + std::to_string(n);
        out +=
            "        {\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": "
            "\"" +
            name + "\", \"labels\": {\"team\": \"" + std::to_string(n % 50) + "\"}}},\n";
    }
    const std::string filler(700, 'x');
    for (int i = 0; i < pods; ++i) {
        const std::string id = std::to_string(i);
        const std::string deployment = "app-" + std::to_string(i / 10 % 10);
        const std::string address = "10." + std::to_string(i >> 16) + '.' +
                                    std::to_string(i >> 8 & 255) + '.' + std::to_string(i & 255);
        out +=
            "        {\n            \"apiVersion\": \"v1\",\n            \"kind\": \"Pod\",\n      "
            "      \"metadata\": {\n"
            "                \"annotations\": {\n                    \"filler\": \"" +
            filler +
            "\"\n                },\n"
            "                \"creationTimestamp\": \"2026-01-12T08:00:00Z\",\n"
            "                \"labels\": {\n                    \"app\": \"" +
            deployment +
            "\",\n                    \"pod-template-hash\": \"6d5f9c7b44\",\n                    "
            "\"version\": \"v" +
            std::to_string(i % 3) + "\"\n                },\n                \"name\": \"" +
            deployment + "-6d5f9c7b44-" + id + "\",\n                \"namespace\": \"team-" +
            std::to_string(i / 100) +
            "\",\n                \"ownerReferences\": [\n                    {\n                  "
            "      \"apiVersion\": \"apps/v1\",\n"
            "                        \"controller\": true,\n                        \"kind\": "
            "\"ReplicaSet\",\n"
            "                        \"name\": \"" +
            deployment + "-6d5f9c7b44\",\n                        \"uid\": \"rs-" + id +
            "\"\n                    }\n                ],\n                \"uid\": "
            "\"0f9a3c52-7d1e-4b6f-9c3a-" +
            id +
            "\"\n            },\n            \"spec\": {\n                \"containers\": [\n      "
            "              {\n"
            "                        \"image\": \"registry.example/team/app:1.2.3\",\n             "
            "           \"name\": \"app\",\n"
            "                        \"resources\": {\"limits\": {\"cpu\": \"1\", \"memory\": "
            "\"512Mi\"}}\n"
            "                    }\n                ],\n                \"nodeName\": \"worker-" +
            std::to_string(i % 500) +
            "\",\n                \"serviceAccountName\": \"default\"\n            },\n            "
            "\"status\": {\n"
            "                \"hostIP\": \"192.168." +
            std::to_string(i % 500 / 250) + '.' + std::to_string(i % 250 + 1) +
            "\",\n                \"phase\": \"Running\",\n                \"podIP\": \"" +
            address +
            "\",\n                \"podIPs\": [\n                    {\n                        "
            "\"ip\": \"" +
            address + "\"\n                    }\n                ]\n            }\n        }" +
            (i + 1 < pods ? ",\n" : "\n");
    }
    return out + "    ],\n    \"kind\": \"List\"\n}\n";
}

std::string policies_yaml(int policies, int rules) {
    std::string out;
    for (int p = 0; p < policies; ++p) {
        out +=
            "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: p" +
            std::to_string(p) + "}\nspec:\n  order: " + std::to_string(p) +
            "\n  selector: \"app == 'app-" + std::to_string(p % 10) +
            "'\"\n  namespaceSelector: \"team in {'" + std::to_string(p % 50) + "','" +
            std::to_string((p + 7) % 50) + "'}\"\n  egress:\n";
        for (int r = 0; r < rules; ++r) {
            const std::string n = std::to_string(r % 250);
            out += r % 3 == 0 ? "  - {action: Allow, protocol: TCP, destination: {nets: [198.51." +
                                    n + ".0/24], ports: [443]}}\n"
                   : r % 3 == 1 ? "  - {action: Deny, protocol: TCP, destination: {domains: [host" +
                                      n + ".example, '*.zone" + n + ".example']}}\n"
                                : "  - {action: Deny, protocol: UDP, destination: {nets: [203.0." +
                                      n + ".0/24]}}\n";
        }
        out += "  - {action: Pass}\n";
    }
    return out;
}

template <class Work>
double nanoseconds_each(int count, Work work) {
    const auto start = Clock::now();
    for (int i = 0; i < count; ++i) {
        work(i);
    }
    return seconds_since(start) * 1e9 / count;
}

void bench_evaluate(int policies, int rules) {
    policy::PolicyReading reading;
    std::string text = policies_yaml(policies, rules);
    // Every policy for every pod: the walk is as long as the figures say.
    for (std::size_t at = 0; (at = text.find("  selector:", at)) != std::string::npos;) {
        text.erase(at, text.find("  egress:", at) - at);
    }
    for (std::size_t at = 0; (at = text.find("  - {action: Pass}\n", at)) != std::string::npos;) {
        text.erase(at, text.find('\n', at) + 1 - at);
    }
    policy::read_policy_text(text, "bench", reading);
    const auto set = policy::compile(reading.objects, WorkloadTable());
    if (!reading.problems.empty() || !set) {
        std::printf(
            "%s\n", reading.problems.empty() ? "limits" : reading.problems[0].text().c_str()
        );
        std::exit(1);
    }
    policy::Question question;
    question.protocol = 6;
    question.port = 443;
    question.destination = IpAddress::v4(0x08080808U);
    std::uint64_t verdicts = 0;
    const auto run = [&](const char* what, policy::NameState state, std::string_view name) {
        question.name_state = state;
        question.name = name;
        constexpr int kRounds = 20'000;
        const double ns = nanoseconds_each(kRounds, [&](int) {
            verdicts += static_cast<std::uint64_t>(set.value()->evaluate(0, question).verdict);
        });
        std::printf(
            "evaluate, %d policies of %d rules, %-18s %8.0f ns  %6.2f ns a rule\n",
            policies,
            rules,
            what,
            ns,
            ns / (policies * rules)
        );
    };
    run("no name", policy::NameState::none, "");
    run("name that misses", policy::NameState::known, "www.clean.example.com");
    run("name not yet seen", policy::NameState::not_yet, "");
    if (verdicts == 0) {
        std::exit(1);
    }
}

void bench_load(int pods) {
    const std::string text = pods_json(pods);
    auto start = Clock::now();
    identity::ObjectSet objects;
    identity::read_objects(text, "bench", objects);
    std::printf(
        "read %zu pods, %.0f MiB of JSON: %.2f s (%zu problems)\n",
        objects.pods.size(),
        static_cast<double>(text.size()) / (1 << 20),
        seconds_since(start),
        objects.problems.size()
    );
    start = Clock::now();
    auto built = identity::build_workloads(objects);
    std::printf("build workloads: %.2f s\n", seconds_since(start));
    identity::WorkloadRegistry registry;
    start = Clock::now();
    const auto table = registry.replace(built.workloads).table;
    std::printf("registry and table, all new: %.2f s\n", seconds_since(start));
    start = Clock::now();
    built.workloads.back().labels["app"] = "other";
    registry.replace(std::move(built.workloads));
    std::printf("registry and table, one changed: %.2f s\n", seconds_since(start));

    policy::PolicyReading reading;
    start = Clock::now();
    policy::read_policy_text(policies_yaml(5'000, 20), "bench", reading);
    std::printf(
        "read 5000 policies of 20 rules: %.2f s (%zu problems)\n",
        seconds_since(start),
        reading.problems.size()
    );
    start = Clock::now();
    const auto set = policy::compile(reading.objects, *table);
    std::printf(
        "compile them for %zu workloads: %.2f s\n", table->live_count(), seconds_since(start)
    );
    start = Clock::now();
    const auto row = policy::AssignmentRow::parse("", "team == '7'", 1);
    const auto assigned = policy::assign_pools({row.value()}, *table);
    std::printf("assign pools: %.2f s\n", seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
    const int pods = argc > 1 ? std::atoi(argv[1]) : 100'000;
    bench_evaluate(1, 20);
    bench_evaluate(20, 20);
    bench_evaluate(100, 20);
    if (pods > 0) {
        bench_load(pods);
    }
    return 0;
}
