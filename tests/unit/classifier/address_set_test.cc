// SPDX-License-Identifier: Apache-2.0
#include "classifier/address_set.h"

#include "tests/unit/classifier/threat_fixture.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sallyport::classifier {
namespace {

TEST(AddressSet, EmptyHoldsNothing) {
    const auto db = ThreatDatabase::empty();
    EXPECT_EQ(ask_address(*db, "1.2.3.4", 443), "");
    EXPECT_EQ(ask_address(*db, "2001:db8::1", 443), "");
    EXPECT_FALSE(db->has_addresses());
}

TEST(AddressSet, HostAndItsNeighbours) {
    MadeDatabase made({{"f"}});
    const auto db = made.prefix(0, "198.51.100.7").prefix(0, "2001:db8::7").open();
    EXPECT_TRUE(db->has_addresses());
    EXPECT_EQ(ask_address(*db, "198.51.100.7"), "f:address@32");
    EXPECT_EQ(ask_address(*db, "198.51.100.6"), "");
    EXPECT_EQ(ask_address(*db, "198.51.100.8"), "");
    EXPECT_EQ(ask_address(*db, "2001:db8::7"), "f:address@128");
    EXPECT_EQ(ask_address(*db, "2001:db8::6"), "");
    EXPECT_EQ(ask_address(*db, "2001:db9::7"), "");
}

TEST(AddressSet, PairNeedsItsPort) {
    MadeDatabase made({{"f"}});
    const auto db = made.pair(0, "198.51.100.7", 443).pair(0, "2001:db8::7", 8080).open();
    EXPECT_EQ(ask_address(*db, "198.51.100.7", 443), "f:address_port@32");
    EXPECT_EQ(ask_address(*db, "198.51.100.7", 444), "");
    EXPECT_EQ(ask_address(*db, "198.51.100.7", 0), "");
    EXPECT_EQ(ask_address(*db, "198.51.100.8", 443), "");
    EXPECT_EQ(ask_address(*db, "2001:db8::7", 8080), "f:address_port@128");
    EXPECT_EQ(ask_address(*db, "2001:db8::7", 443), "");
}

TEST(AddressSet, PrefixEndsWhereItEnds) {
    for (unsigned length = 1; length <= 32; ++length) {
        MadeDatabase made({{"f"}});
        const IpPrefix prefix =
            IpPrefix{IpAddress::v4(0xC0A85A5AU), static_cast<std::uint8_t>(length)}.canonical();
        const auto db = made.prefix(0, prefix.text()).open();
        const std::uint64_t first = prefix.address.v4_host();
        const std::uint64_t end = first + (1ULL << (32 - length));
        const auto holds = [&db](std::uint64_t host) {
            ThreatMatches matches;
            db->match_address(IpAddress::v4(static_cast<std::uint32_t>(host)), 0, matches);
            return !matches.empty();
        };
        EXPECT_TRUE(holds(first)) << length;
        EXPECT_TRUE(holds(end - 1)) << length;
        EXPECT_FALSE(holds(first - 1)) << length;
        EXPECT_FALSE(holds(end & 0xFFFFFFFFU)) << length;
    }
}

TEST(AddressSet, V6PrefixOfEveryLength) {
    for (unsigned length = 1; length <= 128; ++length) {
        MadeDatabase made({{"f"}});
        IpPrefix prefix{
            *IpAddress::parse("a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5:a5a5"),
            static_cast<std::uint8_t>(length)};
        const auto db = made.prefix(0, prefix.canonical().text()).open();
        ThreatMatches matches;
        db->match_address(prefix.address, 0, matches);
        ASSERT_EQ(matches.size, 1) << length;
        EXPECT_EQ(matches.items[0].detail, length);
        IpAddress outside = prefix.address;
        outside.bytes[(length - 1) / 8] ^= static_cast<std::uint8_t>(0x80U >> ((length - 1) % 8));
        matches = {};
        db->match_address(outside, 0, matches);
        EXPECT_TRUE(matches.empty()) << length;
    }
}

TEST(AddressSet, MostSpecificFirst) {
    MadeDatabase made({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}});
    const auto db = made.prefix(0, "198.0.0.0/8")
                        .prefix(1, "198.51.100.0/24")
                        .prefix(2, "198.51.100.0/28")
                        .prefix(3, "198.51.100.7")
                        .pair(4, "198.51.100.7", 443)
                        .open();
    EXPECT_EQ(
        ask_address(*db, "198.51.100.7", 443),
        "e:address_port@32 d:address@32 c:prefix@28 b:prefix@24 a:prefix@8"
    );
    EXPECT_EQ(ask_address(*db, "198.51.100.15"), "c:prefix@28 b:prefix@24 a:prefix@8");
    EXPECT_EQ(ask_address(*db, "198.51.100.16"), "b:prefix@24 a:prefix@8");
    EXPECT_EQ(ask_address(*db, "198.51.101.0"), "a:prefix@8");
    EXPECT_EQ(ask_address(*db, "199.0.0.0"), "");
}

