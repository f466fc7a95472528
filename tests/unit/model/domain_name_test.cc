// SPDX-License-Identifier: Apache-2.0
#include "gateway/model/domain_name.h"

#include "gateway/model/facts.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sallyport {
namespace {

struct Canonical {
    std::string text;
    bool invalid = false;
};

Canonical canonical(std::string_view text) {
    std::array<char, 254> out{};
    const CanonicalName name = canonicalise(text, out);
    return {std::string(out.data(), name.size), name.invalid};
}

TEST(DomainName, OneSpelling) {
    for (const std::string_view text :
         {"www.example.com", "WWW.EXAMPLE.COM", "wWw.ExAmPlE.cOm", "www.example.com."}) {
        EXPECT_EQ(canonical(text).text, "www.example.com");
        EXPECT_FALSE(canonical(text).invalid);
        EXPECT_EQ(canonical_name(text), "www.example.com");
    }
    EXPECT_FALSE(canonical("_dmarc.example").invalid) << "RFC 2181 section 11";
    EXPECT_FALSE(canonical("xn--bcher-kva.example").invalid);
    EXPECT_FALSE(canonical("a").invalid);
    EXPECT_FALSE(canonical("0.1").invalid);
}

TEST(DomainName, InvalidNamesAreKeptAndFlagged) {
    for (const std::string_view text :
         {"a b", "a..b", ".a", "a..", "*.a", "a/b", "b\xC3\xBC", "a\\b", "a:1"}) {
        EXPECT_TRUE(canonical(text).invalid) << text;
        EXPECT_FALSE(canonical(text).text.empty()) << text;
        EXPECT_EQ(canonical_name(text), "") << text;
    }
    EXPECT_EQ(canonical("A*.B").text, "a*.b");
    EXPECT_TRUE(canonical(std::string_view("a\0b", 3)).invalid);
    // Every byte, alone in a label: exactly letters, digits, '-' and '_' are legal.
    for (unsigned c = 1; c < 256; ++c) {
        const auto byte = static_cast<char>(c);
        const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c != '.') {
            EXPECT_EQ(canonical(std::string("x") + byte).invalid, !legal) << c;
        }
    }
}

TEST(DomainName, EmptyAndRoot) {
    EXPECT_EQ(canonical("").text, "");
    EXPECT_EQ(canonical(".").text, "");
    EXPECT_EQ(canonical_name("."), "");
}

TEST(DomainName, Limits) {
    const std::string label(63, 'a');
    EXPECT_FALSE(canonical(label).invalid);
    EXPECT_TRUE(canonical(label + 'a').invalid);
    EXPECT_TRUE(canonical("x." + label + 'a').invalid);
    const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
    ASSERT_EQ(longest.size(), kNameBytesMax);
    EXPECT_EQ(canonical(longest).text, longest);
    EXPECT_FALSE(canonical(longest).invalid);
    EXPECT_EQ(canonical(longest + '.').text, longest);
    const Canonical longer = canonical(longest + 'b');
    EXPECT_EQ(longer.text, "");
    EXPECT_TRUE(longer.invalid);
    std::array<char, 3> small{};
    EXPECT_EQ(canonicalise("abcd", small).size, 0U) << "no room is no name";
    EXPECT_EQ(canonicalise("abc", small).size, 3U);
}

TEST(DomainName, BelowStopsAtLabels) {
    EXPECT_TRUE(is_or_below("example.com", "example.com"));
    EXPECT_TRUE(is_or_below("a.example.com", "example.com"));
    EXPECT_TRUE(is_or_below("b.a.example.com", "example.com"));
    EXPECT_TRUE(is_or_below("example.com", "com"));
    EXPECT_FALSE(is_or_below("badexample.com", "example.com"));
    EXPECT_FALSE(is_or_below("example.com", "a.example.com"));
    EXPECT_FALSE(is_or_below("example.org", "example.com"));
    EXPECT_FALSE(is_or_below("com", "example.com"));
    EXPECT_TRUE(is_or_below("example.com", "")) << "everything is below the root";
    // A shortened name (classifier/name_text.h) begins with a dot: below, never equal.
    EXPECT_TRUE(is_or_below(".example.com", "example.com"));
}

}  // namespace
}  // namespace sallyport
