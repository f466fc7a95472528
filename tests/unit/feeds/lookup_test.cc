// SPDX-License-Identifier: Apache-2.0
#include "feeds/lookup.h"

#include "tests/unit/feeds/feed_fixture.h"

namespace sallyport::feeds {
namespace {

class Lookup : public FeedTest {};

TEST_F(Lookup, TakesValuesAsPeopleWriteThem) {
    const auto db = compiled({feed(
        "f",
        "evil.example\n198.51.100.7\n203.0.113.9:4444\n[2001:db8::9]:443\n2001:db8:1::/"
        "48\n*.wild.example\n"
    )});
    for (const char* value :
         {"evil.example",
          "EVIL.example.",
          "evil[.]example",
          "hxxp://evil.example/x",
          "http://evil.example:80"}) {
        EXPECT_EQ(found(*db, value), "f suffix evil.example deny 1") << value;
    }
    EXPECT_EQ(found(*db, "198.51.100.7"), "f address 198.51.100.7 deny 2");
    EXPECT_EQ(found(*db, "198.51.100.7:80"), "f address 198.51.100.7 deny 2");
    EXPECT_EQ(found(*db, "http://203.0.113.9:4444/x"), "f address_port 203.0.113.9:4444 deny 3");
    EXPECT_EQ(found(*db, "203.0.113.9"), "f address_port 203.0.113.9:4444 deny 3");
    EXPECT_EQ(found(*db, "[2001:db8::9]:443"), "f address_port [2001:db8::9]:443 deny 4");
    EXPECT_EQ(found(*db, "2001:db8:1::5"), "f prefix 2001:db8:1::/48 deny 5");
    EXPECT_EQ(found(*db, "2001:db8:1:2::/64"), "f prefix 2001:db8:1::/48 deny 5");
    EXPECT_EQ(found(*db, "2001:db8::/32"), "");
    EXPECT_EQ(found(*db, "a.wild.example"), "f subdomains *.wild.example deny 6");
    EXPECT_EQ(found(*db, "wild.example"), "");
    const auto hits = lookup(*db, "evil.example");
    ASSERT_TRUE(hits.ok());
    EXPECT_EQ(hits.value()[0].path, directory_.file("f.txt"));
}

TEST_F(Lookup, SaysWhatItCannotLookUp) {
    const auto db = classifier::ThreatDatabase::empty();
    for (const char* value : {"", "two words", "1.2.3.4:99999", "/path", "a*b", "word"}) {
        EXPECT_NE(found(*db, value).find("is not an address"), std::string::npos) << value;
    }
    EXPECT_EQ(found(*db, "evil.example"), "");
}

TEST_F(Lookup, TellsMoreFeedsThanAnEventHolds) {
    std::vector<FeedSource> sources;
    for (int i = 0; i < 12; ++i) {
        sources.push_back(feed("f" + std::to_string(i), "evil.example\n"));
    }
    const auto hits = lookup(*compiled(sources), "evil.example");
    ASSERT_TRUE(hits.ok());
    EXPECT_EQ(hits.value().size(), 12U);
}

}  // namespace
}  // namespace sallyport::feeds
