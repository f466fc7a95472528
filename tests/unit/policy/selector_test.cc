// SPDX-License-Identifier: Apache-2.0
// Goal: C2, Calico's selectors bug for bug: what parses, what matches, what it prints, what is
// refused.
#include "gateway/policy/selector.h"

#include <gtest/gtest.h>

namespace sallyport::policy {
namespace {

bool matches(std::string_view selector, const Labels& labels) {
    const Result<Selector> parsed = Selector::parse(selector);
    EXPECT_TRUE(parsed.ok()) << selector << ": " << (parsed ? "" : parsed.error().message);
    // The canonical text must mean the same and be its own canonical text.
    const Result<Selector> again = Selector::parse(parsed.value().text());
    EXPECT_TRUE(again.ok()) << parsed.value().text();
    EXPECT_EQ(again.value().text(), parsed.value().text());
    EXPECT_EQ(again.value().matches(labels), parsed.value().matches(labels)) << selector;
    return parsed.value().matches(labels);
}

std::string error_of(std::string_view selector) {
    const Result<Selector> parsed = Selector::parse(selector);
    return parsed ? "" : parsed.error().message;
}

TEST(Selector, C2Comparisons) {
    EXPECT_TRUE(matches("env == 'prod'", {{"env", "prod"}}));
    EXPECT_FALSE(matches("env == 'prod'", {{"env", "dev"}}));
    EXPECT_FALSE(matches("env == 'prod'", {}));
    EXPECT_TRUE(matches("env==''", {{"env", ""}}));
    EXPECT_FALSE(matches("env==''", {}));
    EXPECT_TRUE(matches("env != 'prod'", {}));
    EXPECT_FALSE(matches("env != 'prod'", {{"env", "prod"}}));
    EXPECT_TRUE(matches("env contains 'ro'", {{"env", "prod"}}));
    EXPECT_FALSE(matches("env contains 'ro'", {}));
    EXPECT_TRUE(matches("env starts with 'pr'", {{"env", "prod"}}));
    EXPECT_FALSE(matches("env starts with 'rod'", {{"env", "prod"}}));
    EXPECT_TRUE(matches("env ends with 'od'", {{"env", "prod"}}));
    EXPECT_FALSE(matches("env ends with 'pr'", {}));
}

TEST(Selector, C2Sets) {
    EXPECT_TRUE(matches("a in {'x', \"y\"}", {{"a", "y"}}));
    EXPECT_TRUE(matches("a in{'x','y',}", {{"a", "x"}}));
    EXPECT_FALSE(matches("a in {}", {{"a", "x"}}));
    EXPECT_TRUE(matches("a not in {}", {{"a", "x"}}));
    EXPECT_TRUE(matches("a not in {'x'}", {}));
    EXPECT_FALSE(matches("a notin {'x'}", {{"a", "x"}}));
    EXPECT_TRUE(matches("a in {\"'\", '\"'}", {{"a", "\""}}));
}

TEST(Selector, C2BooleansAndPrecedence) {
    const Labels both{{"a", "1"}, {"b", "2"}};
    EXPECT_TRUE(matches("a == '1' || b == 'x' && b == 'y'", both));
    EXPECT_FALSE(matches("(a == '1' || b == 'x') && b == 'y'", both));
    EXPECT_TRUE(matches("!a == 'x'", both));
    EXPECT_TRUE(matches("! ! ! has(c)", both));
    EXPECT_FALSE(matches("!!has(c)", both));
    EXPECT_FALSE(matches("!(has(a) && has(b))", both));
    EXPECT_TRUE(matches("", {}));
    EXPECT_TRUE(matches(" \t", {}));
    EXPECT_TRUE(matches("all()", {}));
    EXPECT_TRUE(matches("global( )", {}));
}

TEST(Selector, C2WordsNeedNoBlanksBetweenButABoundaryBehind) {
    EXPECT_TRUE(matches("a startswith 'x'", {{"a", "xy"}}));
    EXPECT_TRUE(matches("a ends  with'y'", {{"a", "xy"}}));
    EXPECT_TRUE(matches("a contains'x'", {{"a", "xy"}}));
    EXPECT_EQ(error_of("a inx {'x'}"), "column 3: expected operator after label");
    EXPECT_EQ(error_of("a starts withx 'x'"), "column 3: expected operator after label");
}

TEST(Selector, C2WordsAreLabelsInTheRightPlace) {
    EXPECT_TRUE(matches("in in {'in'}", {{"in", "in"}}));
    EXPECT_TRUE(matches("has == 'x'", {{"has", "x"}}));
    EXPECT_TRUE(matches("all != 'x'", {}));
    EXPECT_TRUE(matches("not == 'x'", {{"not", "x"}}));
    EXPECT_TRUE(matches("has( a )", {{"a", ""}}));
    EXPECT_TRUE(matches("a.b/c-d_e == '1'", {{"a.b/c-d_e", "1"}}));
}

TEST(Selector, C2CanonicalText) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"", "all()"},
        {" (all() )", "all()"},
        {"a startswith '\"'", "a starts with '\"'"},
        {"a endswith 'x'", "a ends with \"x\""},
        {"a!='x'", "a != \"x\""},
        {"!(has(b)||!has(a))", "!(has(b) || !has(a))"},
        {"a == 'b'&&c=='d'", R"((a == "b" && c == "d"))"},
        {"a == 'b' || (c == 'd' || has(e))", R"((a == "b" || (c == "d" || has(e))))"},
        {"a in {'z','x', 'z', 'a'}", R"(a in {"a", "x", "z"})"},
        {"a notin {}", "a not in {}"},
        {"!!has(x)", "has(x)"},
    };
    for (const auto& [given, wanted] : cases) {
        const Result<Selector> parsed = Selector::parse(given);
        ASSERT_TRUE(parsed.ok()) << given;
        EXPECT_EQ(parsed.value().text(), wanted);
    }
}

