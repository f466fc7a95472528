// SPDX-License-Identifier: Apache-2.0
// Goal: sets of addresses and names answer as the prefix or wildcard they were made from would.
#include "gateway/policy/address_set.h"
#include "gateway/policy/domain_set.h"

#include <gtest/gtest.h>

#include <random>

namespace sallyport::policy {
namespace {

AddressSet addresses(const std::vector<std::string>& texts) {
    std::vector<IpPrefix> prefixes;
    prefixes.reserve(texts.size());
    for (const std::string& text : texts) {
        prefixes.push_back(*IpPrefix::parse(text));
    }
    return AddressSet(prefixes);
}

bool contains(const AddressSet& set, const char* text) {
    return set.contains(*IpAddress::parse(text));
}

TEST(AddressSet, EdgesOfPrefixes) {
    const AddressSet set = addresses(
        {"10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32", "2001:db8::/32", "fd00::1/128", "fe80::/10"}
    );
    EXPECT_EQ(set.range_count(), 5U);
    EXPECT_TRUE(contains(set, "10.0.0.0"));
    EXPECT_TRUE(contains(set, "10.255.255.255"));
    EXPECT_FALSE(contains(set, "9.255.255.255"));
    EXPECT_FALSE(contains(set, "11.0.0.0"));
    EXPECT_TRUE(contains(set, "192.0.2.1"));
    EXPECT_FALSE(contains(set, "192.0.2.2"));
    EXPECT_TRUE(contains(set, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    EXPECT_FALSE(contains(set, "2001:db9::"));
    EXPECT_FALSE(contains(set, "fd00::2"));
    EXPECT_TRUE(contains(set, "febf::1"));
    EXPECT_FALSE(contains(set, "fec0::"));
    EXPECT_FALSE(set.contains(IpAddress{}));
    EXPECT_FALSE(AddressSet().contains(IpAddress::v4(1)));
}

TEST(AddressSet, EverythingAndOneFamily) {
    const AddressSet set = addresses({"0.0.0.0/0"});
    EXPECT_TRUE(contains(set, "255.255.255.255"));
    EXPECT_FALSE(contains(set, "::"));
    EXPECT_TRUE(contains(addresses({"::/0"}), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

TEST(AddressSet, AgreesWithPrefixesOneByOne) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        std::vector<IpPrefix> prefixes;
        for (int i = 0; i < 12; ++i) {
            IpPrefix p;
            p.address = IpAddress::v4(0x0A000000U | (random() & 0xFFFU));
            p.length = static_cast<std::uint8_t>(20 + random() % 13);
            if (random() % 2 == 0) {
                std::array<std::uint8_t, 16> bytes{0xFD};
                bytes[7] = static_cast<std::uint8_t>(random() % 4);
                bytes[8] = static_cast<std::uint8_t>(random() % 4);
                p.address = IpAddress::v6(bytes.data());
                p.length = static_cast<std::uint8_t>(56 + random() % 17);
            }
            prefixes.push_back(p.canonical());
        }
        const AddressSet set(prefixes);
        for (int i = 0; i < 200; ++i) {
            IpAddress address = IpAddress::v4(0x0A000000U | (random() & 0x1FFFU));
            if (random() % 2 == 0) {
                std::array<std::uint8_t, 16> bytes{0xFD};
                bytes[7] = static_cast<std::uint8_t>(random() % 4);
                bytes[8] = static_cast<std::uint8_t>(random() % 4);
                bytes[15] = static_cast<std::uint8_t>(random());
                address = IpAddress::v6(bytes.data());
            }
            const bool wanted =
                std::any_of(prefixes.begin(), prefixes.end(), [&](const IpPrefix& p) {
                    return p.contains(address);
                });
            ASSERT_EQ(set.contains(address), wanted) << address.text();
        }
    }
}

bool matches(const char* pattern, std::string_view name) {
    const Result<std::string> parsed = parse_domain_pattern(pattern);
    EXPECT_TRUE(parsed.ok()) << pattern;
    return parsed && DomainSet({parsed.value()}).matches(name);
}

TEST(DomainSet, C5WildcardsStandForOneOrMoreLabels) {
    EXPECT_TRUE(matches("*.google.com", "www.google.com"));
    EXPECT_TRUE(matches("*.google.com", "a.b.google.com"));
    EXPECT_FALSE(matches("*.google.com", "google.com"));
    EXPECT_FALSE(matches("*.google.com", "notgoogle.com"));
    EXPECT_TRUE(matches("www.*.com", "www.sun.com"));
    EXPECT_TRUE(matches("www.*.com", "www.a.b.com"));
    EXPECT_FALSE(matches("www.*.com", "www.com"));
    EXPECT_FALSE(matches("www.*.com", "ww.sun.com"));
    EXPECT_TRUE(matches("update.*.mycompany.com", "update.eu.mycompany.com"));
    EXPECT_TRUE(matches("*.com", "a.com"));
    EXPECT_FALSE(matches("*.com", "com"));
}

TEST(DomainSet, C5ExactNames) {
    EXPECT_TRUE(matches("Google.COM.", "google.com"));
    EXPECT_FALSE(matches("google.com", "www.google.com"));
    EXPECT_TRUE(matches("_dmarc.example", "_dmarc.example"));
    EXPECT_FALSE(DomainSet().matches("x"));
    EXPECT_FALSE(matches("a.b", ""));
}

TEST(DomainSet, C5RefusedPatterns) {
    for (const char* bad :
         {"*.*.x",
          "www.g*.com",
          "x.*",
          "*",
          "*.",
          "x.*.",
          "a*.com",
          "*a.com",
          "",
          ".",
          "a..b",
          "http://x.com",
          "b\303\274cher.example",
          "a b.com",
          "/ads[0-9]+\\.x/"}) {
        EXPECT_FALSE(parse_domain_pattern(bad).ok()) << bad;
    }
    EXPECT_FALSE(parse_domain_pattern(std::string(64, 'a') + ".com").ok());
    EXPECT_FALSE(parse_domain_pattern(std::string(300, 'a')).ok());
}

TEST(DomainSet, ManyNamesAtOnce) {
    std::vector<std::string> patterns;
    for (int i = 0; i < 1'000; ++i) {
        patterns.push_back("host" + std::to_string(i) + ".example");
        patterns.push_back("*.zone" + std::to_string(i) + ".example");
    }
    patterns.emplace_back("host1.example");
    const DomainSet set(patterns);
    EXPECT_EQ(set.size(), 2'000U);
    EXPECT_TRUE(set.matches("host999.example"));
    EXPECT_TRUE(set.matches("a.b.zone7.example"));
    EXPECT_FALSE(set.matches("zone7.example"));
    EXPECT_FALSE(set.matches("host1000.example"));
}

}  // namespace
}  // namespace sallyport::policy
