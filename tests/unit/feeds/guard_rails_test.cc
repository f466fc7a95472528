// SPDX-License-Identifier: Apache-2.0
#include "feeds/guard_rails.h"

#include "tests/unit/feeds/feed_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sallyport::feeds {
namespace {

std::string left_of(const GuardRails& rails, std::string_view prefix) {
    std::string out;
    for (const IpPrefix& part : rails.subtract(*IpPrefix::parse(prefix))) {
        out += (out.empty() ? "" : " ") + part.text();
    }
    return out;
}

TEST(GuardRails, PublicAddressesPassWhole) {
    const GuardRails rails({});
    EXPECT_EQ(left_of(rails, "198.51.100.7/32"), "198.51.100.7/32");
    EXPECT_EQ(left_of(rails, "11.0.0.0/8"), "11.0.0.0/8");
    EXPECT_EQ(left_of(rails, "2001:db8::/32"), "2001:db8::/32");
}

TEST(GuardRails, F1_GuardedRangesVanish) {
    const GuardRails rails({});
    for (const char* text :
         {"0.0.0.0/8",
          "0.1.2.3/32",
          "10.0.0.0/8",
          "10.255.255.255/32",
          "100.64.0.0/10",
          "127.0.0.1/32",
          "169.254.169.254/32",
          "172.16.0.0/12",
          "172.31.255.255/32",
          "192.168.1.0/24",
          "224.0.0.251/32",
          "239.0.0.0/8",
          "240.0.0.0/4",
          "255.255.255.255/32",
          "::/128",
          "::1/128",
          "fd00::/8",
          "fe80::1/128",
          "ff02::fb/128"}) {
        EXPECT_EQ(left_of(rails, text), "") << text;
    }
}

TEST(GuardRails, F1_RangeInsideAPrefixIsCutOut) {
    NeverBlock never;
    never.prefixes = {*IpPrefix::parse("198.51.100.4/30")};
    const GuardRails rails(never);
    EXPECT_EQ(left_of(rails, "198.51.100.0/28"), "198.51.100.0/30 198.51.100.8/29");
    EXPECT_EQ(left_of(rails, "172.0.0.0/11"), "172.0.0.0/12");
}

TEST(GuardRails, WhatIsLeftIsThePrefixWithoutTheRanges) {
    NeverBlock never;
    for (const char* text : {"198.51.100.7/32", "198.51.100.64/26", "198.51.96.0/22"}) {
        never.prefixes.push_back(*IpPrefix::parse(text));
    }
    const GuardRails rails(never);
    std::mt19937 random(23);
    for (int i = 0; i < 300; ++i) {
        const auto length = static_cast<std::uint8_t>(16 + random() % 17);
        const IpPrefix prefix =
            IpPrefix{
                IpAddress::v4(0xC6336000U + static_cast<std::uint32_t>(random() % 4096)), length}
                .canonical();
        const std::vector<IpPrefix> parts = rails.subtract(prefix);
        for (int k = 0; k < 50; ++k) {
            const IpAddress address = IpAddress::v4(
                prefix.address.v4_host() +
                static_cast<std::uint32_t>(random() % (1ULL << (32 - length)))
            );
            const auto holds = [&address](const IpPrefix& p) { return p.contains(address); };
            const bool guarded = std::ranges::any_of(never.prefixes, holds);
            ASSERT_EQ(std::ranges::count_if(parts, holds), guarded ? 0 : 1) << address.text();
        }
    }
}

TEST(GuardRails, NeverBlockedNames) {
    NeverBlock never;
    never.names = {"api.cluster.example", ""};
    const GuardRails rails(never);
    EXPECT_TRUE(rails.never_blocks("api.cluster.example", false));
    EXPECT_TRUE(rails.never_blocks("x.api.cluster.example", false));
    EXPECT_TRUE(rails.never_blocks("cluster.example", true));
    EXPECT_FALSE(rails.never_blocks("cluster.example", false));
    EXPECT_FALSE(rails.never_blocks("other.example", true));
}

TEST(GuardRails, F2_PublicSuffixes) {
    EXPECT_TRUE(is_public_suffix("com"));
    EXPECT_TRUE(is_public_suffix("co.uk"));
    EXPECT_TRUE(is_public_suffix("github.io"));
    EXPECT_TRUE(is_public_suffix("notatld"));
    EXPECT_FALSE(is_public_suffix("example.com"));
    EXPECT_FALSE(is_public_suffix("x.github.io"));
    EXPECT_FALSE(is_public_suffix("evil.notatld"));
    EXPECT_TRUE(is_top_level_domain("com"));
    EXPECT_FALSE(is_top_level_domain("notatld"));
    EXPECT_FALSE(is_top_level_domain("co.uk"));
}

}  // namespace
}  // namespace sallyport::feeds