TEST(Selector, C2BadSelectorsSayWhereAndWhy) {
    const std::vector<std::pair<const char*, const char*>> cases{
        {"b == b", "column 6: expected string"},
        {"b contains b", "column 12: expected string"},
        {"b starts with b", "column 15: expected string"},
        {"b ends with b", "column 13: expected string"},
        {"'b1' == b", "column 1: expected identifier"},
        {"b", "column 2: expected operator after label"},
        {"a b", "column 3: expected operator after label"},
        {"a ", "column 3: expected operator after label"},
        {"!", "column 2: expected identifier"},
        {"foo == \"bar\" &", "column 14: expected &&"},
        {"foo == \"bar\" |", "column 14: expected ||"},
        {"foo = \"bar\"", "column 5: expected =="},
        {"foo != ||", "column 8: expected string"},
        {"foo in {\"\", ||", "column 13: expected }"},
        {"foo in {,}", "column 9: expected }"},
        {"foo in \"\"", "column 8: expected set literal"},
        {"\"FOO", "column 1: unterminated string"},
        {"'FOO", "column 1: unterminated string"},
        {"a == 'x", "column 6: unterminated string"},
        {"(", "column 2: expected identifier"},
        {"(a == \"foo\"", "column 12: expected )"},
        {")", "column 1: expected identifier"},
        {"()", "column 2: expected identifier"},
        {"%", "column 1: expected identifier"},
        {"a == \"b\" && %", "column 13: expected identifier"},
        {"has(foo) &&", "column 12: expected identifier"},
        {"has (a)", "column 5: expected operator after label"},
        {"has()", "column 5: expected identifier"},
        {"all(x)", "column 5: expected )"},
        {"a == 'b' c == 'd'", "column 10: unexpected content at end of selector"},
        {"a == 'b'\n", "column 9: unexpected content at end of selector"},
        {"a\n== 'b'", "column 2: expected operator after label"},
    };
    for (const auto& [given, wanted] : cases) {
        EXPECT_EQ(error_of(given), wanted) << given;
    }
}

TEST(Selector, BoundsOfTheGrammar) {
    EXPECT_EQ(error_of("has(" + std::string(512, 'a') + ")"), "");
    EXPECT_EQ(
        error_of(std::string(513, 'a') + " == 'x'"), "column 513: expected operator after label"
    );
    EXPECT_NE(
        error_of("a == '" + std::string(1024, 'x') + "'").find("at most 1024"), std::string::npos
    );
    EXPECT_NE(error_of(std::string(1024, '(')), "");
    EXPECT_NE(error_of(std::string(1024, '!')), "");
    const std::string deep = std::string(500, '(') + "all()" + std::string(500, ')');
    EXPECT_EQ(error_of(deep), "");
}

TEST(Selector, TruncatedAtEveryLengthNeverCrashes) {
    const std::string whole = "!(a in {'x', \"y\"} && has(b)) || c starts with 'z' && all()";
    EXPECT_EQ(error_of(whole), "");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        (void)Selector::parse(std::string_view(whole).substr(0, size));
    }
}

TEST(Selector, PrefixGoesBeforeEveryLabel) {
    const auto parsed = Selector::parse("!(k == 'v' && has(t) || all()) && a in {'b'}");
    EXPECT_EQ(
        parsed.value().with_label_prefix("pcns.").text(),
        "(!((pcns.k == \"v\" && has(pcns.t)) || all()) && pcns.a in {\"b\"})"
    );
    EXPECT_EQ(Selector::both(Selector::all(), Selector::has("x")).text(), "has(x)");
    EXPECT_TRUE(Selector::parse("a == 'b' || global()").value().mentions_global());
    EXPECT_TRUE(Selector::parse("(global())").value().is_global());
}

}  // namespace
}  // namespace sallyport::policy
