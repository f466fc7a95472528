// SPDX-License-Identifier: Apache-2.0
// Goal: what may stand on a command line, what each word does, and which code comes back.
#include "gateway/cli/command_line.h"

#include "gateway/control/admin_server.h"
#include "tests/unit/cli/test_console.h"
#include "tests/unit/control/fake_gateway.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sallyport::cli {
namespace {

control::RunOptions seen_run;
control::ReplayOptions seen_replay;

class CommandLineTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "cli-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        seen_run = {};
        seen_replay = {};
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    struct Said {
        int code = 0;
        std::string out;
        std::string err;
    };
    static Said say(const std::vector<std::string>& arguments, const std::string& input = "") {
        TestConsole console(input);
        const Entries entries{
            [](const control::RunOptions& options) {
                seen_run = options;
                return 0;
            },
            [](const control::ReplayOptions& options) {
                seen_replay = options;
                return 0;
            }};
        const int code = run_command_line(arguments, entries, console.console);
        return {code, console.out.str(), console.err.str()};
    }
    [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
        std::string path = folder_ + "/" + name;
        std::ofstream(path) << text;
        return path;
    }
    std::string folder_;
};

TEST_F(CommandLineTest, AWordThatIsNoCommandIsNamed) {
    const Said said = say({"wacht", "-f"});
    EXPECT_EQ(said.code, 2);
    EXPECT_EQ(said.err, "sallyport: no command \"wacht\"; sallyport --help names them\n");
    EXPECT_EQ(say({}).code, 2);
    EXPECT_NE(say({}).err.find("subcommand is required"), std::string::npos);
    EXPECT_NE(say({"feeds", "lst"}).err.find("no command \"lst\""), std::string::npos);
}

TEST_F(CommandLineTest, EachHelpBeginsWithAnExample) {
    const std::vector<std::vector<std::string>> commands{
        {},
        {"run"},
        {"replay"},
        {"check"},
        {"reload"},
        {"status"},
        {"observe"},
        {"feeds"},
        {"feeds", "list"},
        {"feeds", "check"},
        {"feeds", "lookup"},
        {"feeds", "compile"},
        {"reference"},
        {"version"}};
    for (std::vector<std::string> command : commands) {
        std::string words = "  sallyport";
        for (const std::string& word : command) {
            words += " " + word;
        }
        command.emplace_back("--help");
        const Said said = say(command);
        EXPECT_EQ(said.code, 0);
        EXPECT_EQ(said.out.rfind(words, 0), 0U) << words << "\n" << said.out;
        EXPECT_NE(said.out.find("-h,--help"), std::string::npos);
    }
}

TEST_F(CommandLineTest, HelpNamesOnlyWhatThereIs) {
    const std::string help = say({"--help"}).out;
    for (const auto* there :
         {"run",
          "replay",
          "check",
          "reload",
          "status",
          "observe",
          "feeds",
          "reference",
          "version"}) {
        EXPECT_NE(help.find("\n  " + std::string(there) + " "), std::string::npos) << there;
    }
    for (const auto* later : {"who", "why", "export", "top", "pools"}) {
        EXPECT_EQ(help.find("\n  " + std::string(later) + " "), std::string::npos) << later;
    }
}

TEST_F(CommandLineTest, WrongUseIsTwo) {
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {},
             {"who", "1.2.3.4:5"},
             {"run"},
             {"run", "-c"},
             {"replay"},
             {"check", "-c", "x", "-o", "xml"},
             {"status", "--nonsense"},
             {"feeds"},
             {"feeds", "compile"},
             {"feeds", "lookup"},
             {"reference"},
             {"reference", "everything"},
             {"replay", "a.pcap", "--feed", "nofile"},
             {"replay", "a.pcap", "--encoding", "ocsf"},
             {"observe", "--port", "http"},
             {"observe", "--since", "yesterday"},
             {"observe", "--last", "-1"}}) {
        const Said said = say(wrong);
        EXPECT_EQ(said.code, 2) << testing::PrintToString(wrong) << said.out;
        EXPECT_NE(said.err, "") << testing::PrintToString(wrong);
    }
}

