// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/units.h"

#include "gateway/config/nearest.h"

#include <gtest/gtest.h>

namespace sallyport::config {
namespace {

TEST(Units, DurationsThatAreNone) {
    for (const auto* text :
         {"",
          "ms",
          "5",
          "-5s",
          "5 s",
          "1.5h",
          "5S",
          "1h30",
          "9223372036854775808ms",
          "99999999999999999999d",
          "s5",
          "5sec"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
}

TEST(Units, DurationsRoundTrip) {
    using std::chrono::milliseconds;
    EXPECT_EQ(parse_duration("0"), milliseconds(0));
    EXPECT_EQ(parse_duration("200ms"), milliseconds(200));
    EXPECT_EQ(parse_duration("1h30m"), milliseconds(5'400'000));
    EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
    for (const auto* text : {"0", "1ms", "200ms", "1s500ms", "1h30m", "7d", "1d1ms"}) {
        EXPECT_EQ(duration_text(*parse_duration(text)), text);
    }
}

TEST(Units, SizesThatAreNone) {
    for (const auto* text :
         {"",
          "GiB",
          "5gib",
          "-1",
          "1.5GiB",
          "1 GiB",
          "18446744073709551616",
          "99999999TiB",
          "5K"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
}

TEST(Units, SizesRoundTrip) {
    EXPECT_EQ(parse_size("4096")->bytes, 4096U);
    EXPECT_EQ(parse_size("10GB")->bytes, 10'000'000'000U);
    EXPECT_EQ(parse_size("64GiB")->bytes, 64ULL << 30U);
    for (const auto* text : {"0", "1", "1000", "1KiB", "512MiB", "64GiB", "3TiB"}) {
        EXPECT_EQ(size_text(*parse_size(text)), text);
    }
}

TEST(Nearest, FindsSwapsCaseAndDashes) {
    const std::vector<std::string_view> keys{"addresses", "block_size", "mode", "name"};
    EXPECT_EQ(nearest("adresses", keys), "addresses");
    EXPECT_EQ(nearest("block-size", keys), "block_size");
    EXPECT_EQ(nearest("NAME", keys), "name");
    EXPECT_EQ(nearest("nmae", keys), "name");
    EXPECT_EQ(nearest("selector", keys), "");
    EXPECT_EQ(nearest("", keys), "");
    EXPECT_EQ(nearest(std::string(100, 'a'), keys), "");
}

}  // namespace
}  // namespace sallyport::config
