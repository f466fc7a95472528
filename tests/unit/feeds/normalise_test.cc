// SPDX-License-Identifier: Apache-2.0
#include "feeds/normalise.h"

#include "gateway/model/domain_name.h"
#include "tests/unit/feeds/feed_fixture.h"

#include <gtest/gtest.h>

#include <random>

namespace sallyport::feeds {
namespace {

NormaliseRules maltrail_rules() {
    NormaliseRules rules;
    rules.slashes_quote_expressions = false;
    rules.bare_expressions = true;
    return rules;
}

// "type text", "skip reason" or "bad".
std::string take(
    std::string_view raw, const NormaliseRules& rules = {}, const ValueHint& hint = {}
) {
    const Normalised out = normalise(raw, rules, hint);
    switch (out.outcome) {
        case Outcome::skipped:
            return "skip " + std::string(name_of(out.skip));
        case Outcome::bad:
            EXPECT_FALSE(out.problem.empty()) << raw;
            return "bad";
        case Outcome::indicator:
            break;
    }
    const Indicator& indicator = out.indicator;
    std::string text(name_of(indicator.type));
    text += ' ';
    if (!indicator.text.empty()) {
        text += indicator.text;
    } else {
        text += indicator.type == IndicatorType::prefix ? indicator.prefix.text()
                                                        : indicator.prefix.address.text();
    }
    if (indicator.port != 0) {
        text += " " + std::to_string(indicator.port);
    }
    return text + (indicator.alert_only ? " alert" : "");
}

TEST(Normalise, Addresses) {
    EXPECT_EQ(take("1.2.3.4"), "address 1.2.3.4");
    EXPECT_EQ(take("  1.2.3.4\t"), "address 1.2.3.4");
    EXPECT_EQ(take("1.2.3.4/32"), "address 1.2.3.4");
    EXPECT_EQ(take("1.2.3.4/24"), "prefix 1.2.3.0/24");
    EXPECT_EQ(take("2001:DB8::1"), "address 2001:db8::1");
    EXPECT_EQ(take("2001:db8::1/128"), "address 2001:db8::1");
    EXPECT_EQ(take("2001:db8::1/32"), "prefix 2001:db8::/32");
    EXPECT_EQ(take("[2001:db8::1]"), "address 2001:db8::1");
}

TEST(Normalise, AddressWithPort) {
    EXPECT_EQ(take("1.2.3.4:443"), "address_port 1.2.3.4 443");
    EXPECT_EQ(take("[2001:db8::1]:8080"), "address_port 2001:db8::1 8080");
    EXPECT_EQ(take("1.2.3.4:0"), "bad");
    EXPECT_EQ(take("1.2.3.4:65536"), "bad");
    EXPECT_EQ(take("1.2.3.4:99999999999999999999"), "bad");
    EXPECT_EQ(take("[2001:db8::1]:"), "bad");
    EXPECT_EQ(take("[2001:db8::1]x"), "bad");
    EXPECT_EQ(take("[2001:db8::1"), "bad");
    ValueHint hint;
    hint.port = 8443;
    EXPECT_EQ(take("1.2.3.4", {}, hint), "address_port 1.2.3.4 8443");
    EXPECT_EQ(take("1.2.3.0/24", {}, hint), "bad");
}

TEST(Normalise, V4IsStrict) {
    EXPECT_EQ(take("0000153.0000255.0000011.0000125"), "bad");
    EXPECT_EQ(take("1.2.3.04"), "bad");
    EXPECT_EQ(take("1.2.3"), "bad");
    EXPECT_EQ(take("1.2.3.4.5"), "bad");
    EXPECT_EQ(take("1.2.3.256"), "bad");
    EXPECT_EQ(take("1.2.3.4/33"), "bad");
    EXPECT_EQ(take("2001:db8::/129"), "bad");
    EXPECT_EQ(take("C91.196.152.28"), "bad");
    EXPECT_EQ(take("182.86.133:8880"), "bad");
}

TEST(Normalise, MappedAndNat64FoldToV4) {
    EXPECT_EQ(take("::ffff:45.62.198.73"), "address 45.62.198.73");
    EXPECT_EQ(take("[0:0:0:0:0:ffff:2d3e:c649]:53"), "address_port 45.62.198.73 53");
    EXPECT_EQ(take("64:ff9b::102:304"), "address 1.2.3.4");
    EXPECT_EQ(take("::ffff:1.2.3.0/120"), "prefix 1.2.3.0/24");
}

TEST(Normalise, ScopedAddressIsSkipped) {
    EXPECT_EQ(take("fe80::1%lo0"), "skip scoped_address");
    EXPECT_EQ(take("a:b:c%d"), "bad");
}

TEST(Normalise, Names) {
    EXPECT_EQ(take("Example.COM"), "suffix example.com");
    EXPECT_EQ(take("example.com."), "suffix example.com");
    EXPECT_EQ(take("www.example.com"), "suffix www.example.com");
    EXPECT_EQ(take(".example.com"), "suffix example.com");
    EXPECT_EQ(take("*.example.com"), "subdomains example.com");
    EXPECT_EQ(take("_dmarc.under_score.example"), "suffix _dmarc.under_score.example");
    EXPECT_EQ(take("abc.de"), "suffix abc.de");
    EXPECT_EQ(take("1password.com"), "suffix 1password.com");
    EXPECT_EQ(take("1.2.3.4.example"), "suffix 1.2.3.4.example");
    NormaliseRules exact;
    exact.names_exact = true;
    EXPECT_EQ(take("example.com", exact), "domain example.com");
    EXPECT_EQ(take(".example.com", exact), "suffix example.com");
    ValueHint hint;
    hint.exact = true;
    EXPECT_EQ(take("example.com", {}, hint), "domain example.com");
    NormaliseRules apex;
    apex.wildcard_includes_apex = true;
    EXPECT_EQ(take("*.example.com", apex), "suffix example.com");
}

TEST(Normalise, WhatIsNoName) {
    EXPECT_EQ(take("exa mple.com"), "bad");
    EXPECT_EQ(take("example..com"), "bad");
    EXPECT_EQ(take("example.com.."), "bad");
    EXPECT_EQ(take("exam!ple.com"), "bad");
    EXPECT_EQ(take("example.123"), "bad");
    EXPECT_EQ(take("word"), "bad");
    EXPECT_EQ(take("-"), "bad");
    EXPECT_EQ(take("."), "bad");
    EXPECT_EQ(take(std::string(64, 'a') + ".com"), "bad");
    EXPECT_EQ(take(std::string(63, 'a') + ".com"), "suffix " + std::string(63, 'a') + ".com");
    std::string longest = "a.com";
    while (longest.size() + 2 <= 253) {
        longest.insert(0, "a.");
    }
    EXPECT_EQ(take(longest), "suffix " + longest);
    EXPECT_EQ(take("a." + longest), "bad");
    EXPECT_EQ(take("localhost"), "skip local_name");
    EXPECT_EQ(take(""), "skip empty_value");
}

TEST(Normalise, TopLevelDomains) {
    EXPECT_EQ(take("com"), "suffix com");
    EXPECT_EQ(take(".cc"), "suffix cc");
    EXPECT_EQ(take(".onion"), "suffix onion");
    EXPECT_EQ(take("*.xyz"), "subdomains xyz");
}

TEST(Normalise, InternationalNamesBecomeALabels) {
    EXPECT_EQ(take("bücher.example"), "suffix xn--bcher-kva.example");
    EXPECT_EQ(take("BÜCHER.example"), "suffix xn--bcher-kva.example");
    EXPECT_EQ(take("straße.example"), "suffix xn--strae-oqa.example");
    EXPECT_EQ(take("xn--bcher-kva.example"), "suffix xn--bcher-kva.example");
    EXPECT_EQ(
        take("b\xfc"
             "cher.example"),
        "bad"
    );  // Latin-1
    EXPECT_EQ(
        take("support\xc2\xac"
             "forum.org"),
        "bad"
    );
}

TEST(Normalise, FileHashesAreSkipped) {
    EXPECT_EQ(take("d41d8cd98f00b204e9800998ecf8427e"), "skip file_hash");
    EXPECT_EQ(take("da39a3ee5e6b4b0d3255bfef95601890afd80709"), "skip file_hash");
    EXPECT_EQ(take(std::string(64, 'A')), "skip file_hash");
}

TEST(Normalise, UrlOfAHostIsTheHost) {
    EXPECT_EQ(take("http://evil.example"), "domain evil.example");
    EXPECT_EQ(take("https://Evil.example/"), "domain evil.example");
    EXPECT_EQ(take("http://evil.example:8080/"), "domain evil.example");
    EXPECT_EQ(take("http://user:pass@evil.example/"), "domain evil.example");
    EXPECT_EQ(take("http://1.2.3.4"), "address 1.2.3.4");
    EXPECT_EQ(take("http://1.2.3.4:8080/"), "address_port 1.2.3.4 8080");
    EXPECT_EQ(take("http://[2001:db8::1]:80/"), "address_port 2001:db8::1 80");
}

TEST(Normalise, UrlWithPathOnlyAlerts) {
    EXPECT_EQ(take("https://docs.google.com/forms/x"), "domain docs.google.com alert");
    EXPECT_EQ(take("https://evil.example/?q=1"), "domain evil.example alert");
    EXPECT_EQ(take("https://evil.example#x"), "domain evil.example alert");
    EXPECT_EQ(take("http://61.54.253.89:37352/bin.sh"), "address_port 61.54.253.89 37352 alert");
    EXPECT_EQ(take("evil.example/path/x.php?a=b"), "domain evil.example alert");
    EXPECT_EQ(take("1.2.3.4/x.sh"), "address 1.2.3.4 alert");
    EXPECT_EQ(take("http://a.example/b@c.example"), "domain a.example alert");
}

TEST(Normalise, UrlHostInOddForms) {
    EXPECT_EQ(take("http://3279880203/"), "address 195.127.0.11");
    EXPECT_EQ(take("http://0x7f000001/"), "address 127.0.0.1");
    EXPECT_EQ(take("http://0177.0.0.1/"), "address 127.0.0.1");
    EXPECT_EQ(take("http://evil.example./"), "domain evil.example");
    EXPECT_EQ(take("http://"), "bad");
    EXPECT_EQ(take("http:///x"), "bad");
    EXPECT_EQ(take("http://evil.example:x/"), "bad");
    EXPECT_EQ(take("http://evil .example/"), "bad");
    EXPECT_EQ(take("http://[::1"), "bad");
}

TEST(Normalise, DefangedFormsAreRead) {
    EXPECT_EQ(take("hxxp://evil[.]example"), "domain evil.example");
    EXPECT_EQ(take("hXXps[:]//evil(.)example/"), "domain evil.example");
    EXPECT_EQ(take("evil[dot]example"), "suffix evil.example");
    EXPECT_EQ(take("evil(DOT)example"), "suffix evil.example");
    EXPECT_EQ(take("1[.]2[.]3[.]4"), "address 1.2.3.4");
    EXPECT_EQ(take("1.2.3[.]4[:]443"), "address_port 1.2.3.4 443");
    EXPECT_EQ(take("fxp://evil{.}example"), "domain evil.example");
    EXPECT_EQ(refang("fxp.example.com"), "fxp.example.com");
}

TEST(Normalise, PathsWithoutHost) {
    EXPECT_EQ(take("/gate.php"), "skip url_path");
    EXPECT_EQ(take("/panel/", maltrail_rules()), "skip url_path");
}

TEST(Normalise, Patterns) {
    EXPECT_EQ(take("ad*.evil.example"), "pattern ad*.evil.example");
    EXPECT_EQ(take("Ad?.evil.example"), "pattern ad?.evil.example");
    EXPECT_EQ(take("/^cdn[0-9]+\\./"), "pattern ^cdn[0-9]+\\.");
    EXPECT_EQ(
        take("backdates[0-9]{1,2}\\.(com|net)", maltrail_rules()),
        "pattern backdates[0-9]{1,2}\\.(com|net)"
    );
    EXPECT_EQ(take("/(unclosed/"), "bad");
    EXPECT_EQ(take("/.*/"), "bad");
    EXPECT_EQ(take("*"), "bad");
    EXPECT_EQ(take("ad*!.example"), "bad");
    EXPECT_EQ(take("/a\x01/"), "bad");
    EXPECT_EQ(take("//"), "skip url_path");
}

TEST(Normalise, NameWithPortOnlyAlerts) {
    EXPECT_EQ(take("evil.example:8080"), "suffix evil.example alert");
}

TEST(Normalise, CanonicalFormIsAFixedPoint) {
    for (const std::string_view raw :
         {"Example.COM.",
          "*.example.com",
          "1.2.3.4/24",
          "2001:DB8::1",
          "bücher.example",
          ".cc",
          "ad*.evil.example"}) {
        const Normalised once = normalise(raw, {});
        ASSERT_EQ(once.outcome, Outcome::indicator) << raw;
        std::string text = once.indicator.text;
        if (text.empty()) {
            text = once.indicator.prefix.text();
        } else if (once.indicator.type == IndicatorType::subdomains) {
            text.insert(0, "*.");
        } else if (once.indicator.type == IndicatorType::suffix) {
            text.insert(0, ".");
        }
        const Normalised twice = normalise(text, {});
        EXPECT_EQ(twice.outcome, Outcome::indicator) << text;
        EXPECT_EQ(twice.indicator.type, once.indicator.type) << text;
        EXPECT_EQ(twice.indicator.text, once.indicator.text) << text;
        EXPECT_EQ(twice.indicator.prefix, once.indicator.prefix) << text;
    }
}

TEST(Normalise, RandomBytesGiveCanonicalIndicatorsOrNone) {
    std::mt19937 random(17);
    constexpr std::string_view kLetters = "ab1.:/[]*-_%#@x0 \\(){}?\xc3\xbc";
    for (int i = 0; i < 100'000; ++i) {
        std::string raw;
        for (auto n = random() % 16; n > 0; --n) {
            raw += kLetters[random() % kLetters.size()];
        }
        const Normalised out = normalise(raw, i % 2 == 0 ? NormaliseRules{} : maltrail_rules());
        if (out.outcome != Outcome::indicator) {
            continue;
        }
        const Indicator& indicator = out.indicator;
        ASSERT_NE(indicator.type, IndicatorType::none) << raw;
        if (indicator.text.empty()) {
            ASSERT_EQ(indicator.prefix, indicator.prefix.canonical()) << raw;
        } else if (indicator.type != IndicatorType::pattern) {
            ASSERT_EQ(canonical_name(indicator.text), indicator.text) << raw;
        }
    }
}

}  // namespace
}  // namespace sallyport::feeds
