// SPDX-License-Identifier: Apache-2.0
// Goal: check, lookup and compile say what feeds hold and where it stands, and `check` is
// start-up's voice.
#include "gateway/cli/feeds_commands.h"

#include "gateway/cli/check_command.h"
#include "tests/unit/cli/test_console.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

class FeedsCommandsTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "feeds-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string file(const std::string& name, const std::string& text) {
        std::ofstream(folder_ + "/" + name) << text;
        return folder_ + "/" + name;
    }
    static FeedChoice one(const std::string& path, FeedAction action = FeedAction::deny) {
        FeedChoice choice;
        choice.feeds.emplace_back();
        choice.feeds.back().name = "bad";
        choice.feeds.back().path = path;
        choice.feeds.back().action = action;
        return choice;
    }
    std::string folder_;
    TestConsole console_;
};

TEST_F(FeedsCommandsTest, CheckCountsAndNamesBadLines) {
    const auto choice = one(file("f.txt", "# list\nevil.example\n198.51.100.9\n10.0.0.1\n!! no\n"));
    EXPECT_EQ(feeds_check_command(choice, Format::table, console_.console), Exit::said_no);
    EXPECT_NE(console_.out.str().find("bad: plain, 4 lines, 1 bad"), std::string::npos)
        << console_.out.str();
    EXPECT_NE(console_.out.str().find("1 guarded_address"), std::string::npos);
    EXPECT_NE(console_.err.str().find(folder_ + "/f.txt:5"), std::string::npos)
        << console_.err.str();
}

TEST_F(FeedsCommandsTest, CheckInJson) {
    const auto choice = one(file("f.txt", "evil.example\n"));
    EXPECT_EQ(feeds_check_command(choice, Format::json, console_.console), Exit::done);
    const auto rows = nlohmann::json::parse(console_.out.str());
    EXPECT_EQ(rows[0]["lines"], 1);
    EXPECT_EQ(rows[0]["refused"], "");
}

TEST_F(FeedsCommandsTest, CheckOfWhatIsNotThere) {
    EXPECT_EQ(
        feeds_check_command(one(folder_ + "/none"), Format::table, console_.console), Exit::said_no
    );
    EXPECT_NE(console_.err.str().find("none"), std::string::npos);
    EXPECT_EQ(feeds_check_command({}, Format::table, console_.console), Exit::wrong_use);
}

TEST_F(FeedsCommandsTest, LookupTellsTheLine) {
    const auto choice = one(file("f.txt", "\nevil.example\n198.51.100.0/24\n"));
    EXPECT_EQ(
        feeds_lookup_command(choice, "www.evil.example", Format::table, console_.console),
        Exit::done
    );
    EXPECT_NE(console_.out.str().find("/f.txt:2"), std::string::npos) << console_.out.str();
    TestConsole json;
    EXPECT_EQ(feeds_lookup_command(choice, "198.51.100.7", Format::json, json.console), Exit::done);
    EXPECT_EQ(nlohmann::json::parse(json.out.str())[0]["line"], 3);
}

TEST_F(FeedsCommandsTest, LookupOfWhatNothingMatches) {
    const auto choice = one(file("f.txt", "evil.example\n"));
    EXPECT_EQ(
        feeds_lookup_command(choice, "notevil.example", Format::table, console_.console),
        Exit::said_no
    );
    EXPECT_EQ(console_.out.str(), "notevil.example: no indicator matches\n");
    EXPECT_EQ(
        feeds_lookup_command(choice, "no value !", Format::table, console_.console), Exit::wrong_use
    );
    FeedChoice none;
    none.database = folder_ + "/none.db";
    EXPECT_EQ(
        feeds_lookup_command(none, "evil.example", Format::table, console_.console), Exit::said_no
    );
}

TEST_F(FeedsCommandsTest, CompiledDatabaseAnswersLookups) {
    const auto choice = one(file("f.txt", "evil.example\n"));
    const std::string database = folder_ + "/t.db";
    EXPECT_EQ(feeds_compile_command(choice, database, Format::table, console_.console), Exit::done);
    EXPECT_NE(console_.out.str().find("t.db: 1 indicators of 1 feed, "), std::string::npos);
    FeedChoice compiled;
    compiled.database = database;
    TestConsole console;
    EXPECT_EQ(
        feeds_lookup_command(compiled, "evil.example", Format::table, console.console), Exit::done
    );
    EXPECT_NE(console.out.str().find("/f.txt:1"), std::string::npos);
}

TEST_F(FeedsCommandsTest, RefusedCompileLeavesTheOldDatabase) {
    const std::string database = file("t.db", "as it was");
    EXPECT_EQ(
        feeds_compile_command(one(folder_ + "/none"), database, Format::table, console_.console),
        Exit::said_no
    );
    std::ifstream in(database);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "as it was");
}

TEST_F(FeedsCommandsTest, CheckOfAWholeConfiguration) {
    file("pods.json", R"({"apiVersion": "v1", "kind": "List", "items": []})");
    file("f.txt", "evil.example\n");
    const std::string path = file("s.yaml", R"(gateway: {name: a}
dataplane:
  ports:
    - {name: in, device: d0, role: inside, addresses: [10.1.0.1/24]}
    - {name: out, device: d1, role: outside, addresses: [192.0.2.2/24]}
workloads: {files: [pods.json]}
feeds: [{name: bad, path: f.txt, action: deny}]
events: {spool: {directory: spool}, sinks: [{file: {path: e.ndjson}}]}
)");
    EXPECT_EQ(check_command(path, Format::table, console_.console), Exit::done)
        << console_.err.str();
    EXPECT_EQ(console_.out.str(), path + ": good: 0 pods, 0 policies, 1 feed with 1 indicators\n");
    std::filesystem::remove(folder_ + "/f.txt");
    TestConsole bad;
    EXPECT_EQ(check_command(path, Format::table, bad.console), Exit::said_no);
    EXPECT_NE(bad.err.str().find("f.txt"), std::string::npos) << bad.err.str();
    TestConsole json;
    EXPECT_EQ(check_command(path, Format::json, json.console), Exit::said_no);
    EXPECT_FALSE(nlohmann::json::parse(json.out.str())["problems"].empty());
    TestConsole none;
    EXPECT_EQ(check_command(folder_ + "/none.yaml", Format::table, none.console), Exit::said_no);
    EXPECT_EQ(
        none.err.str(),
        folder_ + "/none.yaml: cannot be opened: No such file or directory\n1 problem\n"
    );
}

}  // namespace
}  // namespace sallyport::cli
