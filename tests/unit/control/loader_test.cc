// SPDX-License-Identifier: Apache-2.0
// Goal: one door. All problems of all parts in one run, nothing written when refused, and a threat
// database that is compiled only when its feeds changed.
#include "gateway/control/loader.h"

#include "gateway/config/load.h"
#include "gateway/control/feed_loading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sallyport::control {
namespace {

constexpr const char* kConfig = R"(gateway: {name: a}
dataplane:
  ports:
    - {name: in, device: d0, role: inside, addresses: [10.1.0.1/24]}
    - {name: out, device: d1, role: outside, addresses: [192.0.2.2/24], next_hops: [192.0.2.1]}
egress:
  pools: [{name: payments, addresses: [192.0.2.16/30]}, {name: default, addresses: [192.0.2.32/30]}]
  assignments:
    - {namespaceSelector: "team == 'payments'", pool: payments}
    - {selector: all(), pool: default}
workloads: {files: [pods.json]}
policy: {paths: [policy.yaml], never_block: [good.example]}
feeds:
  - {name: bad, path: bad.txt, action: deny}
  - {name: watch, path: watch.txt}
events: {spool: {directory: spool}, sinks: [{kafka: {brokers: ["broker.example:9092"]}}]}
)";

constexpr const char* kPods = R"({"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Namespace",
   "metadata": {"name": "payments", "uid": "n1", "labels": {"team": "payments"}}},
  {"apiVersion": "v1", "kind": "Pod",
   "metadata": {"name": "api-1", "namespace": "payments", "uid": "u1", "labels": {"app": "api"}},
   "spec": {"nodeName": "node-1", "containers": [{"name": "api"}]},
   "status": {"phase": "Running", "podIP": "10.42.1.10"}},
  {"apiVersion": "v1", "kind": "Pod",
   "metadata": {"name": "web-1", "namespace": "frontend", "uid": "u2", "labels": {"app": "web"}},
   "spec": {"nodeName": "node-1", "containers": [{"name": "web"}]},
   "status": {"phase": "Running", "podIP": "10.42.1.11"}}]}
)";

constexpr const char* kPolicy = R"(apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: guard}
spec:
  selector: app == 'api'
  types: [Egress]
  egress:
    - {action: Deny, destination: {domains: [paste.example]}}
    - {action: Allow}
)";

class LoaderTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "load-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        write("s.yaml", kConfig);
        write("pods.json", kPods);
        write("policy.yaml", kPolicy);
        write("bad.txt", "evil.example\n198.51.100.9\n");
        write("watch.txt", "ads.example\n");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ + "/" + name) << text;
    }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

    std::optional<LoadedInputs> load(bool check_only = false) {
        problems_.clear();
        const auto config = config::load_config(path("s.yaml"), config::Purpose::run, problems_);
        if (!config) {
            return std::nullopt;
        }
        LoadOptions options;
        options.state_directory = check_only ? "" : path("state");
        return load_inputs(*config, options, registry_, problems_);
    }
    [[nodiscard]] bool told(const std::string& text) const {
        for (const Problem& problem : problems_) {
            if (problem.text().find(text) != std::string::npos) {
                return true;
            }
        }
        return false;
    }
    [[nodiscard]] std::string all_told() const {
        std::string out;
        for (const Problem& problem : problems_) {
            out += problem.text() + "\n";
        }
        return out;
    }

    std::string folder_;
    identity::WorkloadRegistry registry_;
    Problems problems_;
};

