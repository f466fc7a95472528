// SPDX-License-Identifier: Apache-2.0
#include "classifier/suffix_hash.h"

#include "gateway/model/domain_name.h"
#include "tests/unit/classifier/threat_fixture.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace sallyport::classifier {
namespace {

TEST(SuffixHash, SuffixMatchesItselfAndBelowAtLabelBoundariesOnly) {
    MadeDatabase made({{"f"}});
    const auto db = made.suffix(0, "example.com").open();
    EXPECT_EQ(ask_name(*db, "example.com"), "f:suffix@0");
    EXPECT_EQ(ask_name(*db, "www.example.com"), "f:suffix@4");
    EXPECT_EQ(ask_name(*db, "a.b.c.example.com"), "f:suffix@6");
    EXPECT_EQ(ask_name(*db, "badexample.com"), "");
    EXPECT_EQ(ask_name(*db, "example.com.evil.org"), "");
    EXPECT_EQ(ask_name(*db, "example.org"), "");
    EXPECT_EQ(ask_name(*db, "com"), "");
    EXPECT_EQ(ask_name(*db, "ample.com"), "");
}

TEST(SuffixHash, DomainMatchesOnlyItself) {
    MadeDatabase made({{"f"}});
    const auto db = made.name(0, IndicatorType::domain, "example.com").open();
    EXPECT_EQ(ask_name(*db, "example.com"), "f:domain@0");
    EXPECT_EQ(ask_name(*db, "www.example.com"), "");
}

TEST(SuffixHash, SubdomainsMatchOnlyBelow) {
    MadeDatabase made({{"f"}});
    const auto db = made.name(0, IndicatorType::subdomains, "example.com").open();
    EXPECT_EQ(ask_name(*db, "example.com"), "");
    EXPECT_EQ(ask_name(*db, "www.example.com"), "f:subdomains@4");
}

TEST(SuffixHash, TopLevelDomainHoldsEverythingBelow) {
    MadeDatabase made({{"f", FeedAction::alert}});
    const auto db = made.suffix(0, "onion").open();
    EXPECT_EQ(ask_name(*db, "onion"), "f:suffix@0");
    EXPECT_EQ(ask_name(*db, "abc.onion"), "f:suffix@4");
    EXPECT_EQ(ask_name(*db, "abconion"), "");
}

TEST(SuffixHash, AllLevelsAreReportedMostSpecificFirst) {
    MadeDatabase made({{"a"}, {"b"}, {"c"}});
    const auto db = made.suffix(0, "example.com")
                        .name(1, IndicatorType::domain, "x.y.example.com")
                        .suffix(2, "y.example.com")
                        .open();
    EXPECT_EQ(ask_name(*db, "x.y.example.com"), "b:domain@0 c:suffix@2 a:suffix@4");
    EXPECT_EQ(ask_name(*db, "z.y.example.com"), "c:suffix@2 a:suffix@4");
    EXPECT_EQ(ask_name(*db, "z.example.com"), "a:suffix@2");
}

TEST(SuffixHash, OddNamesAreAnswered) {
    MadeDatabase made({{"f"}});
    const auto db = made.suffix(0, "example.com").open();
    EXPECT_EQ(ask_name(*db, ""), "");
    EXPECT_EQ(ask_name(*db, "."), "");
    EXPECT_EQ(ask_name(*db, ".example.com"), "f:suffix@1");
    EXPECT_EQ(ask_name(*db, std::string(253, '.')), "");
    EXPECT_EQ(ask_name(*db, std::string(254, 'a')), "");
    EXPECT_EQ(ask_name(*db, std::string_view("\0\xff.example.com", 14)), "f:suffix@3");
}

TEST(SuffixHash, LongestNameOfShortestLabelsIsFound) {
    std::string name = "a";
    while (name.size() + 2 <= 253) {
        name += ".a";
    }
    MadeDatabase made({{"f"}});
    for (std::size_t at = 0; at < name.size(); at += 2) {
        made.suffix(0, std::string_view(name).substr(at));
    }
    const auto db = made.open();
    ThreatMatches matches;
    db->match_name(name, nullptr, matches);
    EXPECT_EQ(matches.total, 127);
    EXPECT_EQ(matches.items[0].detail, 0);
    EXPECT_EQ(matches.items[7].detail, 14);
    EXPECT_EQ(db->every_match(name, nullptr).size(), 127U);
}

// What a linear walk over the list says; the definition, so to speak.
using Listed = std::map<std::string, std::set<IndicatorType>>;

std::set<std::string> naive(const Listed& listed, const std::string& name) {
    std::set<std::string> out;
    for (std::size_t at = 0; at != std::string::npos;) {
        const auto found = listed.find(name.substr(at));
        if (found != listed.end()) {
            for (const IndicatorType type : found->second) {
                const bool applies =
                    type == IndicatorType::suffix || (type == IndicatorType::domain) == (at == 0);
                if (applies) {
                    out.insert(std::string(name_of(type)) + "@" + std::to_string(at));
                }
            }
        }
        const auto dot = name.find('.', at);
        at = dot == std::string::npos ? dot : dot + 1;
    }
    return out;
}

// Few letters and labels, so that names share suffixes, hold one another and repeat.
std::string random_name(std::mt19937& random) {
    std::string name;
    const auto labels = 1 + random() % 5;
    for (std::size_t i = 0; i < labels; ++i) {
        name += i == 0 ? "" : ".";
        for (auto letters = 1 + random() % 2; letters > 0; --letters) {
            name += static_cast<char>('a' + random() % 6);
        }
    }
    return name;
}

TEST(SuffixHash, AgreesWithNaiveMatcherOnRandomNames) {
    std::mt19937 random(42);
    Listed listed;
    MadeDatabase made({{"f"}});
    constexpr std::array kTypes{
        IndicatorType::domain, IndicatorType::suffix, IndicatorType::subdomains};
    for (int i = 0; i < 20'000; ++i) {
        const std::string name = random_name(random);
        const IndicatorType type = kTypes[random() % kTypes.size()];
        listed[name].insert(type);
        made.name(0, type, name);
    }
    const auto db = made.open();
    for (int i = 0; i < 200'000; ++i) {
        const std::string name = random_name(random);
        std::set<std::string> got;
        for (const ThreatMatch& match : db->every_match(name, nullptr)) {
            const bool fresh =
                got.insert(std::string(name_of(match.type)) + "@" + std::to_string(match.detail))
                    .second;
            ASSERT_TRUE(fresh) << name;
        }
        ASSERT_EQ(got, naive(listed, name)) << name;
    }
}

TEST(NameFilter, NeverHidesWhatIsListed) {
    std::mt19937_64 random(7);
    std::vector<std::uint64_t> words(100);
    std::vector<std::uint64_t> inside;
    for (int i = 0; i < 500; ++i) {
        inside.push_back(random());
        words[FingerprintTable::first_bucket(inside.back(), words.size())] |=
            NameFilter::mask_of(inside.back());
    }
    const NameFilter filter(words);
    for (const std::uint64_t fingerprint : inside) {
        EXPECT_TRUE(filter.may_hold(fingerprint));
    }
    std::size_t passed = 0;
    for (int i = 0; i < 100'000; ++i) {
        passed += filter.may_hold(random()) ? 1 : 0;
    }
    EXPECT_LT(passed, 5'000U);
}

TEST(FingerprintTable, FindsAllOfAnySizeAndNothingElse) {
    std::mt19937_64 random(9);
    for (std::size_t size : {0U, 1U, 2U, 3U, 4U, 5U, 100U, 10'000U}) {
        std::vector<TableEntry> entries;
        for (std::size_t i = 0; i < size; ++i) {
            entries.push_back({fingerprint_of(random()), {static_cast<Ref>(i), 0, 0, 0}});
        }
        const BuiltTable built = build_table(entries);
        EXPECT_LE(built.probe_max, kProbeMax);
        const FingerprintTable table(built.buckets, built.probe_max);
        for (const TableEntry& entry : entries) {
            const Target* target = table.find(entry.fingerprint);
            ASSERT_NE(target, nullptr);
            EXPECT_EQ(target->ref, entry.target.ref);
        }
        for (int i = 0; i < 1000; ++i) {
            EXPECT_EQ(table.find(random() | 1U), nullptr);
        }
    }
}

TEST(FingerprintTable, ManyKeysOfOneBucketAreAllFound) {
    std::vector<TableEntry> entries;
    for (std::uint64_t i = 1; i <= 100; ++i) {
        entries.push_back({i, {static_cast<Ref>(i), 0, 0, 0}});  // upper half zero: first bucket
    }
    const BuiltTable built = build_table(entries);
    const FingerprintTable table(built.buckets, built.probe_max);
    for (const TableEntry& entry : entries) {
        ASSERT_NE(table.find(entry.fingerprint), nullptr);
    }
    EXPECT_EQ(table.find(101), nullptr);
}

}  // namespace
}  // namespace sallyport::classifier
