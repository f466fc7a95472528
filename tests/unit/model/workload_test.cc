// SPDX-License-Identifier: Apache-2.0
// Goal: an address gives its one live owner, or says why not; a wrong name is worse than none.
#include "gateway/model/workload.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sallyport {
namespace {

IpAddress address(std::string_view text) {
    return IpAddress::parse(text).value();
}

Workload pod(std::string name, const std::vector<std::string_view>& addresses, bool live = true) {
    Workload out;
    out.kind = Workload::Kind::pod;
    out.live = live;
    out.pod = std::move(name);
    for (const std::string_view text : addresses) {
        out.addresses.push_back(address(text));
    }
    return out;
}

WorkloadTable table(std::vector<Workload> more) {
    std::vector<Workload> all(2);
    for (Workload& workload : more) {
        all.push_back(std::move(workload));
    }
    return WorkloadTable(std::move(all));
}

TEST(WorkloadTable, EmptyKnowsNobody) {
    const WorkloadTable empty;
    EXPECT_EQ(empty.size(), 2U);
    EXPECT_EQ(empty.live_count(), 0U);
    EXPECT_EQ(empty.find(address("10.0.0.1")), kUnknownWorkload);
    EXPECT_EQ(empty.find(IpAddress{}), kUnknownWorkload);
    EXPECT_EQ(WorkloadTable(std::vector<Workload>{}).size(), 2U)
        << "the two stand-ins always exist";
}

TEST(WorkloadTable, FindsEveryAddressOfAPod) {
    const WorkloadTable pods = table({pod("a", {"10.0.0.1", "fd00::1"}), pod("b", {"10.0.0.2"})});
    EXPECT_EQ(pods[pods.find(address("10.0.0.1"))].pod, "a");
    EXPECT_EQ(pods[pods.find(address("fd00::1"))].pod, "a");
    EXPECT_EQ(pods[pods.find(address("10.0.0.2"))].pod, "b");
    EXPECT_EQ(pods.find(address("10.0.0.3")), kUnknownWorkload);
    EXPECT_EQ(pods.find(address("::ffff:10.0.0.1")), kUnknownWorkload);
    EXPECT_EQ(pods.live_count(), 2U);
}

TEST(WorkloadTable, TwoLiveClaimsAreAmbiguous) {
    const WorkloadTable pods =
        table({pod("a", {"10.0.0.1", "10.0.0.9"}), pod("b", {"10.0.0.9"}), pod("c", {"10.0.0.9"})});
    EXPECT_EQ(pods.find(address("10.0.0.9")), kAmbiguousWorkload);
    EXPECT_EQ(pods.ambiguous_count(), 1U);  // addresses, not claims
    EXPECT_EQ(pods.status(pods.find(address("10.0.0.9"))), AttributionStatus::ambiguous);
    EXPECT_EQ(pods[pods.find(address("10.0.0.1"))].pod, "a") << "its other address stays its own";
}

TEST(WorkloadTable, TheSameAddressTwiceInOnePodIsNoConflict) {
    const WorkloadTable pods = table({pod("a", {"10.0.0.1", "10.0.0.1"})});
    EXPECT_EQ(pods[pods.find(address("10.0.0.1"))].pod, "a");
}

// T2 of the failures page: a pod that is gone keeps its id for events, not its address.
TEST(WorkloadTable, GoneWorkloadsOwnNothing) {
    const WorkloadTable pods = table(
        {pod("old", {"10.0.0.1"}, false),
         pod("new", {"10.0.0.1"}),
         pod("gone", {"10.0.0.2"}, false)}
    );
    EXPECT_EQ(pods[pods.find(address("10.0.0.1"))].pod, "new");
    EXPECT_EQ(pods.find(address("10.0.0.2")), kUnknownWorkload);
    EXPECT_EQ(pods.live_count(), 1U);
    EXPECT_EQ(pods[2].pod, "old");
}

TEST(WorkloadTable, Statuses) {
    Workload node;
    node.kind = Workload::Kind::node;
    node.live = true;
    node.addresses = {address("192.0.2.1")};
    const WorkloadTable all = table({pod("a", {"10.0.0.1"}), node});
    EXPECT_EQ(all.status(all.find(address("10.0.0.1"))), AttributionStatus::known);
    EXPECT_EQ(all.status(all.find(address("192.0.2.1"))), AttributionStatus::node);
    EXPECT_EQ(all.status(all.find(address("10.9.9.9"))), AttributionStatus::unknown);
}

TEST(WorkloadTable, ManyPods) {
    constexpr std::uint32_t kPods = 20000;
    std::vector<Workload> pods;
    for (std::uint32_t i = 0; i < kPods; ++i) {
        Workload one = pod("p" + std::to_string(i), {});
        one.addresses = {IpAddress::v4(0x0A000000U + i)};
        pods.push_back(std::move(one));
    }
    const WorkloadTable all = table(std::move(pods));
    for (std::uint32_t i = 0; i < kPods; ++i) {
        ASSERT_EQ(all.find(IpAddress::v4(0x0A000000U + i)), i + 2);
        ASSERT_EQ(all.find(IpAddress::v4(0x0B000000U + i)), kUnknownWorkload);
    }
}

}  // namespace
}  // namespace sallyport
