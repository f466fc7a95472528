// SPDX-License-Identifier: Apache-2.0
#include "classifier/pattern_set.h"

#include "tests/unit/classifier/threat_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>

namespace sallyport::classifier {
namespace {

std::vector<unsigned> scan(const PatternSet& set, std::string_view name) {
    hs_scratch* raw = nullptr;
    EXPECT_TRUE(set.fit_scratch(&raw).ok());
    const Scratch scratch(raw);
    std::vector<unsigned> hits;
    EXPECT_TRUE(set.scan(
        name,
        scratch.get(),
        [](void* at, unsigned id) { static_cast<std::vector<unsigned>*>(at)->push_back(id); },
        &hits
    ));
    std::ranges::sort(hits);
    return hits;
}

PatternSet compile(const std::vector<PatternText>& patterns, const std::string& cache = "") {
    Result<PatternSet> set = PatternSet::compile(patterns, cache, nullptr);
    EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().message);
    return set.ok() ? std::move(set).value() : PatternSet();
}

using Hits = std::vector<unsigned>;

TEST(PatternSet, WildcardIsAnchoredAndEscaped) {
    EXPECT_EQ(pattern_expression({"ad*.a-b.c?", PatternKind::wildcard}), "^ad.*\\.a\\-b\\.c[^.]$");
    EXPECT_EQ(pattern_expression({"*ads*", PatternKind::wildcard}), "ads");
    EXPECT_EQ(pattern_expression({"*.ads", PatternKind::wildcard}), "\\.ads$");
    EXPECT_EQ(pattern_expression({"ads**", PatternKind::wildcard}), "^ads");
    const PatternSet set = compile({{"ad*.example.com", PatternKind::wildcard}});
    EXPECT_EQ(scan(set, "ads1.example.com"), Hits{0});
    EXPECT_EQ(scan(set, "ad.x.example.com"), Hits{0});
    EXPECT_EQ(scan(set, "bad.example.com"), Hits{});
    EXPECT_EQ(scan(set, "ads.example.com.org"), Hits{});
    EXPECT_EQ(scan(set, "ads.exampleXcom"), Hits{});
}

TEST(PatternSet, ExpressionMatchesAnywhereInAnyCase) {
    const PatternSet set = compile({{"CDN[0-9]+\\.", PatternKind::expression}});
    EXPECT_EQ(scan(set, "a.cdn42.example"), Hits{0});
    EXPECT_EQ(scan(set, "a.cdn.example"), Hits{});
}

TEST(PatternSet, EachPatternIsReportedOnce) {
    const PatternSet set = compile(
        {{"*aa*", PatternKind::wildcard},
         {"a", PatternKind::expression},
         {"b", PatternKind::expression},
         {"*a*", PatternKind::wildcard}}
    );
    EXPECT_EQ(scan(set, "aaaa.aaaa"), (Hits{0, 1, 3}));
}

TEST(PatternSet, EmptySetScansNothing) {
    const PatternSet set = compile({});
    EXPECT_TRUE(set.empty());
    EXPECT_EQ(scan(set, "example.com"), Hits{});
}

TEST(PatternSet, ProblemsAreToldBeforeCompiling) {
    const auto problem = [](std::string_view text) {
        return pattern_problem({text, PatternKind::expression}).value_or("");
    };
    EXPECT_EQ(problem("cdn[0-9]+\\."), "");
    EXPECT_NE(problem("(unclosed"), "");
    EXPECT_NE(problem("(?=ahead)"), "");
    EXPECT_NE(problem("(a)\\1"), "");
    EXPECT_NE(problem(".*"), "");
    EXPECT_NE(problem("a?"), "");
    EXPECT_NE(problem("a{300}"), "");
    EXPECT_NE(problem("a{1,99999999999999999999}"), "");
    EXPECT_NE(problem("(abc){200}"), "");
    EXPECT_EQ(problem("[0-9]{1,3}-[a-z]{2,}"), "");
    EXPECT_EQ(problem("a\\{300\\}"), "");
    EXPECT_NE(problem(std::string(kPatternBytesMax + 1, 'a')), "");
    EXPECT_TRUE(pattern_problem({"*", PatternKind::wildcard}).has_value());
}

TEST(PatternSet, WhatHyperscanRefusesIsAFaultWithItsIndex) {
    const std::vector<PatternText> patterns{
        {"good", PatternKind::expression},
        {"(bad", PatternKind::expression},
        {"fine", PatternKind::expression},
        {"worse)", PatternKind::expression}};
    EXPECT_FALSE(PatternSet::compile(patterns, "", nullptr).ok());
    std::vector<PatternFault> faults;
    const auto set = PatternSet::compile(patterns, "", &faults);
    ASSERT_TRUE(set.ok());
    ASSERT_EQ(faults.size(), 2U);
    EXPECT_EQ(faults[0].index + faults[1].index, 4U);
    EXPECT_EQ(scan(set.value(), "good.fine"), (Hits{0, 2}));
}

TEST(PatternSet, OnlyFaultsLeaveAnEmptySet) {
    std::vector<PatternFault> faults;
    const auto set =
        PatternSet::compile(std::vector<PatternText>{{"(", PatternKind::expression}}, "", &faults);
    ASSERT_TRUE(set.ok());
    EXPECT_TRUE(set.value().empty());
    EXPECT_EQ(faults.size(), 1U);
}

TEST(PatternSet, ShardsTogetherHoldAll) {
    std::vector<std::string> texts;
    std::vector<PatternText> patterns;
    for (std::size_t i = 0; i < kShardPatternsMax + 10; ++i) {
        texts.push_back("*needle" + std::to_string(i) + ".*");
    }
    for (const std::string& text : texts) {
        patterns.push_back({text, PatternKind::wildcard});
    }
    const PatternSet set = compile(patterns);
    EXPECT_EQ(set.compiled_count(), 2U);
    EXPECT_EQ(scan(set, "xneedle0.example"), Hits{0});
    EXPECT_EQ(scan(set, "needle4105.example"), Hits{4105});
    EXPECT_EQ(scan(set, "needle4106.example"), Hits{});
}

class PatternCache : public ::testing::Test {
protected:
    [[nodiscard]] std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> out;
        for (const auto& entry : std::filesystem::directory_iterator(cache())) {
            out.push_back(entry.path());
        }
        return out;
    }
    [[nodiscard]] std::string cache() const { return directory_.file("cache"); }