TEST(AddressSet, LastPrefixOfTheAddressSpace) {
    MadeDatabase made({{"f"}});
    const auto db = made.prefix(0, "255.255.255.254/31").prefix(0, "0.0.0.0/1").open();
    EXPECT_EQ(ask_address(*db, "255.255.255.255"), "f:prefix@31");
    EXPECT_EQ(ask_address(*db, "255.255.255.253"), "");
    EXPECT_EQ(ask_address(*db, "0.0.0.0"), "f:prefix@1");
    EXPECT_EQ(ask_address(*db, "127.255.255.255"), "f:prefix@1");
    EXPECT_EQ(ask_address(*db, "128.0.0.0"), "");
}

TEST(AddressSet, Nat64AndMappedAddressesAreAskedAsV4) {
    MadeDatabase made({{"f"}});
    const auto db = made.prefix(0, "198.51.100.7").open();
    EXPECT_EQ(ask_address(*db, "64:ff9b::198.51.100.7"), "f:address@32");
    EXPECT_EQ(ask_address(*db, "::ffff:198.51.100.7"), "f:address@32");
    EXPECT_EQ(ask_address(*db, "64:ff9c::198.51.100.7"), "");
}

struct Naive {
    std::vector<IpPrefix> prefixes;
    std::vector<std::pair<IpAddress, std::uint16_t>> pairs;

    [[nodiscard]] std::multiset<unsigned> lengths(const IpAddress& address) const {
        std::multiset<unsigned> out;
        for (const IpPrefix& prefix : prefixes) {
            if (prefix.contains(address)) {
                out.insert(prefix.length);
            }
        }
        return out;
    }
};

// Addresses that crowd in a few networks, so that prefixes nest and hosts meet.
IpAddress random_address(std::mt19937& random, bool v4) {
    if (v4) {
        const std::uint32_t net = static_cast<std::uint32_t>(0xC6330000U + ((random() % 4) << 12U));
        return IpAddress::v4(net + random() % 4096);
    }
    IpAddress out = *IpAddress::parse("2001:db8::");
    out.bytes[3] = static_cast<std::uint8_t>(random() % 3);
    out.bytes[6] = static_cast<std::uint8_t>(random() % 2);
    out.bytes[7] = static_cast<std::uint8_t>(random() % 4);
    out.bytes[15] = static_cast<std::uint8_t>(random());
    return out;
}

void compare(bool v4, unsigned seed) {
    std::mt19937 random(seed);
    Naive naive;
    MadeDatabase made({{"f"}});
    std::set<IpPrefix> seen;
    for (int i = 0; i < 400; ++i) {
        const IpAddress address = random_address(random, v4);
        const unsigned longest = address.bits();
        const unsigned shortest = v4 ? 12 : 20;
        const unsigned length =
            random() % 3 == 0 ? longest
                              : shortest + static_cast<unsigned>(random() % (longest - shortest));
        const IpPrefix prefix = IpPrefix{address, static_cast<std::uint8_t>(length)}.canonical();
        if (seen.insert(prefix).second) {
            naive.prefixes.push_back(prefix);
            made.prefix(0, prefix.text());
        }
    }
    const auto db = made.open();
    for (int i = 0; i < 100'000; ++i) {
        const IpAddress address = random_address(random, v4);
        std::multiset<unsigned> got;
        unsigned before = 129;
        for (const ThreatMatch& match : db->every_match(address, 443)) {
            got.insert(match.detail);
            ASSERT_LE(match.detail, before) << address.text();
            before = match.detail;
        }
        ASSERT_EQ(got, naive.lengths(address)) << address.text();
    }
}

TEST(AddressSet, AgreesWithLinearMatcherOnRandomV4) {
    compare(true, 1);
}
TEST(AddressSet, AgreesWithLinearMatcherOnRandomV6) {
    compare(false, 2);
}

TEST(AddressSet, PairsAgreeWithASetOnRandomQuestions) {
    std::mt19937 random(3);
    std::set<std::pair<IpAddress, std::uint16_t>> listed;
    MadeDatabase made({{"f"}});
    for (int i = 0; i < 3000; ++i) {
        const IpAddress address = random_address(random, i % 2 == 0);
        const auto port = static_cast<std::uint16_t>(1 + random() % 4);
        if (listed.emplace(address, port).second) {
            made.pair(0, address.text(), port);
        }
    }
    const auto db = made.open();
    for (int i = 0; i < 100'000; ++i) {
        const IpAddress address = random_address(random, i % 2 == 0);
        const auto port = static_cast<std::uint16_t>(random() % 5);
        ASSERT_EQ(db->every_match(address, port).size(), listed.count({address, port}))
            << address.text() << " " << port;
    }
}

}  // namespace
}  // namespace sallyport::classifier
