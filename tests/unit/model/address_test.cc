// SPDX-License-Identifier: Apache-2.0
#include "gateway/model/address.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <unordered_set>

namespace sallyport {
namespace {

IpAddress address(std::string_view text) {
    const auto parsed = IpAddress::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(IpAddress{});
}

IpPrefix prefix(std::string_view text) {
    const auto parsed = IpPrefix::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(IpPrefix{});
}

TEST(IpAddress, RefusesWhatIsNotOneAddress) {
    for (const std::string_view text :
         {"",
          " ",
          "1.2.3",
          "1.2.3.4.5",
          "1.2.3.256",
          "01.2.3.4",
          "1.2.3.4 ",
          " 1.2.3.4",
          "0x1.2.3.4",
          "1.2.3.4/32",
          "1.2.3.4:53",
          "[::1]",
          "::1%eth0",
          "1::2::3",
          "12345::",
          ":::",
          "a.example",
          "1:2:3:4:5:6:7:8:9",
          "1234567890123456789012345678901234567890123456"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
    EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0.example", 16)));
}

TEST(IpAddress, TextIsCanonical) {
    // RFC 5952 section 4 for IPv6.
    for (const auto& [text, canonical] : {
             std::pair{"192.0.2.1", "192.0.2.1"},
             std::pair{"0.0.0.0", "0.0.0.0"},
             std::pair{"255.255.255.255", "255.255.255.255"},
             std::pair{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
             std::pair{"2001:0db8::0001", "2001:db8::1"},
             std::pair{"::", "::"},
             std::pair{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
             std::pair{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
             std::pair{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
         }) {
        EXPECT_EQ(address(text).text(), canonical);
    }
    EXPECT_EQ(IpAddress{}.text(), "");
}

TEST(IpAddress, FamiliesNeverCompareEqual) {
    EXPECT_NE(address("0.0.0.0"), address("::"));
    EXPECT_NE(address("1.2.3.4"), address("::ffff:1.2.3.4"));
    EXPECT_NE(address("0.0.0.0"), IpAddress{});
    EXPECT_TRUE(address("1.2.3.4").is_v4());
    EXPECT_TRUE(address("::1").is_v6());
    EXPECT_EQ(address("1.2.3.4").bits(), 32U);
    EXPECT_EQ(address("::1").bits(), 128U);
    EXPECT_EQ(IpAddress{}.bits(), 0U);
}

TEST(IpAddress, IntegersAndBytes) {
    const IpAddress a = address("192.0.2.1");
    EXPECT_EQ(a.v4_host(), 0xC0000201U);
    EXPECT_EQ(IpAddress::v4(0xC0000201U), a);
    EXPECT_EQ(IpAddress::v4_raw(a.v4_raw()), a);
    EXPECT_EQ(address("::1").v4_host(), 0U);
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0D, 0xB8};
    bytes[15] = 9;
    EXPECT_EQ(IpAddress::v6(bytes.data()), address("2001:db8::9"));
}

TEST(IpAddress, OrdersByBytesWithinAFamily) {
    EXPECT_LT(address("9.255.255.255"), address("10.0.0.0"));
    EXPECT_LT(address("2001:db8::1"), address("2001:db8::2"));
    const std::unordered_set<IpAddress> set{address("1.2.3.4"), address("1.2.3.4"), address("::1")};
    EXPECT_EQ(set.size(), 2U);
}

TEST(IpPrefix, RefusesBadLengths) {
    for (const std::string_view text :
         {"1.2.3.4/33",
          "::/129",
          "1.2.3.4/",
          "1.2.3.4/-1",
          "1.2.3.4/+8",
          "1.2.3.4/8x",
          "1.2.3.4/ 8",
          "1.2.3.4/8/8",
          "/8",
          "1.2.3/8",
          "::/99999999999"}) {
        EXPECT_FALSE(IpPrefix::parse(text)) << text;
    }
}

TEST(IpPrefix, BareAddressIsItself) {
    EXPECT_EQ(prefix("1.2.3.4").length, 32);
    EXPECT_EQ(prefix("::1").length, 128);
    EXPECT_EQ(prefix("1.2.3.4").text(), "1.2.3.4/32");
}

TEST(IpPrefix, CanonicalClearsHostBits) {
    EXPECT_EQ(prefix("10.1.2.3/8").canonical().text(), "10.0.0.0/8");
    EXPECT_EQ(prefix("10.1.2.255/25").canonical().text(), "10.1.2.128/25");
    EXPECT_EQ(prefix("10.1.2.3/0").canonical().text(), "0.0.0.0/0");
    EXPECT_EQ(prefix("2001:db8:ffff::1/33").canonical().text(), "2001:db8:8000::/33");
    EXPECT_EQ(prefix("2001:db8::ffff/127").canonical().text(), "2001:db8::fffe/127");
}

TEST(IpPrefix, ContainsAtEveryLength) {
    const IpAddress base = address("170.85.170.85");
    for (std::uint8_t length = 0; length <= 32; ++length) {
        const IpPrefix p{base, length};
        EXPECT_TRUE(p.contains(base)) << int{length};
        if (length > 0) {
            // The last bit inside the prefix decides, the first outside does not.
            const std::uint32_t inside = 1U << (32U - length);
            EXPECT_FALSE(p.contains(IpAddress::v4(base.v4_host() ^ inside))) << int{length};
        }
        if (length < 32) {
            const std::uint32_t outside = 1U << (31U - length);
            EXPECT_TRUE(p.contains(IpAddress::v4(base.v4_host() ^ outside))) << int{length};
        }
    }
    EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("::")));
    EXPECT_FALSE(prefix("::/0").contains(address("1.2.3.4")));
    EXPECT_TRUE(prefix("fd00::/8").contains(address("fdff::1")));
}

}  // namespace
}  // namespace sallyport
