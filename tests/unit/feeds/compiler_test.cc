// SPDX-License-Identifier: Apache-2.0
#include "feeds/compiler.h"

#include "feeds/normalise.h"
#include "tests/unit/feeds/feed_fixture.h"

#include <filesystem>
#include <iterator>
#include <random>
#include <sys/stat.h>
#include <unordered_set>

namespace sallyport::feeds {
namespace {

class Compiling : public FeedTest {
protected:
    // The error, or "" when it compiled.
    std::string refused(
        const std::vector<FeedSource>& sources, const CompileOptions& options = {}
    ) {
        problems_.clear();
        const auto report = compile(sources, output(), problems_, options);
        return report.ok() ? "" : report.error().message;
    }
    [[nodiscard]] std::string file_bytes() const {
        std::ifstream in(output(), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static std::string names(std::size_t count) {
        std::string out;
        for (std::size_t i = 0; i < count; ++i) {
            out += "n" + std::to_string(i) + ".example\n";
        }
        return out;
    }
    Problems problems_;
};

TEST_F(Compiling, FeedsBecomeADatabase) {
    FeedSource deny =
        feed("deny", "evil.example\n198.51.100.7\n203.0.113.0/24\n203.0.113.9:4444\n");
    deny.category = "malware";
    deny.confidence = 90;
    const FeedSource watch = feed("watch", "# x\nevil.example\n*ads*.example\n", FeedAction::alert);
    const auto db = compiled({deny, watch});
    EXPECT_EQ(db->indicator_count(), 6U);
    EXPECT_EQ(db->feeds()[0].category, "malware");
    EXPECT_EQ(db->feeds()[0].confidence, 90);
    EXPECT_EQ(
        found(*db, "www.evil.example"),
        "deny suffix evil.example deny 1; watch suffix evil.example alert 2"
    );
    EXPECT_EQ(found(*db, "myads1.example"), "watch pattern *ads*.example alert 3");
    EXPECT_EQ(found(*db, "198.51.100.7"), "deny address 198.51.100.7 deny 2");
    EXPECT_EQ(
        found(*db, "203.0.113.9:4444"),
        "deny address_port 203.0.113.9:4444 deny 4; deny prefix 203.0.113.0/24 deny 3"
    );
    EXPECT_EQ(
        found(*db, "203.0.113.9"),
        "deny prefix 203.0.113.0/24 deny 3; deny address_port 203.0.113.9:4444 deny 4"
    );
    EXPECT_EQ(found(*db, "good.example"), "");
}

TEST_F(Compiling, PageOfAHostOnlyAlerts) {
    const auto db =
        compiled({feed("f", "https://docs.example.com/evil\nhttps://bad.example.com/\n")});
    EXPECT_EQ(found(*db, "docs.example.com"), "f domain docs.example.com alert 1");
    EXPECT_EQ(found(*db, "bad.example.com"), "f domain bad.example.com deny 2");
}

TEST_F(Compiling, AllowFeedsAllow) {
    const auto db = compiled(
        {feed("deny", "example.com\n"),
         feed("fine", "good.example.com\nhttps://page.example.com/x\n", FeedAction::allow)}
    );
    ThreatMatches matches;
    db->match_name("good.example.com", nullptr, matches);
    EXPECT_EQ(classifier::decisive_action(matches), FeedAction::allow);
    matches = {};
    db->match_name("page.example.com", nullptr, matches);
    EXPECT_EQ(classifier::decisive_action(matches), FeedAction::deny);
}

TEST_F(Compiling, RepeatsAreCounted) {
    Problems problems;
    const auto report = compile(
        {feed("f", "a.example\na.example\nA.example.\n1.2.3.4\n1.2.3.4/32\n/x[0-9]/\n/x[0-9]/\n")},
        output(),
        problems
    );
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report.value().indicators, 3U);
    EXPECT_EQ(report.value().feeds[0].repeats, 4U);
    EXPECT_EQ(report.value().file_bytes, std::filesystem::file_size(output()));
    EXPECT_TRUE(problems.empty());
}

TEST_F(Compiling, AllProblemsAreNamedAndTheOldFileStays) {
    ASSERT_EQ(refused({feed("good", "evil.example\n")}), "");
    const std::string before = file_bytes();
    FeedSource missing = feed("missing", "");
    missing.path = directory_.file("none.txt");
    const std::string error = refused(
        {feed("one", "two words\n"), missing, feed("page", "<html>"), feed("fine", "a.example\n")}
    );
    EXPECT_NE(error.find("feed \"missing\" refused"), std::string::npos);
    EXPECT_NE(error.find("1 more problem"), std::string::npos);
    ASSERT_EQ(problems_.size(), 3U);
    EXPECT_EQ(problems_[0].path, directory_.file("one.txt"));
    EXPECT_EQ(problems_[0].line, 1U);
    EXPECT_EQ(file_bytes(), before);
}

TEST_F(Compiling, BadLinesWithinTheBudgetAreProblemsAndNoRefusal) {
    EXPECT_EQ(refused({feed("f", "evil.example\ntwo words\n")}), "");
    ASSERT_EQ(problems_.size(), 1U);
    EXPECT_EQ(problems_[0].line, 2U);
}

TEST_F(Compiling, SettingsThatCannotBeAreRefused) {
    FeedSource confident = feed("f", "x.example\n");
    confident.confidence = 101;
    EXPECT_NE(refused({confident}).find("outside 0-100"), std::string::npos);
    EXPECT_EQ(
        refused({feed("f", "x.example\n"), feed("f", "y.example\n")}), "two feeds are called \"f\""
    );
}

TEST_F(Compiling, NoFeedsMakeAnEmptyDatabase) {
    const auto db = compiled({});
    EXPECT_EQ(db->indicator_count(), 0U);
}

TEST_F(Compiling, WithoutAnOutputPathItOnlyChecks) {
    Problems problems;
    const auto report = compile({feed("f", "a.example\n")}, "", problems);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report.value().indicators, 1U);
    EXPECT_FALSE(std::filesystem::exists(output()));
}

TEST_F(Compiling, OutputThatCannotBeWrittenLeavesNothingBehind) {
    const FeedSource source = feed("f", "a.example\n");
    Problems problems;
    const std::string nowhere = directory_.file("no/such/directory/threats.db");
    const auto report = compile({source}, nowhere, problems);
    ASSERT_FALSE(report.ok());
    EXPECT_NE(report.error().message.find("No such file"), std::string::npos);
    std::filesystem::create_directory(directory_.file("taken"));
    std::filesystem::create_directory(directory_.file("taken/inside"));
    EXPECT_FALSE(compile({source}, directory_.file("taken"), problems).ok());
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        files += entry.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(files, 1U);
}

TEST_F(Compiling, FullDiskIsAnErrorAndKeepsTheOldFile) {
    ASSERT_EQ(refused({feed("f", "a.example\n")}), "");
    const std::string before = file_bytes();
    // /dev/full stands in for a full disk behind the name of the temporary file's directory.
    Problems problems;
    const auto report = compile({feed("f", "b.example\n")}, "/dev/full/threats.db", problems);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(file_bytes(), before);
}

TEST_F(Compiling, ResultIsReadableByOtherUsersOnlyToRead) {
    ASSERT_EQ(refused({feed("f", "a.example\n")}), "");
    struct stat status = {};
    ASSERT_EQ(stat(output().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST_F(Compiling, PatternsThatMeanNothingAreBadLines) {
    EXPECT_EQ(refused({feed("f", "/./\n/[a-z0-9]/\n*.*\n/evil[0-9]/\n/(/\n")}), "");
    EXPECT_EQ(problems_.size(), 4U);
    const auto db = classifier::ThreatDatabase::open(output(), "");
    ASSERT_TRUE(db.ok());
    EXPECT_EQ(db.value()->patterns(), std::vector<std::string>{"evil[0-9]"});
}

TEST_F(Compiling, F2_PatternsThatMatchEverythingCountAgainstTheBudget) {
    std::string content;
    for (int i = 0; i < 12; ++i) {
        content += "/[a-z].{0," + std::to_string(i + 1) + "}/\n";
    }
    const std::string error = refused({feed("f", content)});
    EXPECT_NE(error.find("12 of 12 lines are bad"), std::string::npos);
}

TEST_F(Compiling, F3_TooManyPatternsAreRefusedGracefully) {
    std::string content;
    for (std::size_t i = 0; i <= kPatternsTotalMax; ++i) {
        content += "*x" + std::to_string(i) + "*\n";
    }
    EXPECT_EQ(
        refused({feed("f", content)}), "20001 patterns in all feeds together, more than 20000"
    );
}

TEST_F(Compiling, F3_FeedThatShrinksOrGrowsIsHeld) {
    ASSERT_EQ(refused({feed("f", names(2000))}), "");
    const std::string before = file_bytes();
    EXPECT_NE(refused({feed("f", "")}).find("shrank from 2000 to 0"), std::string::npos);
    EXPECT_NE(refused({feed("f", names(200))}).find("shrank from 2000 to 200"), std::string::npos);
    EXPECT_NE(refused({feed("f", names(999))}), "");
    EXPECT_NE(
        refused({feed("f", names(20'001))}).find("grew from 2000 to 20001"), std::string::npos
    );
    EXPECT_EQ(file_bytes(), before);
    EXPECT_EQ(refused({feed("f", names(1000))}), "");
    EXPECT_EQ(refused({feed("f", names(4000))}), "");
    EXPECT_EQ(refused({feed("other", names(10))}), "");
}

TEST_F(Compiling, F3_GuardCanBeSwitchedOffAndSparesShortLists) {
    ASSERT_EQ(refused({feed("f", names(2000))}), "");
    CompileOptions options;
    options.shrink_percent_max = 0;
    EXPECT_EQ(refused({feed("f", names(1))}, options), "");
    EXPECT_EQ(refused({feed("f", names(900))}), "");
    EXPECT_EQ(refused({feed("f", names(0))}), "");
}

TEST_F(Compiling, F4_DamagedOldDatabaseIsReplaced) {
    write(output(), "not a database");
    EXPECT_EQ(refused({feed("f", names(5))}), "");
    EXPECT_TRUE(classifier::ThreatDatabase::open(output(), "").ok());
}

TEST_F(Compiling, HashTellsWhenFeedsHaveChanged) {
    FeedSource source = feed("f", "a.example\n");
    const auto db = compiled({source});
    const std::string hash = db->content_hash();
    EXPECT_EQ(hash.size(), 32U);
    EXPECT_EQ(inputs_hash({source}), hash);
    EXPECT_EQ(compiled({source})->content_hash(), hash);
    const auto changed = [&](auto change) {
        FeedSource other = source;
        change(other);
        return inputs_hash({other}) != hash;
    };
    EXPECT_TRUE(changed([](FeedSource& s) { s.name = "g"; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.action = FeedAction::alert; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.confidence = 51; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.category = "x"; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.format = "plain"; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.names_exact = true; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.v4_prefix_min = 9; }));
    EXPECT_TRUE(changed([](FeedSource& s) { s.csv.value = "x"; }));
    NeverBlock never;
    never.names = {"x.example"};
    EXPECT_NE(inputs_hash({source}, never), hash);
    EXPECT_NE(inputs_hash({source, source}), hash);
    write(source.path, "b.example\n");
    EXPECT_NE(inputs_hash({source}), hash);
    write(source.path, "a.example\n");
    EXPECT_EQ(inputs_hash({source}), hash);
    std::filesystem::remove(source.path);
    EXPECT_EQ(inputs_hash({source}), "");
}

TEST_F(Compiling, ProgressCoversAllFeeds) {
    std::vector<Progress> told;
    CompileOptions options;
    options.progress = [&told](const Progress& progress) { told.push_back(progress); };
    ASSERT_EQ(refused({feed("a", names(200'000)), feed("b", names(10))}, options), "");
    ASSERT_GE(told.size(), 4U);
    EXPECT_EQ(told.front().feed, "a");
    EXPECT_EQ(told.back().feed, "");
    EXPECT_EQ(told.back().bytes, told.back().bytes_total);
    EXPECT_EQ(told.back().indicators, 200'010U);
    for (std::size_t i = 1; i < told.size(); ++i) {
        EXPECT_GE(told[i].bytes, told[i - 1].bytes);
    }
}

// The whole way from text to answer against the plainest reading of the list.
TEST_F(Compiling, F13_AgreesWithNaiveMatcherOnRandomFeeds) {
    std::mt19937 random(31);
    const auto name = [&random] {
        std::string out;
        for (auto labels = 2 + random() % 3; labels > 0; --labels) {
            out += static_cast<char>('a' + random() % 5);
            out += static_cast<char>('a' + random() % 5);
            out += labels > 1 ? "." : "x.example";
        }
        return out;
    };
    std::unordered_set<std::string> listed;
    std::string content;
    for (int i = 0; i < 3000; ++i) {
        const std::string entry = name();
        listed.insert(entry);
        content += entry + "\n";
    }
    const auto db = compiled({feed("f", content)});
    for (int i = 0; i < 100'000; ++i) {
        const std::string asked = name();
        bool expected = false;
        for (std::size_t at = 0; at != std::string::npos && !expected;) {
            expected = listed.contains(asked.substr(at));
            const auto dot = asked.find('.', at);
            at = dot == std::string::npos ? dot : dot + 1;
        }
        ThreatMatches matches;
        db->match_name(asked, nullptr, matches);
        ASSERT_EQ(!matches.empty(), expected) << asked;
    }
}

}  // namespace
}  // namespace sallyport::feeds