    test::TemporaryDirectory directory_;
    const std::vector<PatternText> patterns_{
        {"*ads*.example", PatternKind::wildcard}, {"^cdn[0-9]+", PatternKind::expression}};
};

TEST_F(PatternCache, SecondTimeIsTakenFromDisk) {
    const PatternSet first = compile(patterns_, cache());
    EXPECT_EQ(first.compiled_count(), 2U);
    EXPECT_EQ(files().size(), 2U);
    const PatternSet second = compile(patterns_, cache());
    EXPECT_EQ(second.compiled_count(), 0U);
    EXPECT_EQ(second.cached_count(), 2U);
    EXPECT_EQ(scan(second, "cdn1.ads.example"), (Hits{0, 1}));
}

TEST_F(PatternCache, OtherPatternsOrNumbersAreNotConfused) {
    const PatternSet first = compile(patterns_, cache());
    const std::vector<PatternText> swapped{patterns_[1], patterns_[0]};
    const PatternSet second = compile(swapped, cache());
    EXPECT_EQ(second.cached_count(), 0U);
    EXPECT_EQ(scan(second, "cdn1.x"), Hits{0});
}

TEST_F(PatternCache, DamagedEntriesAreCompiledAgain) {
    (void)compile(patterns_, cache());
    for (const auto& path : files()) {
        const auto size = std::filesystem::file_size(path);
        for (const std::uintmax_t cut :
             {std::uintmax_t{0}, std::uintmax_t{10}, size / 2, size - 1}) {
            (void)compile(patterns_, cache());
            std::filesystem::resize_file(path, cut);
            const PatternSet again = compile(patterns_, cache());
            EXPECT_EQ(again.compiled_count(), 1U) << cut;
            EXPECT_EQ(scan(again, "cdn1.ads.example"), (Hits{0, 1}));
        }
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(size / 2));
        file.put('\x5a');
        file.put('\xa5');
        file.close();
        EXPECT_EQ(compile(patterns_, cache()).compiled_count(), 1U);
        EXPECT_EQ(compile(patterns_, cache()).compiled_count(), 0U);
    }
}

TEST_F(PatternCache, UnwritableDirectoryOnlyCostsTime) {
    std::ofstream(cache()) << "a file where the directory should be";
    const PatternSet set = compile(patterns_, cache());
    EXPECT_EQ(set.compiled_count(), 2U);
    EXPECT_EQ(scan(set, "cdn1.ads.example"), (Hits{0, 1}));
}

TEST_F(PatternCache, OldEntriesAreCleanedUp) {
    for (int i = 0; i < 40; ++i) {
        const std::string text = "*x" + std::to_string(i) + ".example";
        (void)compile({{text, PatternKind::wildcard}}, cache());
    }
    EXPECT_LE(files().size(), 16U);
}

TEST(PatternSet, WildcardsAgreeWithStdRegexOnRandomNames) {
    std::mt19937 random(5);
    const auto word = [&random](std::string_view letters, std::size_t most) {
        std::string out;
        for (std::size_t n = 1 + random() % most; n > 0; --n) {
            out += letters[random() % letters.size()];
        }
        return out;
    };
    std::vector<std::string> texts;
    std::vector<std::regex> expected;
    std::vector<PatternText> patterns;
    while (texts.size() < 60) {
        const std::string text = word("ab.*?", 6);
        if (!pattern_problem({text, PatternKind::wildcard})) {
            texts.push_back(text);
            expected.emplace_back(pattern_expression({text, PatternKind::wildcard}));
        }
    }
    for (const std::string& text : texts) {
        patterns.push_back({text, PatternKind::wildcard});
    }
    const PatternSet set = compile(patterns);
    for (int i = 0; i < 2000; ++i) {
        const std::string name = word("ab.", 7);
        Hits hits;
        for (unsigned id = 0; id < expected.size(); ++id) {
            if (std::regex_search(name, expected[id])) {
                hits.push_back(id);
            }
        }
        ASSERT_EQ(scan(set, name), hits) << name;
    }
}

}  // namespace
}  // namespace sallyport::classifier
