// SPDX-License-Identifier: Apache-2.0
// Goal: no read moves past the end, and one that fails changes nothing. Method: every read at every
// size.
#include "classifier/byte_cursor.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sallyport::classifier {
namespace {

constexpr std::array<std::uint8_t, 5> kBytes{0x01, 0x02, 0x03, 0x04, 0x05};

TEST(ByteCursor, ReadsBigEndian) {
    ByteCursor cursor(kBytes);
    std::uint16_t two = 0;
    std::uint32_t three = 0;
    ASSERT_TRUE(cursor.read_u16(two));
    ASSERT_TRUE(cursor.read_u24(three));
    EXPECT_EQ(two, 0x0102);
    EXPECT_EQ(three, 0x030405U);
    EXPECT_TRUE(cursor.empty());

    ByteCursor again(kBytes);
    std::uint8_t one = 0;
    std::uint32_t four = 0;
    ASSERT_TRUE(again.read_u8(one));
    ASSERT_TRUE(again.read_u32(four));
    EXPECT_EQ(one, 0x01);
    EXPECT_EQ(four, 0x02030405U);
}

TEST(ByteCursor, FailingReadLeavesCursorAndOutputAlone) {
    for (std::size_t size = 0; size <= kBytes.size(); ++size) {
        const std::span<const std::uint8_t> bytes(kBytes.data(), size);
        ByteCursor cursor(bytes);
        std::uint8_t one = 0xEE;
        std::uint16_t two = 0xEEEE;
        std::uint32_t three = 0xEEEEEEEE;
        std::uint32_t four = 0xEEEEEEEE;
        ByteCursor sub;
        if (size < 4) {
            EXPECT_FALSE(cursor.read_u32(four));
        }
        if (size < 3) {
            EXPECT_FALSE(cursor.read_u24(three));
        }
        if (size < 2) {
            EXPECT_FALSE(cursor.read_u16(two));
        }
        if (size < 1) {
            EXPECT_FALSE(cursor.read_u8(one));
        }
        EXPECT_FALSE(cursor.skip(size + 1));
        EXPECT_FALSE(cursor.skip(SIZE_MAX));
        EXPECT_FALSE(cursor.take(size + 1, sub));
        EXPECT_FALSE(cursor.take(SIZE_MAX, sub));
        EXPECT_EQ(cursor.position(), 0U);
        EXPECT_EQ(cursor.remaining(), size);
        EXPECT_EQ(one, 0xEE);
        EXPECT_EQ(two, 0xEEEE);
        EXPECT_EQ(three, 0xEEEEEEEEU);
        EXPECT_EQ(four, 0xEEEEEEEEU);
        EXPECT_EQ(sub.remaining(), 0U);
    }
}

TEST(ByteCursor, SubCursorCannotSeePastItsEnd) {
    ByteCursor cursor(kBytes);
    ByteCursor sub;
    ASSERT_TRUE(cursor.take(3, sub));
    EXPECT_EQ(cursor.position(), 3U);
    EXPECT_EQ(sub.remaining(), 3U);
    std::uint32_t four = 0;
    EXPECT_FALSE(sub.read_u32(four));
    EXPECT_TRUE(sub.skip(3));
    EXPECT_TRUE(sub.empty());
    EXPECT_EQ(cursor.rest().size(), 2U);
    EXPECT_EQ(cursor.rest().front(), 0x04);
}

TEST(ByteCursor, EmptyTakeIsNoError) {
    ByteCursor cursor;
    ByteCursor sub(kBytes);
    EXPECT_TRUE(cursor.take(0, sub));
    EXPECT_TRUE(sub.empty());
    EXPECT_TRUE(cursor.skip(0));
}

TEST(ByteCursor, VectorIsReadWholeOrNotAtAll) {
    const std::vector<std::uint8_t> storage{0x00, 0x02, 0xAA, 0xBB};
    const std::span<const std::uint8_t> bytes = storage;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ByteCursor cursor(bytes.first(size));
        ByteCursor vector;
        EXPECT_FALSE(cursor.take_u16(vector)) << size;
        EXPECT_EQ(cursor.position(), 0U) << size;
    }
    ByteCursor cursor(bytes);
    ByteCursor vector;
    ASSERT_TRUE(cursor.take_u16(vector));
    EXPECT_EQ(vector.remaining(), 2U);
    EXPECT_TRUE(cursor.empty());

    ByteCursor small(bytes.subspan(1));
    ASSERT_TRUE(small.take_u8(vector));
    EXPECT_EQ(vector.rest()[1], 0xBB);
    ByteCursor cut(bytes.subspan(1, 2));
    EXPECT_FALSE(cut.take_u8(vector));
    EXPECT_EQ(cut.position(), 0U);
}

}  // namespace
}  // namespace sallyport::classifier
