// SPDX-License-Identifier: Apache-2.0
// Real lists, where they are: the counts their index gives are the counts we read.
#include "tests/support/shared_data.h"

#include "feeds/format.h"
#include "tests/unit/feeds/feed_fixture.h"

namespace sallyport::feeds {
namespace {

class RealFeeds : public FeedTest {
protected:
    void SetUp() override {
        const auto shared = test::shared_data_directory();
        if (!shared) {
            GTEST_SKIP() << "the shared data is not beside the repository";
        }
        feeds_ = (*shared / "feeds").string();
    }
    [[nodiscard]] FeedSource real(const std::string& path) const {
        FeedSource source;
        source.name = "real";
        source.path = feeds_ + "/" + path;
        return source;
    }
    std::string feeds_;
};

TEST_F(RealFeeds, PlainDomains) {
    const FeedReport report = read(real("hagezi-fake/domains-fake.txt"));
    EXPECT_EQ(report.format, "plain");
    EXPECT_EQ(count_of(report, IndicatorType::suffix), 14'043U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(RealFeeds, Hosts) {
    FeedReport report = read(real("hagezi-fake/hosts-fake.txt"));
    EXPECT_EQ(report.format, "hosts");
    EXPECT_EQ(count_of(report, IndicatorType::domain), 14'043U);
    EXPECT_EQ(report.bad_lines, 0U);
    report = read(real("scamblocklist/hosts.txt"));
    EXPECT_EQ(report.format, "hosts");
    EXPECT_EQ(count_of(report, IndicatorType::domain), 2214U);
}

TEST_F(RealFeeds, Wildcards) {
    const FeedReport report = read(real("hagezi-fake/wildcard-fake.txt"));
    EXPECT_EQ(count_of(report, IndicatorType::subdomains), 7355U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(RealFeeds, Addresses) {
    EXPECT_EQ(count_of(read(real("ipsum/level3.txt")), IndicatorType::address), 14'217U);
    EXPECT_EQ(
        count_of(read(real("malicious-outgoing-ip/abuse.ch.txt")), IndicatorType::address), 9500U
    );
    EXPECT_EQ(
        read(real("malicious-outgoing-ip/full-outgoing-ip-40k.txt")).indicator_count(), 40'000U
    );
}

TEST_F(RealFeeds, DatabaseOfRealListsAnswersEveryEntry) {
    const FeedSource source = real("malicious-outgoing-ip/abuse.ch.txt");
    const auto db = compiled({source});
    std::size_t asked = 0;
    FeedReaderHooks hooks;
    hooks.indicator = [&](const Indicator& indicator, const Place& place) {
        const auto matches = db->every_match(indicator.prefix.address, 0);
        ASSERT_EQ(matches.size(), 1U);
        EXPECT_EQ(db->origin(matches[0]).line, place.line);
        ++asked;
    };
    read_feed(source, {}, hooks);
    EXPECT_EQ(asked, 9500U);
}

}  // namespace
}  // namespace sallyport::feeds