TEST_F(LoaderTest, GoodInputsComeBackWhole) {
    const auto inputs = load();
    ASSERT_TRUE(inputs) << all_told();
    EXPECT_EQ(inputs->workload_counts.pods, 2U);
    const WorkloadId api = inputs->workloads->find(*IpAddress::parse("10.42.1.10"));
    const WorkloadId web = inputs->workloads->find(*IpAddress::parse("10.42.1.11"));
    EXPECT_EQ(inputs->pools.at(api), 0U);
    EXPECT_EQ(inputs->pools.at(web), 1U);
    EXPECT_EQ(inputs->pools.at(kUnknownWorkload), kNoPool);
    EXPECT_EQ(inputs->policy->policy_count(), 1U);
    EXPECT_TRUE(inputs->threats_compiled);
    EXPECT_EQ(inputs->threats_path, path("state/threats.db"));
    ASSERT_EQ(inputs->feed_reports.size(), 2U);
    EXPECT_EQ(inputs->feed_reports[0].indicator_count(), 2U);
    ThreatMatches matches;
    inputs->threats->match_name("www.evil.example", nullptr, matches);
    ASSERT_EQ(matches.size, 1U);
    EXPECT_EQ(inputs->threats->feeds()[matches.items[0].feed].name, "bad");
}

TEST_F(LoaderTest, ALoadThatIsCancelledSaysSoAndLeavesTheDatabaseAlone) {
    auto config = config::load_config(path("s.yaml"), config::Purpose::run, problems_);
    ASSERT_TRUE(config) << all_told();
    int asked = 0;
    const LoadOptions options{path("state"), {}, [&asked] { return ++asked == 2; }};
    EXPECT_FALSE(load_inputs(*config, options, registry_, problems_));
    ASSERT_EQ(problems_.size(), 1U);
    EXPECT_EQ(problems_[0].text(), "given up: the gateway is stopping");
    EXPECT_FALSE(std::filesystem::exists(path("state/threats.db")));
}

TEST_F(LoaderTest, UnchangedFeedsAreNotCompiledAgain) {
    const auto first = load();
    ASSERT_TRUE(first) << all_told();
    const auto written = std::filesystem::last_write_time(path("state/threats.db"));
    const auto again = load();
    ASSERT_TRUE(again) << all_told();
    EXPECT_FALSE(again->threats_compiled);
    EXPECT_EQ(std::filesystem::last_write_time(path("state/threats.db")), written);
    EXPECT_EQ(again->feed_reports.at(0).indicator_count(), 2U);

    write("bad.txt", "other.example\n");
    const auto changed = load();
    ASSERT_TRUE(changed) << all_told();
    ASSERT_EQ(changed->feed_identities.size(), 2U);
    EXPECT_EQ(again->feed_identities, first->feed_identities);
    EXPECT_NE(changed->feed_identities[0], first->feed_identities[0]);
    EXPECT_EQ(changed->feed_identities[1], first->feed_identities[1]);
    EXPECT_TRUE(changed->threats_compiled);
    ThreatMatches matches;
    changed->threats->match_name("evil.example", nullptr, matches);
    EXPECT_TRUE(matches.empty());
    // The old database is still mapped and answers as before.
    again->threats->match_name("evil.example", nullptr, matches);
    EXPECT_FALSE(matches.empty());
}

TEST_F(LoaderTest, DamagedDatabaseIsCompiledAnew) {
    ASSERT_TRUE(load());
    write("state/threats.db", "no database");
    const auto again = load();
    ASSERT_TRUE(again) << all_told();
    EXPECT_TRUE(again->threats_compiled);
}

TEST_F(LoaderTest, WorkloadIdsStayOverLoads) {
    const auto first = load();
    write("pods.json", R"({"apiVersion": "v1", "kind": "List", "items": []})");
    ASSERT_TRUE(load()) << all_told();
    write("pods.json", kPods);
    const auto third = load();
    const auto address = *IpAddress::parse("10.42.1.11");
    EXPECT_EQ(first->workloads->find(address), third->workloads->find(address));
}

