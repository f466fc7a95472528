// SPDX-License-Identifier: Apache-2.0
// Goal: an id means one pod for ever. T1 is churned with a seeded generator against a map kept by
// hand.
#include "gateway/identity/workload_registry.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sallyport::identity {
namespace {

Workload pod(const std::string& uid, std::uint32_t address) {
    Workload w;
    w.kind = Workload::Kind::pod;
    w.namespace_name = "n";
    w.pod = "pod-" + uid;
    w.uid = uid;
    w.addresses = {IpAddress::v4(address)};
    return w;
}

TEST(WorkloadRegistry, CountsWhatChanges) {
    WorkloadRegistry registry;
    EXPECT_EQ(registry.table()->size(), 2U);
    RegistryChange change = registry.replace({pod("a", 1), pod("b", 2)});
    EXPECT_EQ(change.added, 2U);
    const auto first = change.table;
    change = registry.replace({pod("a", 1), pod("b", 2)});
    EXPECT_FALSE(change.any());
    EXPECT_EQ(change.unchanged, 2U);
    EXPECT_EQ(change.table, first);
    change = registry.replace({pod("a", 3)});
    EXPECT_EQ(change.changed, 1U);
    EXPECT_EQ(change.removed, 1U);
    EXPECT_EQ(change.table->find(IpAddress::v4(2)), kUnknownWorkload);
    EXPECT_EQ((*change.table)[3].pod, "pod-b");  // gone, but its events still have a name
    EXPECT_FALSE((*change.table)[3].live);
}

TEST(WorkloadRegistry, T1AddressReuseGetsANewId) {
    WorkloadRegistry registry;
    const auto before = registry.replace({pod("a", 1)}).table;
    const auto after = registry.replace({pod("b", 1)}).table;
    EXPECT_EQ(before->find(IpAddress::v4(1)), 2U);
    EXPECT_EQ(after->find(IpAddress::v4(1)), 3U);
    // The old table, still read by a worker, is not touched.
    EXPECT_EQ(before->find(IpAddress::v4(1)), 2U);
    EXPECT_TRUE((*before)[2].live);
}

TEST(WorkloadRegistry, WithoutUidTheNameIsTheIdentity) {
    WorkloadRegistry registry;
    Workload a = pod("", 1);
    Workload b = pod("", 2);
    b.pod = "other";
    EXPECT_EQ(registry.replace({a, b}).added, 2U);
    EXPECT_EQ(registry.replace({b, a}).unchanged, 2U);
}

TEST(WorkloadRegistry, T1ChurnOverASmallPoolIsNeverWrong) {
    constexpr std::uint32_t kPool = 64;
    constexpr int kRounds = 500;
    std::mt19937 random(20260112);
    WorkloadRegistry registry;
    std::map<std::uint32_t, std::string> owners;  // address -> uid
    std::map<std::string, WorkloadId> ids;        // uid -> id, for ever
    int next = 0;
    for (int round = 0; round < kRounds; ++round) {
        for (int i = 0; i < 8; ++i) {
            const std::uint32_t address = random() % kPool + 1;
            if (random() % 3 == 0) {
                owners.erase(address);
            } else {
                owners[address] = "u" + std::to_string(next++);
            }
        }
        std::vector<Workload> live;
        for (const auto& [address, uid] : owners) {
            live.push_back(pod(uid, address));
        }
        std::shuffle(live.begin(), live.end(), random);
        const auto table = registry.replace(std::move(live)).table;
        for (std::uint32_t address = 1; address <= kPool; ++address) {
            const WorkloadId id = table->find(IpAddress::v4(address));
            const auto owner = owners.find(address);
            if (owner == owners.end()) {
                ASSERT_EQ(id, kUnknownWorkload);
                continue;
            }
            ASSERT_EQ((*table)[id].uid, owner->second);
            const auto [known, fresh] = ids.emplace(owner->second, id);
            ASSERT_EQ(known->second, id);
        }
    }
}

}  // namespace
}  // namespace sallyport::identity
