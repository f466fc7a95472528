// SPDX-License-Identifier: Apache-2.0
#include "classifier/threat_database.h"

#include "tests/unit/classifier/threat_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

namespace sallyport::classifier {
namespace {

void fill_with_everything(MadeDatabase& made) {
    made.suffix(0, "evil.example")
        .suffix(1, "evil.example")
        .name(0, IndicatorType::domain, "www.evil.example")
        .name(0, IndicatorType::subdomains, "hosting.example")
        .prefix(0, "198.51.100.7")
        .prefix(1, "198.51.100.0/24")
        .prefix(0, "198.51.100.0/24")
        .prefix(0, "2001:db8::/32")
        .prefix(0, "2001:d00::/24")
        .prefix(0, "2001:db8::1")
        .pair(0, "203.0.113.9", 4444)
        .pair(0, "2001:db8::9", 4444);
}

void fill_with_patterns(MadeDatabase& made) {
    made.pattern(0, "*ads*.example", PatternKind::wildcard)
        .pattern(1, "^cdn[0-9]+\\.", PatternKind::expression);
}

// Asks a database of unknown contents everything; what counts is that it answers.
void ask_everything(const ThreatDatabase& db) {
    const auto scratch = db.make_scratch();
    for (const std::string_view name :
         {"www.evil.example", "evil.example", "x.hosting.example", "cdn1.ads.example", "", "com"}) {
        ThreatMatches matches;
        db.match_name(name, scratch ? scratch.value().get() : nullptr, matches);
        for (const ThreatMatch& match : db.every_match(name, nullptr)) {
            (void)db.origin(match);
        }
    }
    for (const std::string_view text :
         {"198.51.100.7", "203.0.113.9", "255.255.255.255", "0.0.0.0", "2001:db8::9", "::"}) {
        for (const ThreatMatch& match : db.every_match(*IpAddress::parse(text), 4444)) {
            (void)db.origin(match);
        }
    }
}

TEST(ThreatDatabase, EmptyAnswersNothing) {
    const auto db = ThreatDatabase::empty();
    EXPECT_FALSE(db->has_names());
    EXPECT_FALSE(db->has_addresses());
    EXPECT_FALSE(db->names_decide());
    EXPECT_EQ(db->indicator_count(), 0U);
    EXPECT_TRUE(db->feeds().empty());
    EXPECT_EQ(ask_name(*db, "example.com"), "");
    const auto scratch = db->make_scratch();
    ASSERT_TRUE(scratch.ok());
    EXPECT_EQ(scratch.value(), nullptr);
    EXPECT_EQ(db->content_hash().size(), 32U);
    ask_everything(*db);
}

TEST(ThreatDatabase, WithoutIndicatorsOpensToo) {
    MadeDatabase made({{"f"}});
    const auto db = made.open();
    EXPECT_EQ(db->feeds().size(), 1U);
    EXPECT_FALSE(db->has_names());
    ask_everything(*db);
}

TEST(ThreatDatabase, TellsFeedsOriginsAndCounts) {
    MadeDatabase made({{"urlhaus", FeedAction::deny, 90}, {"watch", FeedAction::alert, 20}});
    fill_with_everything(made);
    fill_with_patterns(made);
    const auto db = made.open();
    ASSERT_EQ(db->feeds().size(), 2U);
    EXPECT_EQ(db->feeds()[0].name, "urlhaus");
    EXPECT_EQ(db->feeds()[0].category, "test");
    EXPECT_EQ(db->feeds()[0].action, FeedAction::deny);
    EXPECT_EQ(db->feeds()[0].confidence, 90);
    EXPECT_EQ(db->indicator_count(), 14U);
    EXPECT_EQ(db->indicators_by_feed(), (std::vector<std::size_t>{11, 3}));
    EXPECT_EQ(db->content_hash(), "01020300000000000000000000000000");
    ThreatMatches matches;
    db->match_name("www.evil.example", nullptr, matches);
    EXPECT_EQ(text_of(*db, matches), "urlhaus:domain@0 urlhaus:suffix@4 watch:suffix@4");
    EXPECT_EQ(matches.items[0].confidence, 90);
    EXPECT_EQ(db->origin(matches.items[0]).path, "urlhaus.txt");
    EXPECT_EQ(db->origin(matches.items[0]).line, 3U);
    EXPECT_EQ(db->origin(matches.items[2]).path, "watch.txt");
    EXPECT_EQ(db->origin(matches.items[2]).line, 2U);
    const auto summary = summarise(made.path());
    ASSERT_TRUE(summary.ok());
    EXPECT_EQ(summary.value().feeds[0].indicators, 11U);
    EXPECT_EQ(summary.value().content_hash, db->content_hash());
}

TEST(ThreatDatabase, PatternsAreAskedWithAScratchOnly) {
    MadeDatabase made({{"a"}, {"b"}});
    fill_with_everything(made);
    fill_with_patterns(made);
    const auto db = made.open();
    const auto scratch = db->make_scratch();
    ASSERT_TRUE(scratch.ok());
    ASSERT_NE(scratch.value(), nullptr);
    EXPECT_EQ(ask_name(*db, "cdn1.ads.example"), "");
    ThreatMatches matches;
    db->match_name("cdn1.ads.example", scratch.value().get(), matches);
    ASSERT_EQ(matches.size, 2);
    EXPECT_FALSE(matches.match_error);
    for (const ThreatMatch& match : {matches.items[0], matches.items[1]}) {
        EXPECT_EQ(match.type, IndicatorType::pattern);
        EXPECT_EQ(
            db->patterns()[match.indicator], match.feed == 0 ? "*ads*.example" : "^cdn[0-9]+\\."
        );
        EXPECT_EQ(db->origin(match).line, match.feed == 0 ? 13U : 14U);
    }
}

TEST(ThreatDatabase, FailingScanIsAnErrorAndNotNoMatch) {
    MadeDatabase made({{"f"}});
    const auto db = made.pattern(0, "*ads*", PatternKind::wildcard).open();
    MadeDatabase other({{"f"}});
    const auto small = other.pattern(0, "*b*", PatternKind::wildcard).open();
    const auto scratch = db->make_scratch();
    ASSERT_TRUE(scratch.ok());
    // Hyperscan checks its scratch for a magic number; this one has none.
    std::vector<std::byte> nonsense(1U << 20U);
    auto* at = reinterpret_cast<std::byte*>(
        (reinterpret_cast<std::uintptr_t>(nonsense.data()) + 63U) & ~std::uintptr_t{63}
    );
    ThreatMatches matches;
    db->match_name("ads.example", reinterpret_cast<hs_scratch*>(at), matches);
    EXPECT_TRUE(matches.match_error);
}

TEST(ThreatDatabase, NamesDecideOnlyWhenSomeMayDenyOrAllow) {
    MadeDatabase alert({{"f", FeedAction::alert}});
    EXPECT_FALSE(alert.suffix(0, "a.example").open()->names_decide());
    MadeDatabase deny({{"f", FeedAction::deny}});
    EXPECT_TRUE(deny.suffix(0, "a.example").open()->names_decide());
    MadeDatabase allow({{"f", FeedAction::allow}});
    EXPECT_TRUE(allow.pattern(0, "a*b", PatternKind::wildcard).open()->names_decide());
    MadeDatabase addresses({{"f", FeedAction::deny}});
    EXPECT_FALSE(addresses.prefix(0, "198.51.100.7").open()->names_decide());
    MadeDatabase pages({{"f", FeedAction::deny}});
    EXPECT_FALSE(pages.name_with(0, FeedAction::alert, "a.example").open()->names_decide());
}

TEST(ThreatDatabase, SharedKeyIsOrderedByStrengthAndConfidence) {
    MadeDatabase made(
        {{"alert90", FeedAction::alert, 90},
         {"deny10", FeedAction::deny, 10},
         {"allow", FeedAction::allow, 1},
         {"deny80", FeedAction::deny, 80}}
    );
    for (std::uint16_t feed = 0; feed < 4; ++feed) {
        made.suffix(feed, "evil.example")
            .prefix(feed, "198.51.100.7")
            .pair(feed, "198.51.100.7", 1);
    }
    const auto db = made.open();
    EXPECT_EQ(
        ask_name(*db, "evil.example"),
        "allow:suffix@0 deny80:suffix@0 deny10:suffix@0 alert90:suffix@0"
    );
    ThreatMatches matches;
    db->match_name("evil.example", nullptr, matches);
    EXPECT_EQ(decisive_action(matches), FeedAction::allow);
}

TEST(ThreatDatabase, RepeatsOfAFeedAreOneIndicator) {
    MadeDatabase made({{"f"}});
    const auto db = made.suffix(0, "evil.example")
                        .suffix(0, "evil.example")
                        .prefix(0, "198.51.100.0/24")
                        .prefix(0, "198.51.100.0/24")
                        .open();
    EXPECT_EQ(db->indicator_count(), 2U);
    EXPECT_EQ(ask_name(*db, "evil.example"), "f:suffix@0");
    EXPECT_EQ(ask_address(*db, "198.51.100.9"), "f:prefix@24");
    ThreatMatches matches;
    db->match_name("evil.example", nullptr, matches);
    EXPECT_EQ(db->origin(matches.items[0]).line, 1U);
}

TEST(ThreatDatabase, AllowBeatsDenyAtEqualDepthInsideAFeed) {
    MadeDatabase made({{"f", FeedAction::deny}});
    const auto db = made.suffix(0, "evil.example")
                        .name_with(0, FeedAction::allow, "evil.example")
                        .suffix(0, "other.example")
                        .open();
    EXPECT_EQ(ask_name(*db, "evil.example"), "f:suffix@0");
    ThreatMatches matches;
    db->match_name("www.evil.example", nullptr, matches);
    ASSERT_EQ(matches.size, 1);
    EXPECT_EQ(matches.items[0].action, FeedAction::allow);
    matches = {};
    db->match_name("other.example", nullptr, matches);
    EXPECT_EQ(decisive_action(matches), FeedAction::deny);
}

TEST(ThreatDatabase, StrongerActionIsNeverCrowdedOut) {
    std::vector<MadeFeed> feeds;
    for (int i = 0; i < 12; ++i) {
        feeds.push_back({"alert" + std::to_string(i), FeedAction::alert, 90});
    }
    feeds.push_back({"deny", FeedAction::deny, 1});
    feeds.push_back({"allow", FeedAction::allow, 1});
    MadeDatabase made(feeds);
    for (std::uint16_t feed = 0; feed < 12; ++feed) {
        made.suffix(feed, "a.evil.example");
    }
    const auto db = made.suffix(12, "evil.example").suffix(13, "example").open();
    ThreatMatches matches;
    db->match_name("a.evil.example", nullptr, matches);
    EXPECT_EQ(matches.size, kThreatMatchesMax);
    EXPECT_EQ(matches.total, 14);
    EXPECT_EQ(decisive_action(matches), FeedAction::allow);
    EXPECT_EQ(db->every_match("a.evil.example", nullptr).size(), 14U);
}

TEST(DecisiveAction, AllowThenDenyThenAlert) {
    ThreatMatches matches;
    EXPECT_EQ(decisive_action(matches), FeedAction::alert);
    ThreatMatch match;
    matches.add(match);
    EXPECT_EQ(decisive_action(matches), FeedAction::alert);
    match.action = FeedAction::deny;
    matches.add(match);
    EXPECT_EQ(decisive_action(matches), FeedAction::deny);
    match.action = FeedAction::allow;
    matches.add(match);
    EXPECT_EQ(decisive_action(matches), FeedAction::allow);
}

TEST(ThreatDatabaseFile, WhatIsNoFileIsAClearError) {
    const test::TemporaryDirectory directory;
    const auto message = [](const std::string& path) {
        const auto opened = ThreatDatabase::open(path, "");
        return opened.ok() ? std::string("opened") : opened.error().message;
    };
    EXPECT_NE(message(directory.file("none")).find("No such file"), std::string::npos);
    EXPECT_NE(message(directory.path().string()).find("not a threat database"), std::string::npos);
    std::ofstream(directory.file("empty")).close();
    EXPECT_NE(message(directory.file("empty")).find("not a threat database"), std::string::npos);
    std::ofstream(directory.file("text")) << std::string(5000, 'x');
    EXPECT_NE(message(directory.file("text")).find("not a threat database"), std::string::npos);
    EXPECT_NE(message("/dev/null").find("not a threat database"), std::string::npos);
}

TEST(ThreatDatabaseFile, OtherVersionsAndByteOrdersAreRefused) {
    MadeDatabase made({{"f"}, {"g"}});
    fill_with_everything(made);
    fill_with_patterns(made);
    const std::vector<std::byte> good = made.image();
    const auto message = [&](auto change) {
        ImageBytes image(good);
        auto* header = reinterpret_cast<ImageHeader*>(image.bytes().data());
        change(*header);
        const auto checked = check_image(image.bytes());
        return checked.ok() ? std::string("good") : checked.error().message;
    };
    EXPECT_EQ(message([](ImageHeader&) {}), "good");
    EXPECT_EQ(message([](ImageHeader& h) { ++h.version; }), "made by another version of sallyport");
    EXPECT_EQ(
        message([](ImageHeader& h) { h.byte_order = 0x04030201; }),
        "made on a machine of the other byte order"
    );
    EXPECT_EQ(message([](ImageHeader& h) { h.magic[0] = 'X'; }), "not a threat database");
    EXPECT_EQ(message([](ImageHeader& h) { h.name_count = 9; }), "its checksum is wrong");
}

TEST(ThreatDatabaseFile, TruncatedAtEverySectionBoundary) {
    MadeDatabase made({{"f"}, {"g"}});
    fill_with_everything(made);
    fill_with_patterns(made);
    const std::vector<std::byte> good = made.image();
    ImageBytes image(good);
    const auto header = *reinterpret_cast<const ImageHeader*>(image.bytes().data());
    std::vector<std::size_t> cuts{0, 1, 63, 64, sizeof(ImageHeader) - 1, sizeof(ImageHeader)};
    for (const SectionPlace& place : header.sections) {
        for (const std::uint64_t at : {place.offset, place.offset + place.size}) {
            for (const std::uint64_t cut : {at - 1, at, at + 1}) {
                cuts.push_back(cut);
            }
        }
    }
    for (const std::size_t cut : cuts) {
        if (cut >= good.size()) {
            continue;
        }
        EXPECT_FALSE(check_image(image.bytes().first(cut)).ok()) << cut;
        if (cut < sizeof(ImageHeader)) {
            continue;
        }
        // The same with a checksum that holds: now the places must not fit.
        std::vector<std::byte> shorter(
            good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut)
        );
        seal_image(shorter);
        ImageBytes sealed(shorter);
        const bool lost_bytes = std::ranges::any_of(header.sections, [cut](const SectionPlace& p) {
            return p.size != 0 && p.offset + p.size > cut;
        });
        if (lost_bytes) {
            EXPECT_FALSE(check_image(sealed.bytes()).ok()) << cut;
        }
    }
}

TEST(ThreatDatabaseFile, EveryFlippedByteOfTheFileIsNoticed) {
    MadeDatabase made({{"f"}});
    made.suffix(0, "evil.example").pattern(0, "*ads*", PatternKind::wildcard);
    const std::vector<std::byte> good = made.image();
    ImageBytes image(good);
    ASSERT_TRUE(check_image(image.bytes()).ok());
    for (std::size_t at = 0; at < good.size(); ++at) {
        image.bytes()[at] ^= std::byte{0x10};
        EXPECT_FALSE(check_image(image.bytes()).ok()) << at;
        image.bytes()[at] ^= std::byte{0x10};
    }
}

// Behind a checksum that holds, any bytes are either refused or safe to ask.
void forge(MadeDatabase& made, int rounds) {
    const std::vector<std::byte> good = made.image();
    ImageBytes sizes(good);
    const auto header = *reinterpret_cast<const ImageHeader*>(sizes.bytes().data());
    std::vector<std::size_t> targets;
    for (std::size_t at = 0; at < sizeof header; ++at) {
        targets.push_back(at);
    }
    for (std::size_t i = 0; i < kSectionCount; ++i) {
        // The bitmap and the index are large and uniform; a part of them stands for the rest.
        for (std::uint64_t at = 0; at < std::min<std::uint64_t>(header.sections[i].size, 512);
             ++at) {
            targets.push_back(header.sections[i].offset + at);
        }
    }
    std::mt19937 random(11);
    std::size_t opened = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<std::byte> forged = good;
        for (auto n = 1 + random() % 4; n > 0; --n) {
            const std::size_t at = targets[random() % targets.size()];
            forged[at] = random() % 2 == 0 ? static_cast<std::byte>(random())
                                           : static_cast<std::byte>(0xff * (random() % 2));
        }
        seal_image(forged);
        made.write(forged);
        const auto db = ThreatDatabase::open(made.path(), "");
        if (db.ok()) {
            ++opened;
            ask_everything(*db.value());
        }
    }
    EXPECT_GT(opened, 10U);
}

TEST(ThreatDatabaseFile, ForgedBytesAreRefusedOrHarmless) {
    MadeDatabase made({{"f"}, {"g"}});
    fill_with_everything(made);
    forge(made, 400);
}

TEST(ThreatDatabaseFile, ForgedPatternsAreRefusedOrHarmless) {
    MadeDatabase made({{"f"}, {"g"}});
    fill_with_patterns(made);
    forge(made, 300);
}

TEST(ThreatDatabaseFile, OpenDatabaseOutlivesItsFile) {
    MadeDatabase made({{"f"}});
    const auto db = made.suffix(0, "evil.example").open();
    std::ofstream(made.path(), std::ios::trunc).close();
    std::filesystem::remove(made.path());
    EXPECT_EQ(ask_name(*db, "evil.example"), "f:suffix@0");
}

}  // namespace
}  // namespace sallyport::classifier
