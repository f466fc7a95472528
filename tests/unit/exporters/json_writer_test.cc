// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace sallyport::exporters {
namespace {

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    append_json_text(text, out);
    return out + '"';
}

std::string round_trip(std::string_view text) {
    return nlohmann::json::parse(in_quotes(text)).get<std::string>();
}

TEST(JsonWriter, LeavesNoTraceOfWhatStaysEmpty) {
    std::string out;
    JsonWriter json(out);
    json.open("a");
    json.open("b");
    json.text("c", "");
    json.close();
    json.open_array("d");
    json.element("");
    json.open_element();
    json.close();
    json.close();
    json.close();
    json.number("e", 7);
    json.open("f");
    json.close();
    json.boolean("g", false);
    json.finish();
    EXPECT_EQ(out, R"({"e":7,"g":false})");
}

TEST(JsonWriter, WritesNestedObjectsAndArrays) {
    std::string out;
    JsonWriter json(out);
    json.open("a");
    json.number("x", 18446744073709551615ULL);
    json.tenths("y", 810);
    json.close();
    json.open_array("b");
    json.element("one");
    json.open_element();
    json.text("k", "v");
    json.close();
    json.element("two");
    json.close();
    json.list("c", "only");
    json.finish();
    EXPECT_EQ(
        out, R"({"a":{"x":18446744073709551615,"y":81.0},"b":["one",{"k":"v"},"two"],"c":["only"]})"
    );
}

TEST(JsonWriter, K13EveryByteGivesOneSafeLineThatParses) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = std::string("a") + static_cast<char>(byte) + "z";
        const std::string json = in_quotes(text);
        for (const char c : json) {
            EXPECT_TRUE(c >= 0x20 && c < 0x7F) << byte;
        }
        EXPECT_EQ(json.find('<'), std::string::npos) << byte;
        EXPECT_EQ(round_trip(text), byte < 0x80 ? text : "a\xEF\xBF\xBDz") << byte;
    }
}

TEST(JsonWriter, K13ValidTextComesBackEqual) {
    for (const std::string text :
         {"</script><script>alert(1)</script>",
          "a\r\nb\tc",
          "pipe|equals=back\\slash\"quote",
          "\u202Egnp.exe\u202C",
          "line\u2028separator\u2029",
          "zero\u200Bwidth\uFEFF",
          "b\u00FCcher.example \u4F8B\u3048 \U0001F600"}) {
        EXPECT_EQ(round_trip(text), text);
    }
    EXPECT_EQ(in_quotes("\u202E"), "\"\\u202e\"");
    EXPECT_EQ(in_quotes("b\u00FC"), "\"b\u00FC\"");
}

TEST(JsonWriter, K13InvalidUtf8IsReplacedNeverPassedOn) {
    for (const std::string text :
         {"\xC0\x80",          // overlong
          "\xE0\x80\xAF",      // overlong
          "\xED\xA0\x80",      // surrogate
          "\xF4\x90\x80\x80",  // above U+10FFFF
          "\xF8\x88\x80\x80\x80",
          "\xE2\x82",  // cut off
          "\x80"}) {
        const std::string back = round_trip(text);
        EXPECT_EQ(back.find("\xEF\xBF\xBD"), 0U);
        EXPECT_EQ(back.size(), text.size() * 3);
    }
}

TEST(JsonWriter, K13RandomBytesOf64KiBParse) {
    std::mt19937 random(13);
    for (int round = 0; round < 20; ++round) {
        std::string text(65536, '\0');
        for (char& c : text) {
            c = static_cast<char>(random());
        }
        EXPECT_FALSE(nlohmann::json::parse(in_quotes(text), nullptr, false).is_discarded());
    }
}

}  // namespace
}  // namespace sallyport::exporters