TEST_F(CommandLineTest, RunAndReplayGetTheirOptions) {
    EXPECT_EQ(say({"run", "-c", "s.yaml"}).code, 0);
    EXPECT_EQ(seen_run.config_path, "s.yaml");
    EXPECT_EQ(
        say({"replay",
             "a.pcap",
             "-",
             "-c",
             "s.yaml",
             "--workloads",
             "p.json",
             "--feed",
             "bad=f.txt,format=hosts,action=deny",
             "--feed",
             "ok=g.txt,action=allow",
             "--policy",
             "policy.d",
             "--events",
             "-",
             "--encoding",
             "flat",
             "--pcap-out",
             "o.pcap"})
            .code,
        0
    );
    EXPECT_EQ(seen_replay.captures, (std::vector<std::string>{"a.pcap", "-"}));
    EXPECT_EQ(seen_replay.config_path, "s.yaml");
    EXPECT_EQ(seen_replay.workloads, std::vector<std::string>{"p.json"});
    ASSERT_EQ(seen_replay.feeds.size(), 2U);
    EXPECT_EQ(seen_replay.feeds[0].format, "hosts");
    EXPECT_EQ(seen_replay.feeds[1].action, FeedAction::allow);
    EXPECT_EQ(seen_replay.policies, std::vector<std::string>{"policy.d"});
    EXPECT_EQ(seen_replay.events, "-");
    EXPECT_EQ(seen_replay.encoding, config::Encoding::flat);
    EXPECT_EQ(seen_replay.pcap_out, "o.pcap");
    EXPECT_FALSE(seen_replay.summary);
}

TEST_F(CommandLineTest, ReplayAskedForNothingGivesTheTable) {
    EXPECT_EQ(say({"replay", "a.pcap", "--workloads", "p.json", "--workloads", "n.json"}).code, 0);
    EXPECT_TRUE(seen_replay.summary);
    EXPECT_EQ(seen_replay.captures, std::vector<std::string>{"a.pcap"});
    EXPECT_EQ(seen_replay.workloads, (std::vector<std::string>{"p.json", "n.json"}));
}

TEST_F(CommandLineTest, NobodyThereIsThree) {
    const std::string socket = folder_ + "/none.sock";
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"status"}, {"reload"}, {"observe"}, {"feeds", "list"}}) {
        std::vector<std::string> arguments = command;
        arguments.insert(arguments.end(), {"--socket", socket});
        const Said said = say(arguments);
        EXPECT_EQ(said.code, 3) << command.front();
        EXPECT_NE(said.err.find(socket + ": No such file or directory"), std::string::npos)
            << said.err;
        EXPECT_EQ(said.out, "");
    }
}

TEST_F(CommandLineTest, StatusOfARunningGateway) {
    control::FakeGateway gateway;
    const auto server = control::AdminServer::start(folder_ + "/a.sock", gateway);
    ASSERT_TRUE(server);
    const std::string socket = folder_ + "/a.sock";
    const Said table = say({"status", "--socket", socket});
    EXPECT_EQ(table.code, 1);
    EXPECT_NE(table.out.find("egress-a of prod-eu1  degraded"), std::string::npos);
    EXPECT_EQ(table.out.find('\x1b'), std::string::npos);
    const Said json = say({"status", "--socket", socket, "-o", "json"});
    EXPECT_EQ(nlohmann::json::parse(json.out)["generation"], 7);
    gateway.state.health = control::Health::ok;
    EXPECT_EQ(say({"status", "--socket", socket, "-o", "compact"}).code, 0);
    gateway.state.health = control::Health::down;
    EXPECT_EQ(say({"status", "--socket", socket}).code, 2);
    const Said feeds = say({"feeds", "list", "--socket", socket, "-o", "json"});
    EXPECT_EQ(feeds.code, 0);
    EXPECT_EQ(nlohmann::json::parse(feeds.out)[0]["name"], "blocklist");
}

