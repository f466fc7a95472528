// SPDX-License-Identifier: Apache-2.0
// Goal: one text for one name, readable whatever its bytes, and never shortened into another name.
#include "classifier/name_text.h"

#include "gateway/model/domain_name.h"
#include "tests/support/packet_bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sallyport::classifier {
namespace {

using test::bytes_of;

struct Text {
    std::string text;
    bool invalid = false;
    friend bool operator==(const Text&, const Text&) = default;
};

void PrintTo(const Text& text, std::ostream* out) {
    *out << text.text << (text.invalid ? " (invalid)" : "");
}

Text finish(NameText& name) {
    Facts facts;
    name.store(NameSource::sni, facts);
    EXPECT_EQ(facts.name_source, NameSource::sni);
    return {std::string(facts.name_view()), facts.name_invalid};
}

Text assigned(std::string_view text) {
    NameText name;
    name.assign(bytes_of(text));
    return finish(name);
}

TEST(NameText, SpellsOneNameOneWay) {
    const Text want{"www.example.com", false};
    EXPECT_EQ(assigned("www.example.com"), want);
    EXPECT_EQ(assigned("WWW.eXample.COM"), want);
    EXPECT_EQ(assigned("www.example.com."), want);
    EXPECT_EQ(assigned("_dmarc.a-b.example"), (Text{"_dmarc.a-b.example", false}));
}

TEST(NameText, FlagsAndEscapesWhatIsNotAName) {
    EXPECT_EQ(assigned("a b.example"), (Text{"a\\032b.example", true}));
    EXPECT_EQ(assigned(std::string_view("a.com\0.b.com", 12)), (Text{"a.com\\000.b.com", true}));
    EXPECT_EQ(assigned("m\xC3\xBCnchen.example"), (Text{"m\\195\\188nchen.example", true}));
    EXPECT_EQ(assigned("a\\b"), (Text{"a\\092b", true}));
    EXPECT_EQ(assigned("*.Example"), (Text{"*.example", true}));
    EXPECT_EQ(assigned(".example"), (Text{".example", true}));
    EXPECT_EQ(assigned("a..b"), (Text{"a..b", true}));
    EXPECT_EQ(assigned("a.."), (Text{"a.", true}));
    EXPECT_EQ(assigned("."), (Text{"", true}));
    EXPECT_EQ(assigned(""), (Text{"", false}));
    EXPECT_EQ(assigned(std::string(63, 'a') + ".b"), (Text{std::string(63, 'a') + ".b", false}));
    EXPECT_EQ(assigned(std::string(64, 'a') + ".b"), (Text{std::string(64, 'a') + ".b", true}));
}

TEST(NameText, DotsInsideLabelsAreNotSeparators) {
    NameText name;
    name.add_label(bytes_of("a.b"));
    name.add_label(bytes_of("example"));
    EXPECT_EQ(finish(name), (Text{"a\\046b.example", true}));
}

TEST(NameText, LongestNameIsKeptWhole) {
    const std::string label(63, 'a');
    const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
    ASSERT_EQ(longest.size(), kNameBytesMax);
    EXPECT_EQ(assigned(longest), (Text{longest, false}));
    EXPECT_EQ(assigned(longest + '.'), (Text{longest, false}));
}

TEST(NameText, LongerNameKeepsItsRightmostLabelsBehindADot) {
    for (std::size_t extra = 1; extra < 300; ++extra) {
        const std::string long_label(240 + extra, 'x');
        const Text got = assigned(long_label + ".evil.example");
        ASSERT_TRUE(got.invalid);
        if (long_label.size() + 13 > kNameBytesMax) {
            ASSERT_EQ(got.text, ".evil.example") << extra;
        }
        ASSERT_TRUE(is_or_below(got.text, "evil.example"));
    }
    // Even the label that is cut in the middle goes: half a label would be another name.
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += "abcd.";
    }
    const Text got = assigned(many + "example");
    EXPECT_TRUE(got.invalid);
    EXPECT_LE(got.text.size(), kNameBytesMax);
    EXPECT_GT(got.text.size(), kNameBytesMax - 6);
    EXPECT_TRUE(got.text.starts_with(".abcd."));
    EXPECT_TRUE(got.text.ends_with(".example"));
}

TEST(NameText, EscapesDoNotPushTheDomainOut) {
    NameText name;
    for (int i = 0; i < 3; ++i) {
        name.add_label(test::Bytes(63, 0xFF));
    }
    name.add_label(bytes_of("Pirate"));
    name.add_label(bytes_of("sea"));
    const Text got = finish(name);
    EXPECT_TRUE(got.invalid);
    EXPECT_EQ(got.text, ".pirate.sea");
    EXPECT_TRUE(is_or_below(got.text, "pirate.sea"));
}

TEST(NameText, OneHugeLabelStaysInBounds) {
    const Text got = assigned(std::string(5000, 'a'));
    EXPECT_TRUE(got.invalid);
    EXPECT_EQ(got.text, '.' + std::string(kNameBytesMax - 1, 'a'));
    const Text escaped = assigned(std::string(5000, '\xFF'));
    EXPECT_TRUE(escaped.invalid);
    EXPECT_EQ(escaped.text.size(), kNameBytesMax);
}

TEST(NameText, AgreesWithTheModelOnLegalNames) {
    std::mt19937 random(20240501);
    constexpr std::string_view kLetters = "abcXYZ019-_..";
    for (int i = 0; i < 20000; ++i) {
        std::string text;
        const std::size_t size = random() % 80;
        for (std::size_t k = 0; k < size; ++k) {
            text += kLetters[random() % kLetters.size()];
        }
        std::array<char, 256> buffer{};
        const CanonicalName model = canonicalise(text, buffer);
        const Text got = assigned(text);
        ASSERT_EQ(got.text, std::string(buffer.data(), model.size)) << text;
        if (text != ".") {
            ASSERT_EQ(got.invalid, model.invalid) << text;
        }
    }
}

}  // namespace
}  // namespace sallyport::classifier
