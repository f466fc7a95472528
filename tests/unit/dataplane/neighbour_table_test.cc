// SPDX-License-Identifier: Apache-2.0
// Goal: addresses that do not answer neither fill the table for good nor are asked for without end,
// and what a flow remembers of one never leads to another's station. Method: the table alone, at
// made-up times.
#include "gateway/dataplane/neighbour_table.h"

#include "tests/unit/dataplane/pipeline_fixture.h"

#include <memory>

namespace sallyport::test {
namespace {

using dataplane::kNoNeighbour;
using dataplane::LinkAddress;
using dataplane::NeighbourTable;

constexpr LinkAddress kStation{2, 0, 0, 0, 0, 9};

class NeighbourTableTest : public ::testing::Test {
protected:
    static IpAddress host(std::uint32_t i) { return IpAddress::v4(0xC0000200U + i); }
    /// A configured hop, one that answers, and others that never do, at second 100.
    void fill() {
        configured = table->find_or_add(host(0), 1);
        known = table->find_or_add(host(1), 1, 100);
        table->learn(known, kStation, 100);
        for (std::uint32_t i = 2; i < NeighbourTable::kCapacity; ++i) {
            ASSERT_NE(table->find_or_add(host(i), 1, 100), kNoNeighbour);
        }
    }
    std::unique_ptr<NeighbourTable> table = std::make_unique<NeighbourTable>();
    std::uint16_t configured = 0;
    std::uint16_t known = 0;
};

TEST_F(NeighbourTableTest, SilentEntriesMakeRoomAfterAWhile) {
    fill();
    EXPECT_EQ(table->find_or_add(host(5000), 1, 105), kNoNeighbour) << "they may still answer";
    for (std::uint32_t i = 0; i < NeighbourTable::kCapacity - 2; ++i) {
        ASSERT_NE(table->find_or_add(host(5000 + i), 1, 110), kNoNeighbour) << i;
    }
    EXPECT_EQ(table->find_or_add(host(9000), 1, 110), kNoNeighbour);
    EXPECT_EQ(table->find(host(0), 1), configured) << "never given away";
    EXPECT_EQ(table->find(host(1), 1), known);
    EXPECT_NE(table->word(known), 0U);
}

TEST_F(NeighbourTableTest, HandleOfAnEarlierAddressFindsNothing) {
    fill();
    const std::uint16_t old = table->find(host(2), 1);
    const std::uint16_t fresh = table->find_or_add(host(5000), 1, 110);
    ASSERT_EQ(old % NeighbourTable::kCapacity, fresh % NeighbourTable::kCapacity);
    table->learn(fresh, kStation, 110);
    EXPECT_NE(table->word(fresh), 0U);
    EXPECT_EQ(table->word(old), 0U);
    EXPECT_FALSE(table->is_current(old));
    EXPECT_FALSE(table->wants_request(old, 111));
    table->learn(old, kStation, 111);  // an answer that comes too late
    EXPECT_EQ(table->word(fresh), 0U) << "asked for again rather than sent astray";
    EXPECT_EQ(table->address(fresh).text(), host(5000).text());
}

TEST_F(NeighbourTableTest, UnansweredRequestsBecomeRare) {
    const std::uint16_t silent = table->find_or_add(host(2), 1, 100);
    const std::uint16_t hop = table->find_or_add(host(0), 1);
    int asked = 0;
    int asked_hop = 0;
    for (std::uint64_t second = 100; second < 200; ++second) {
        asked += table->wants_request(silent, second) ? 1 : 0;
        asked_hop += table->wants_request(hop, second) ? 1 : 0;
    }
    EXPECT_EQ(asked, 9) << "after 2, 4 and 8, then every 16 seconds";
    EXPECT_EQ(asked_hop, 100) << "the way out is asked for every second";
    table->learn(silent, kStation, 200);
    EXPECT_FALSE(table->wants_request(silent, 229));
    EXPECT_TRUE(table->wants_request(silent, 230));
    EXPECT_TRUE(table->wants_request(silent, 232));
}

class PipelinePeers : public PipelineTest {};

TEST_F(PipelinePeers, FullTableIsADropOfItsOwn) {
    settings.pipeline.flows_max = 8192;
    for (std::uint32_t i = 0; i <= 4096; ++i) {
        Bytes frame = from_pod({}).udp(static_cast<std::uint16_t>(1024 + i), 443).build();
        frame[10] = static_cast<std::uint8_t>(i >> 8U);
        frame[11] = static_cast<std::uint8_t>(i);
        ASSERT_EQ(rig().send(frame).at(0).port, i < 4096 ? kOutsidePort : kInsidePort);
        if (i % 1000 == 0) {
            (void)rig().events();
        }
    }
    EXPECT_EQ(rig().drops(DropReason::peer_table_full), 1U);
}

}  // namespace
}  // namespace sallyport::test