TEST_F(CommandLineTest, ReloadSaysWhichGenerationRuns) {
    control::FakeGateway gateway;
    const auto server = control::AdminServer::start(folder_ + "/a.sock", gateway);
    ASSERT_TRUE(server);
    gateway.next_reload = {true, 8, {}, {"p.yaml:3:1: rule never matches"}, 12};
    const Said accepted = say({"reload", "--socket", folder_ + "/a.sock"});
    EXPECT_EQ(accepted.code, 0);
    EXPECT_EQ(accepted.out, "generation 8 in force after 12 ms\n");
    EXPECT_EQ(accepted.err, "note: p.yaml:3:1: rule never matches\n");
    gateway.next_reload = {false, 8, {"s.yaml:1:1: a", "s.yaml:2:1: b"}, {}, 1};
    const Said refused = say({"reload", "--socket", folder_ + "/a.sock"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(
        refused.err, "s.yaml:1:1: a\ns.yaml:2:1: b\nrefused: 2 problems; generation 8 runs on\n"
    );
}

constexpr const char* kEvents =
    R"({"@timestamp":"2026-06-25T00:00:01Z","event":{"action":"flow-start"},"destination":{"ip":"1.1.1.1","port":443},"orchestrator":{"namespace":"payments"}}
{"@timestamp":"2026-06-25T00:00:02Z","event":{"action":"flow-end"},"destination":{"ip":"1.1.1.1","port":80},"orchestrator":{"namespace":"frontend"}}

{"@timestamp":"2026-06-25T00:00:03Z","event":{"action":"flow-end"},"destination":{"ip":"2.2.2.2","port":443},"orchestrator":{"namespace":"payments"}}
)";

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(CommandLineTest, ObserveFiltersAFile) {
    const std::string path = file("events.ndjson", kEvents);
    EXPECT_EQ(lines_of(say({"observe", "--input-file", path}).out), 3U);
    EXPECT_EQ(lines_of(say({"observe", "--input-file", path, "-n", "payments"}).out), 2U);
    EXPECT_EQ(
        lines_of(
            say({"observe", "--input-file", path, "-n", "payments", "--to-ip", "2.0.0.0/8"}).out
        ),
        1U
    );
    EXPECT_EQ(lines_of(say({"observe", "--input-file", path, "--not", "-n", "payments"}).out), 1U);
    EXPECT_EQ(
        lines_of(say({"observe",
                      "--input-file",
                      path,
                      "--port",
                      "443",
                      "--not",
                      "--to-ip",
                      "1.1.1.1",
                      "-n",
                      "payments",
                      "-n",
                      "frontend"})
                     .out),
        1U
    );
    const Said last = say({"observe", "--input-file", path, "--last", "1", "-o", "json"});
    EXPECT_EQ(nlohmann::json::parse(last.out)["destination"]["ip"], "2.2.2.2");
    EXPECT_EQ(
        lines_of(say({"observe",
                      "--input-file",
                      path,
                      "--since",
                      "2026-06-25T00:00:02Z",
                      "--until",
                      "2026-06-25T00:00:02.5Z"})
                     .out),
        1U
    );
    const Said table = say({"observe", "--input-file", path, "-o", "table"});
    EXPECT_EQ(lines_of(table.out), 4U);
    EXPECT_EQ(table.out.rfind("TIME ", 0), 0U);
}

TEST_F(CommandLineTest, ObserveReadsStandardInputAndNamesBadLines) {
    const Said said = say({"observe", "--input-file", "-"}, std::string("{\n") + kEvents + "[1]\n");
    EXPECT_EQ(said.code, 1);
    EXPECT_EQ(lines_of(said.out), 3U);
    EXPECT_EQ(
        said.err,
        "standard input:1: is no event, expected a JSON object\n"
        "standard input:6: is no event, expected a JSON object\n"
    );
    EXPECT_EQ(say({"observe", "--input-file", folder_ + "/none"}).code, 1);
}

TEST_F(CommandLineTest, ObserveAsksTheGatewayWithItsFilters) {
    control::FakeGateway gateway;
    gateway.lines = {R"({"@timestamp":"2026-06-25T00:00:01Z","event":{"action":"flow-end"},)"
                     R"("destination":{"ip":"1.1.1.1"}})"};
    const std::string socket = folder_ + "/a.sock";
    const auto server = control::AdminServer::start(socket, gateway);
    ASSERT_TRUE(server);
    const Said said = say(
        {"observe",
         "--socket",
         socket,
         "--verdict",
         "DROPPED",
         "--not",
         "--to-fqdn",
         "*.example",
         "--feed",
         "bad"}
    );
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_EQ(said.out, "2026-06-25T00:00:01Z -> 1.1.1.1 flow-end\n");
    const auto terms = gateway.last_query.filter.terms();
    ASSERT_EQ(terms.size(), 3U);
    EXPECT_EQ(gateway.last_query.last, 20U);
    for (const auto& term : terms) {
        EXPECT_EQ(term.negated, term.name == "to-fqdn") << term.name;
    }
    (void)say({"observe", "--socket", socket, "--since", "5m"});
    EXPECT_FALSE(gateway.last_query.last);
    EXPECT_NE(gateway.last_query.since, 0U);
    (void)say({"observe", "--socket", socket, "--all"});
    EXPECT_FALSE(gateway.last_query.last);
}

TEST_F(CommandLineTest, ReferencePagesAreMadeFromTheTables) {
    for (const auto* page : {"config", "events", "drops", "metrics"}) {
        const Said markdown = say({"reference", page});
        EXPECT_EQ(markdown.code, 0);
        EXPECT_EQ(markdown.out.rfind("## ", 0), 0U);
        EXPECT_GT(lines_of(markdown.out), 15U) << page;
        EXPECT_FALSE(nlohmann::json::parse(say({"reference", page, "-o", "json"}).out).empty());
        EXPECT_EQ(say({"reference", page, "-o", "compact"}).out.find("## "), std::string::npos);
    }
    EXPECT_NE(say({"reference", "drops"}).out.find("| feed_denied | "), std::string::npos);
    EXPECT_NE(
        say({"reference", "config"})
            .out.find("| egress.pools[].block_size | integer | 64 | 1-64512 |"),
        std::string::npos
    );
    EXPECT_NE(
        say({"reference", "events"}).out.find("| threat-match | threat |"), std::string::npos
    );
}

TEST_F(CommandLineTest, Version) {
    EXPECT_EQ(say({"version"}).out.rfind("sallyport ", 0), 0U);
}

}  // namespace
}  // namespace sallyport::cli
