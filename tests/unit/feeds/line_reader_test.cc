// SPDX-License-Identifier: Apache-2.0
#include "feeds/line_reader.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace sallyport::feeds {
namespace {

class LineReaderTest : public ::testing::Test {
protected:
    // Lines in angle brackets; "!" before those that are too long.
    std::string lines(const std::string& content) {
        const std::string path = directory_.file("lines");
        std::ofstream(path, std::ios::binary) << content;
        LineReader reader;
        EXPECT_TRUE(reader.open(path).ok());
        std::string out;
        std::string_view text;
        while (true) {
            const LineReader::Next next = reader.next(text);
            if (next == LineReader::Next::end) {
                EXPECT_EQ(reader.next(text), LineReader::Next::end);
                EXPECT_EQ(reader.bytes_read(), content.size());
                return out;
            }
            out += next == LineReader::Next::too_long ? "!" : "";
            out += "<" + std::string(text.substr(0, 20)) + ">";
        }
    }
    test::TemporaryDirectory directory_;
};

TEST_F(LineReaderTest, EndsOfLines) {
    EXPECT_EQ(lines(""), "");
    EXPECT_EQ(lines("a"), "<a>");
    EXPECT_EQ(lines("a\n"), "<a>");
    EXPECT_EQ(lines("a\r\nb\r\n"), "<a><b>");
    EXPECT_EQ(lines("\n\na"), "<><><a>");
    EXPECT_EQ(lines("a\rb\n"), "<a\rb>");
}

TEST_F(LineReaderTest, ByteOrderMarkIsPassedOver) {
    EXPECT_EQ(
        lines("\xEF\xBB\xBF"
              "a\n"),
        "<a>"
    );
    EXPECT_EQ(lines("\xEF\xBB\xBF"), "");
    EXPECT_EQ(
        lines("a\n\xEF\xBB\xBF"
              "b"),
        "<a><\xEF\xBB\xBF"
        "b>"
    );
}

TEST_F(LineReaderTest, LongestLineAndOneMore) {
    const std::string longest(kLineBytesMax, 'x');
    EXPECT_EQ(lines(longest + "\nb\n"), "<" + longest.substr(0, 20) + "><b>");
    EXPECT_EQ(lines(longest + "x\nb\n"), "!<" + longest.substr(0, 20) + "><b>");
    EXPECT_EQ(lines(longest + "x"), "!<" + longest.substr(0, 20) + ">");
}

TEST_F(LineReaderTest, F4_EndlessLineCostsNoMemory) {
    const std::string path = directory_.file("sparse");
    std::ofstream(path) << "first\n";
    std::filesystem::resize_file(path, 1ULL << 30U);  // one line of 1 GiB, a hole on disk
    std::ofstream(path, std::ios::app) << "\nlast\n";
    LineReader reader;
    ASSERT_TRUE(reader.open(path).ok());
    std::string_view text;
    EXPECT_EQ(reader.next(text), LineReader::Next::line);
    EXPECT_EQ(reader.next(text), LineReader::Next::too_long);
    EXPECT_EQ(reader.line_number(), 2U);
    EXPECT_EQ(reader.next(text), LineReader::Next::line);
    EXPECT_EQ(text, "last");
    EXPECT_EQ(reader.next(text), LineReader::Next::end);
}

TEST_F(LineReaderTest, LinesAcrossBuffersAreWhole) {
    std::string content;
    for (int i = 0; i < 100'000; ++i) {
        content += "line " + std::to_string(i) + "\n";
    }
    const std::string path = directory_.file("many");
    std::ofstream(path) << content;
    LineReader reader;
    std::uint64_t told = 0;
    reader.on_bytes([&told](std::string_view piece) { told += piece.size(); });
    ASSERT_TRUE(reader.open(path).ok());
    std::string_view text;
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_EQ(reader.next(text), LineReader::Next::line);
        ASSERT_EQ(text, "line " + std::to_string(i));
    }
    EXPECT_EQ(reader.next(text), LineReader::Next::end);
    EXPECT_EQ(told, content.size());
}

TEST_F(LineReaderTest, OnlyRegularFilesAreOpened) {
    EXPECT_FALSE(LineReader().open(directory_.file("none")).ok());
    EXPECT_FALSE(LineReader().open(directory_.path().string()).ok());
    EXPECT_FALSE(LineReader().open("/dev/zero").ok());
    const std::string pipe = directory_.file("pipe");
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_FALSE(LineReader().open(pipe).ok());
}

}  // namespace
}  // namespace sallyport::feeds
