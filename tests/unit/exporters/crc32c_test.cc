// SPDX-License-Identifier: Apache-2.0
#include "exporters/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace sallyport::exporters {
namespace {

TEST(Crc32c, GivesTheVectorsOfRfc3720AppendixB4) {
    std::vector<std::uint8_t> bytes(32, 0x00);
    EXPECT_EQ(crc32c(0, bytes), 0x8A9136AAU);
    bytes.assign(32, 0xFF);
    EXPECT_EQ(crc32c(0, bytes), 0x62A8AB43U);
    for (std::size_t i = 0; i < 32; ++i) {
        bytes[i] = static_cast<std::uint8_t>(i);
    }
    EXPECT_EQ(crc32c(0, bytes), 0x46DD794EU);
}

TEST(Crc32c, FastAndPortableAgreeOnEveryLengthAndSplit) {
    std::mt19937 random(1);
    std::vector<std::uint8_t> bytes(257);
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(random());
    }
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const auto part = std::span(bytes).first(size);
        const std::uint32_t whole = crc32c_portable(0, part);
        EXPECT_EQ(crc32c(0, part), whole);
        EXPECT_EQ(crc32c(crc32c(0, part.first(size / 3)), part.subspan(size / 3)), whole);
    }
}

}  // namespace
}  // namespace sallyport::exporters
