// SPDX-License-Identifier: Apache-2.0
// The small value types: results, byte order, matches, facts.
#include "gateway/model/byte_order.h"
#include "gateway/model/facts.h"
#include "gateway/model/indicator.h"
#include "gateway/model/result.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

namespace sallyport {
namespace {

TEST(Result, IsAValueOrAReason) {
    const Result<int> value = 7;
    ASSERT_TRUE(value.ok());
    EXPECT_TRUE(value);
    EXPECT_EQ(value.value(), 7);
    const Result<int> failed = Error{"sallyport.yaml:3: no"};
    EXPECT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "sallyport.yaml:3: no");
    // Moves what cannot be copied.
    Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
    const std::unique_ptr<int> taken = std::move(owner).value();
    EXPECT_EQ(*taken, 5);
    EXPECT_EQ(Status(Done{}).ok(), true);
}

TEST(Problem, SaysWhere) {
    EXPECT_EQ((Problem{"a.yaml", 31, 19, "no"}).text(), "a.yaml:31:19: no");
    EXPECT_EQ((Problem{"a.yaml", 31, 0, "no"}).text(), "a.yaml:31: no");
    EXPECT_EQ((Problem{"a.yaml", 0, 0, "no"}).text(), "a.yaml: no");
    EXPECT_EQ((Problem{"", 0, 0, "no"}).text(), "no");
}

TEST(ByteOrder, BytesAreNetworkOrder) {
    const Be16 port(443);
    std::array<std::uint8_t, 2> bytes{};
    std::memcpy(bytes.data(), &port, 2);
    EXPECT_EQ(bytes, (std::array<std::uint8_t, 2>{0x01, 0xBB}));
    EXPECT_EQ(port.host(), 443);
    EXPECT_EQ(Be16::from_raw(port.raw()), port);
    const Be32 address(0xC0000201U);
    std::array<std::uint8_t, 4> four{};
    std::memcpy(four.data(), &address, 4);
    EXPECT_EQ(four, (std::array<std::uint8_t, 4>{0xC0, 0, 2, 1}));
    EXPECT_EQ(byte_swap(std::uint64_t{0x0102030405060708ULL}), 0x0807060504030201ULL);
}

TEST(ThreatMatches, CountsWhatDoesNotFit) {
    ThreatMatches matches;
    EXPECT_TRUE(matches.empty());
    for (std::size_t i = 0; i < 300; ++i) {
        ThreatMatch match;
        match.feed = static_cast<std::uint16_t>(i);
        matches.add(match);
    }
    EXPECT_EQ(matches.size, kThreatMatchesMax);
    EXPECT_EQ(matches.total, 255) << "saturates";
    EXPECT_EQ(matches.items[kThreatMatchesMax - 1].feed, kThreatMatchesMax - 1) << "the first stay";
}

TEST(Facts, ClearForgetsWhatIsReadable) {
    Facts facts;
    facts.protocol = AppProtocol::tls;
    facts.name_source = NameSource::sni;
    facts.state = ParseState::complete;
    facts.name_invalid = true;
    facts.name_size = 3;
    facts.tls_version = 0x0304;
    facts.dns.id = facts.dns.flags = facts.dns.type = facts.dns.dns_class = 9;
    facts.dns.question_end = facts.dns.answer_count = facts.dns.answers_size = 9;
    facts.dns.is_response = facts.dns.truncated = true;
    facts.clear();
    // Nothing was written to the buffers, so all of it must equal a new one.
    const Facts fresh;
    EXPECT_EQ(facts.protocol, fresh.protocol);
    EXPECT_EQ(facts.name_source, fresh.name_source);
    EXPECT_EQ(facts.state, fresh.state);
    EXPECT_EQ(facts.name_invalid, fresh.name_invalid);
    EXPECT_EQ(facts.name_view(), "");
    EXPECT_EQ(facts.tls_version, 0);
    EXPECT_EQ(facts.dns.id | facts.dns.flags | facts.dns.type | facts.dns.dns_class, 0);
    EXPECT_EQ(facts.dns.question_end | facts.dns.answer_count | facts.dns.answers_size, 0);
    EXPECT_FALSE(facts.dns.is_response || facts.dns.truncated);
}

}  // namespace
}  // namespace sallyport
