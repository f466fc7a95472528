// SPDX-License-Identifier: Apache-2.0
// Whole feeds, good, odd and poisoned (ids F1-F4 are those of the failures-and-attacks reference).
#include "feeds/feed.h"

#include "tests/unit/feeds/feed_fixture.h"

#include <filesystem>

namespace sallyport::feeds {
namespace {

class FeedReading : public FeedTest {};

std::string lines(std::size_t good, std::size_t bad) {
    std::string out;
    for (std::size_t i = 0; i < good; ++i) {
        out += "n" + std::to_string(i) + ".example\n";
    }
    for (std::size_t i = 0; i < bad; ++i) {
        out += "not a value " + std::to_string(i) + "\n";
    }
    return out;
}

TEST_F(FeedReading, MissingFileIsRefusedWithItsPath) {
    FeedSource source = feed("f", "");
    source.path = directory_.file("none.txt");
    EXPECT_EQ(read(source).refused, source.path + ": No such file or directory");
}

TEST_F(FeedReading, EmptyFileGivesNothingAndIsNoError) {
    const FeedReport report = read(feed("f", ""));
    EXPECT_EQ(report.refused, "");
    EXPECT_EQ(report.lines, 0U);
    EXPECT_EQ(report.files, 1U);
}

TEST_F(FeedReading, DirectoryIsReadInOrderOfName) {
    std::filesystem::create_directories(directory_.file("d/sub"));
    write(directory_.file("d/b.txt"), "b.example\n");
    write(directory_.file("d/a.txt"), "a.example\n");
    write(directory_.file("d/sub/c.csv"), "url,x\nhttp://c.example/,1\n");
    write(directory_.file("d/LICENSE"), "The MIT License\n");
    write(directory_.file("d/.hidden.txt"), "h.example\n");
    write(directory_.file("d/code.py"), "print()\n");
    FeedSource source = feed("f", "");
    source.path = directory_.file("d");
    const FeedReport report = read(source);
    EXPECT_EQ(given_, "suffix a.example, suffix b.example, domain c.example");
    EXPECT_EQ(report.files, 3U);
    source.path = directory_.file("d/empty");
    std::filesystem::create_directories(source.path);
    EXPECT_EQ(read(source).refused, source.path + ": a directory without feed files");
}

TEST_F(FeedReading, F1_RangesNoFeedMayTouchAreDroppedAndCounted) {
    const FeedReport report = read(feed(
        "f",
        "10.1.2.3\n192.168.0.0/16\n127.0.0.1\n169.254.169.254\n224.0.0.1\n::1\nfe80::1\nfd00::1\n"
        "172.0.0.0/11\n198.51.100.7\n10.0.0.1:443\nhttp://127.0.0.1/\nhttp://0x7f000001/\n"
    ));
    EXPECT_EQ(given_, "prefix 172.0.0.0/12, address 198.51.100.7/32");
    EXPECT_EQ(skips_of(report, SkipReason::guarded_address), 11U);
    EXPECT_EQ(skips_of(report, SkipReason::guarded_part), 1U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(FeedReading, F1_PrefixesWiderThanAllowedAreLeftOut) {
    FeedSource source = feed(
        "f", "0.0.0.0/0\n::/0\n8.0.0.0/7\n11.0.0.0/8\n2000::/3\n2001:4000::/18\n2a00:2000::/19\n"
    );
    const FeedReport report = read(source);
    EXPECT_EQ(given_, "prefix 11.0.0.0/8, prefix 2a00:2000::/19");
    EXPECT_EQ(skips_of(report, SkipReason::too_wide), 5U);
    EXPECT_EQ(report.problems.size(), 5U);
    EXPECT_EQ(report.problems[0].message, "left out: a prefix wider than /8 (\"0.0.0.0/0\")");
    source.v4_prefix_min = 0;
    source.v6_prefix_min = 0;
    read(source);
    EXPECT_EQ(given_.find("0.0.0.0/0"), std::string::npos);
    EXPECT_NE(given_.find("2000::/3"), std::string::npos);
}

TEST_F(FeedReading, F1_OwnAddressesAndNamesAreNeverBlocked) {
    NeverBlock never;
    never.prefixes = {*IpPrefix::parse("203.0.113.0/28"), *IpPrefix::parse("2001:db8:1::/48")};
    never.names = {"kafka.example.com"};
    const FeedSource source = feed(
        "f",
        "203.0.113.5\n203.0.113.16\n2001:db8:1::9\nkafka.example.com\nb1.kafka.example.com\n"
        "example.com\nother.example.com\n"
    );
    const FeedReport report = read(source, never);
    EXPECT_EQ(given_, "address 203.0.113.16/32, suffix other.example.com");
    EXPECT_EQ(skips_of(report, SkipReason::guarded_address), 2U);
    EXPECT_EQ(skips_of(report, SkipReason::never_block), 3U);
}

TEST_F(FeedReading, F2_PublicSuffixesAreLeftOutOfDenyFeeds) {
    const std::string_view content =
        "com\n.xyz\nco.uk\n*.co.uk\ngithub.io\nx.github.io\nhttps://vercel.app/\nhttps://"
        "x.vercel.app/\n";
    FeedReport report = read(feed("f", content, FeedAction::deny));
    EXPECT_EQ(given_, "suffix x.github.io, domain x.vercel.app");
    EXPECT_EQ(skips_of(report, SkipReason::public_suffix), 6U);
    report = read(feed("f", content, FeedAction::alert));
    EXPECT_EQ(report.indicator_count(), 8U);
    FeedSource source = feed("f", content, FeedAction::deny);
    source.allow_public_suffixes = true;
    EXPECT_EQ(read(source).indicator_count(), 8U);
}

TEST_F(FeedReading, AllowListsMayHoldPrivateRanges) {
    read(feed("f", "10.0.0.0/8\n192.168.1.1\n0.0.0.0/0\n", FeedAction::allow));
    EXPECT_EQ(given_, "prefix 10.0.0.0/8, address 192.168.1.1/32");
}

TEST_F(FeedReading, F4_ErrorBudget) {
    EXPECT_EQ(read(feed("f", lines(1, 9))).refused, "");
    EXPECT_NE(read(feed("f", lines(1, 10))).refused, "");
    EXPECT_EQ(read(feed("f", lines(990, 10))).refused, "");
    EXPECT_NE(read(feed("f", lines(989, 10))).refused, "");
    FeedSource source = feed("f", lines(1, 500));
    source.bad_lines_percent_max = 100;
    const FeedReport report = read(source);
    EXPECT_EQ(report.refused, "");
    EXPECT_EQ(report.bad_lines, 500U);
    EXPECT_EQ(report.problems.size(), kProblemsMax);
    EXPECT_EQ(report.problems_left_out, 400U);
}

TEST_F(FeedReading, F4_PageInsteadOfAFeedIsRefused) {
    for (const char* page :
         {"<!DOCTYPE html>\n<p>Terms of use</p>\n",
          "\n  <HTML><body>x.example</body></HTML>",
          "\xEF\xBB\xBF<html>",
          "<?xml version=\"1.0\"?>\n"}) {
        const FeedReport report = read(feed("f", page));
        EXPECT_NE(report.refused.find("a page of HTML or XML"), std::string::npos) << page;
        EXPECT_EQ(given_, "");
    }
}

TEST_F(FeedReading, F4_CompressedAndUtf16FilesAreRefusedByName) {
    EXPECT_NE(read(feed("f", "\x1f\x8b\x08rest")).refused.find("gzip"), std::string::npos);
    EXPECT_NE(read(feed("f", "\x28\xb5\x2f\xfdrest")).refused.find("zstd"), std::string::npos);
    EXPECT_NE(read(feed("f", "PK\x03\x04rest")).refused.find("zip"), std::string::npos);
    EXPECT_NE(read(feed("f", "BZh91AY")).refused.find("bzip2"), std::string::npos);
    EXPECT_NE(
        read(feed(
                 "f",
                 "\xfd"
                 "7zXZ"
             ))
            .refused.find("xz"),
        std::string::npos
    );
    EXPECT_NE(
        read(feed(
                 "f",
                 std::string_view(
                     "\xff\xfe"
                     "e\0v\0",
                     6
                 )
             ))
            .refused.find("UTF-16"),
        std::string::npos
    );
}

TEST_F(FeedReading, F4_ZeroBytesAndEndlessLinesAreBadLines) {
    std::string content = "good.example\n";
    content += std::string("a\0b.example\n", 12);
    content += std::string(200'000, 'x') + "\nlast.example\r\n";
    const FeedReport report = read(feed("f", content));
    EXPECT_EQ(given_, "suffix good.example, suffix last.example");
    EXPECT_EQ(report.bad_lines, 2U);
    EXPECT_EQ(report.lines, 4U);
    ASSERT_EQ(report.problems.size(), 2U);
    EXPECT_EQ(report.problems[1].line, 3U);
    EXPECT_LT(report.problems[1].message.size(), 200U);
}

TEST_F(FeedReading, F4_LineOfManyMebibytesIsOneBadLine) {
    FeedSource source = feed("f", "first.example\n");
    std::filesystem::resize_file(source.path, 64ULL << 20U);
    const FeedReport report = read(source);
    EXPECT_EQ(given_, "suffix first.example");
    EXPECT_EQ(report.bad_lines, 1U);
    EXPECT_EQ(report.bytes, 64ULL << 20U);
}

TEST_F(FeedReading, F4_ByteOrderMarkAndCrlf) {
    read(feed(
        "f",
        "\xEF\xBB\xBF"
        "a.example\r\nb.example\r\n"
    ));
    EXPECT_EQ(given_, "suffix a.example, suffix b.example");
}

TEST_F(FeedReading, ProgressEndsWithEverything) {
    std::uint64_t bytes = 0;
    std::uint64_t indicators = 0;
    FeedReaderHooks hooks;
    hooks.progress = [&](std::uint64_t b, std::uint64_t i) {
        EXPECT_GE(b, bytes);
        bytes = b;
        indicators = i;
    };
    const FeedSource source = feed("f", lines(100'000, 0));
    const FeedReport report = read_feed(source, {}, hooks);
    EXPECT_EQ(bytes, report.bytes);
    EXPECT_EQ(indicators, 100'000U);
}

}  // namespace
}  // namespace sallyport::feeds
