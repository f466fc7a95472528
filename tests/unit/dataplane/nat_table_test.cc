// SPDX-License-Identifier: Apache-2.0
// Goal: what status tells of a pool is what flows hold. Method: one address, blocks of two ports.
#include "gateway/dataplane/nat_table.h"

#include <gtest/gtest.h>

namespace sallyport::dataplane {
namespace {

TEST(AddressPorts, CountsThePortsThatFlowsHoldUpToThoseOfTheirBlock) {
    AddressPorts ports(0x0100000AU, 2, 0, 1, 7);
    const std::uint32_t block = ports.take(5, 0, 0);
    ASSERT_NE(block, kNoBlock);
    EXPECT_EQ(ports.ports_used(), 0U);  // a block is taken, no port of it
    ports.add_flow(block);
    EXPECT_EQ(ports.ports_used(), 1U);
    ports.add_flow(block);
    ports.add_flow(block);  // shares a port with another destination's flow
    EXPECT_EQ(ports.ports_used(), 2U);
    for (int left = 2; left >= 0; --left) {
        ports.remove_flow(block, 1);
        EXPECT_EQ(ports.ports_used(), static_cast<std::uint32_t>(left));
    }
}

TEST(AddressPorts, CountsFlowsThatGotNone) {
    AddressPorts ports(0x0100000AU, 64, 0, 1, 7);
    EXPECT_EQ(ports.refusals(), 0U);
    ports.refuse();
    ports.refuse();
    EXPECT_EQ(ports.refusals(), 2U);
}

}  // namespace
}  // namespace sallyport::dataplane