TEST_F(LoaderTest, AllPartsNameTheirProblemsInOneRun) {
    write("pods.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [}");
    write(
        "policy.yaml",
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n"
        "metadata: {name: guard}\nspec: {selector: \"app ==\"}\n"
    );
    std::filesystem::remove(path("watch.txt"));
    std::string text = kConfig;
    text.replace(text.find("selector: all()"), 15, "selector: all(");
    write("s.yaml", text);
    EXPECT_FALSE(load());
    EXPECT_TRUE(told("pods.json:1:")) << all_told();
    EXPECT_TRUE(told("policy.yaml:4:")) << all_told();
    EXPECT_TRUE(told("watch.txt")) << all_told();
    EXPECT_TRUE(told("s.yaml:10:7: egress.assignments[1]")) << all_told();
    EXPECT_FALSE(std::filesystem::exists(path("state/threats.db")));
}

TEST_F(LoaderTest, RefusedLoadLeavesTheDatabaseAlone) {
    ASSERT_TRUE(load());
    const auto written = std::filesystem::last_write_time(path("state/threats.db"));
    write("bad.txt", "changed.example\n");
    write("policy.yaml", "kind: [");
    EXPECT_FALSE(load());
    EXPECT_EQ(std::filesystem::last_write_time(path("state/threats.db")), written);
}

TEST_F(LoaderTest, FilesThatAreNotThere) {
    for (const auto* name : {"pods.json", "policy.yaml", "bad.txt"}) {
        const std::string text = [&] {
            std::ifstream in(path(name));
            return std::string(std::istreambuf_iterator<char>(in), {});
        }();
        std::filesystem::remove(path(name));
        EXPECT_FALSE(load()) << name;
        EXPECT_TRUE(told(name)) << all_told();
        write(name, text);
    }
    EXPECT_TRUE(load()) << all_told();
}

TEST_F(LoaderTest, BadLineWithinBudgetIsANoteBeyondItRefuses) {
    write("bad.txt", "evil.example\nnot a name at all !!\n");
    const auto inputs = load();
    ASSERT_TRUE(inputs) << all_told();
    EXPECT_TRUE(std::any_of(inputs->notes.begin(), inputs->notes.end(), [](const Problem& note) {
        return note.text().find("bad.txt:2:") != std::string::npos;
    }));
    std::string many;
    for (int i = 0; i < 50; ++i) {
        many += "not a name at all !!\n";
    }
    write("bad.txt", many);
    EXPECT_FALSE(load());
    EXPECT_TRUE(told("bad.txt:1:")) << all_told();
}

TEST_F(LoaderTest, CheckReadsEverythingAndWritesNothing) {
    const auto inputs = load(true);
    ASSERT_TRUE(inputs) << all_told();
    EXPECT_FALSE(inputs->threats);
    EXPECT_EQ(inputs->feed_reports.size(), 2U);
    EXPECT_FALSE(std::filesystem::exists(path("state")));
}

TEST_F(LoaderTest, StateThatCannotBeMade) {
    write("state", "a file");
    EXPECT_FALSE(load());
    EXPECT_TRUE(told("gateway.state: ")) << all_told();
}

TEST_F(LoaderTest, OurOwnAddressesAndBrokersAreNeverBlocked) {
    write("bad.txt", "192.0.2.1\n192.0.2.17\nbroker.example\nwww.good.example\nevil.example\n");
    const auto inputs = load();
    ASSERT_TRUE(inputs) << all_told();
    EXPECT_EQ(inputs->feed_reports[0].indicator_count(), 1U);
}

TEST_F(LoaderTest, WhatAnInterruptedCompileLeftIsRemoved) {
    ASSERT_TRUE(load());
    write("state/threats.db.abc123", "half");
    write("state/other.db", "kept");
    discard_other_databases(path("state"), path("state/threats.db"));
    EXPECT_FALSE(std::filesystem::exists(path("state/threats.db.abc123")));
    EXPECT_TRUE(std::filesystem::exists(path("state/threats.db")));
    EXPECT_TRUE(std::filesystem::exists(path("state/other.db")));
    discard_other_databases(path("none"), path("none/threats.db"));
}

}  // namespace
}  // namespace sallyport::control
