// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/egress_assignments.h"

#include "tests/unit/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

AssignmentRow row(
    std::string_view selector, std::string_view namespace_selector, std::uint16_t pool
) {
    auto parsed = AssignmentRow::parse(selector, namespace_selector, pool);
    EXPECT_TRUE(parsed.ok());
    return std::move(parsed).value();
}

TEST(EgressAssignments, FirstMatchWins) {
    const WorkloadTable table(cluster());
    const auto pools = assign_pools(
        {row("app == 'db'", "team == 'pay'", 7), row("", "team == 'pay'", 1), row("all()", "", 0)},
        table
    );
    EXPECT_EQ(pools, (std::vector<std::uint16_t>{kNoPool, kNoPool, 1, 7, 0, 0}));
}

TEST(EgressAssignments, NamespaceRowsLeaveNodesOut) {
    const WorkloadTable table(cluster());
    const auto pools = assign_pools({row("", "all()", 3)}, table);
    EXPECT_EQ(pools[kApi], 3);
    EXPECT_EQ(pools[kNode], kNoPool);
    EXPECT_EQ(assign_pools({}, table)[kApi], kNoPool);
}

TEST(EgressAssignments, ErrorsNameKeyAndColumn) {
    EXPECT_EQ(
        AssignmentRow::parse("a = 'b'", "", 0).error().message, "selector: column 3: expected =="
    );
    EXPECT_EQ(
        AssignmentRow::parse("", "team", 0).error().message,
        "namespaceSelector: column 5: expected operator after label"
    );
    EXPECT_FALSE(AssignmentRow::parse("global()", "", 0).ok());
}

}  // namespace
}  // namespace sallyport::policy
