// SPDX-License-Identifier: Apache-2.0
// Tables, units, times, feed arguments, progress and status: what the commands are made of.
#include "gateway/cli/feed_argument.h"
#include "gateway/cli/progress.h"
#include "gateway/cli/status_text.h"
#include "gateway/cli/table.h"
#include "gateway/cli/time_text.h"
#include "tests/unit/cli/test_console.h"
#include "tests/unit/control/fake_gateway.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sallyport::cli {
namespace {

TEST(TableText, ColumnsAreAsWideAsTheirWidestCell) {
    Table table({"NAME", "COUNT", "WORD"});
    table.add({"a", "5", "x"});
    table.add({"longer", "1.2k", "y", "one too many"});
    table.add({"\xc3\xa4\xc3\xb6", ""});
    std::ostringstream out;
    table.print(out);
    EXPECT_EQ(
        out.str(),
        "NAME    COUNT  WORD\n"
        "a           5  x\n"
        "longer   1.2k  y\n"
        "\xc3\xa4\xc3\xb6\n"
    );
}

TEST(TableText, MarkdownEscapesItsOwnSeparator) {
    Table table({"a", "b"});
    table.add({"x|y", ""});
    std::ostringstream out;
    table.print_markdown(out);
    EXPECT_EQ(out.str(), "| a | b |\n| --- | --- |\n| x\\|y |  |\n");
}

TEST(ShortText, KeepsThreeDigitsThatMatter) {
    EXPECT_EQ(short_count(0), "0");
    EXPECT_EQ(short_count(999), "999");
    EXPECT_EQ(short_count(1000), "1.00k");
    EXPECT_EQ(short_count(1'234'567), "1.23M");
    EXPECT_EQ(short_count(45'600'000), "45.6M");
    EXPECT_EQ(short_bytes(1023), "1023B");
    EXPECT_EQ(short_bytes(64ULL << 30U), "64.0GiB");
    EXPECT_EQ(short_seconds(0), "0s");
    EXPECT_EQ(short_seconds(59), "59s");
    EXPECT_EQ(short_seconds(3661), "1h1m");
    EXPECT_EQ(short_seconds(86'405), "1d");
}

constexpr WallNanoseconds kNow = 1'782'345'678'000'000'000;

TEST(TimeText, ThereAndBack) {
    EXPECT_EQ(time_text(kNow), "2026-06-25T00:01:18Z");
    EXPECT_EQ(parse_time("2026-06-25T00:01:18Z", 0), kNow);
    EXPECT_EQ(parse_time("2026-06-25T02:01:18.5+02:00", 0), kNow + 500'000'000);
    EXPECT_EQ(parse_time("2026-06-24T23:01:18.123456789123-01:00", 0), kNow + 123'456'789);
    EXPECT_EQ(parse_time("5m", kNow), kNow - 300'000'000'000);
    EXPECT_EQ(parse_time("9999999999d", kNow), 1U);
    EXPECT_EQ(time_text(0), "-");
}

TEST(TimeText, WhatIsNone) {
    for (const auto* text :
         {"",
          "now",
          "2026-06-25",
          "2026-06-25T00:01:18",
          "2026-02-31T00:00:00Z",
          "2026-13-01T00:00:00Z",
          "2026-06-25T24:00:00Z",
          "2026-06-25T00:01:18.Z",
          "2026-06-25T00:01:18+0200",
          "2026-06-25T00:01:18Zx",
          "1969-12-31T23:59:59Z",
          "-026-06-25T00:01:18Z",
          "2026-06-25T00:01:18+24:00"}) {
        EXPECT_FALSE(parse_time(text, kNow)) << text;
    }
}

TEST(FeedArgument, TakesItsKeys) {
    const auto feed = parse_feed_argument(
        "bad=/tmp/a,b=c.csv,format=csv,action=deny,category=malware,confidence=80,csv.value=url"
    );
    ASSERT_TRUE(feed) << feed.error().message;
    EXPECT_EQ(feed.value().name, "bad");
    EXPECT_EQ(feed.value().path, "/tmp/a,b=c.csv");
    EXPECT_EQ(feed.value().format, "csv");
    EXPECT_EQ(feed.value().action, FeedAction::deny);
    EXPECT_EQ(feed.value().category, "malware");
    EXPECT_EQ(feed.value().confidence, 80U);
    EXPECT_EQ(feed.value().csv.value, "url");
}

TEST(FeedArgument, RefusesWhatIsNone) {
    const auto problem = [](std::string_view text) {
        const auto feed = parse_feed_argument(text);
        return feed ? std::string() : feed.error().message;
    };
    EXPECT_EQ(problem("file.txt"), "\"file.txt\" is no feed, expected NAME=FILE");
    EXPECT_EQ(problem("=file.txt"), "\"=file.txt\" is no feed, expected NAME=FILE");
    EXPECT_EQ(problem("a="), "\"a=\" names no file, expected NAME=FILE");
    EXPECT_EQ(problem("a=,format=csv"), "\"a=,format=csv\" names no file, expected NAME=FILE");
    EXPECT_EQ(
        problem("a=f,action=block"),
        "feed a: action=block is no action, expected alert, deny or allow"
    );
    EXPECT_EQ(problem("a=f,confidence=101"), "feed a: confidence=101 is outside 0-100");
}

class StepClock final : public Clock {
public:
    [[nodiscard]] WallNanoseconds wall_ns() const noexcept override { return 0; }
    [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override { return now; }
    std::uint64_t now = 5'000'000'000;
};

TEST(ProgressBar, OnlyOnATerminalAndAfterASecond) {
    StepClock clock;
    TestConsole file;
    {
        Progress progress("reading", 100, file.console, clock);
        clock.now += 2'000'000'000;
        progress.update(50, "x");
    }
    EXPECT_EQ(file.err.str(), "");

    TestConsole terminal;
    terminal.console.err_is_terminal = true;
    {
        Progress progress("reading", 100, terminal.console, clock);
        clock.now += 999'000'000;
        progress.update(10, "early");
        EXPECT_EQ(terminal.err.str(), "");
        clock.now += 1'000'000;
        progress.update(50, "half");
        progress.update(51, "too soon");
    }
    const std::string drawn = terminal.err.str();
    EXPECT_NE(drawn.find("reading [###############...............] 50% half"), std::string::npos);
    EXPECT_EQ(drawn.find("too soon"), std::string::npos);
    EXPECT_EQ(drawn.substr(drawn.size() - 4), "\r\x1b[K");
    EXPECT_EQ(terminal.out.str(), "");
}

TEST(StatusText, OneScreen) {
    TestConsole console;
    print_status(control::sample_status(), console.console);
    EXPECT_EQ(
        console.out.str(),
        R"(sallyport 0.1.0  egress-a of prod-eu1  degraded  generation 7  up 1h1m
  ! sink kafka: no broker answers

PORT     ROLE     LINK  RECEIVED    BYTES  MISSED  SENT    BYTES  ERRORS  DEVICE
inside   inside   up       1.00k  62.5KiB       0   900  56.2KiB       0  net_af_packet0,iface=eth1
outside  outside  down       900  56.2KiB       3   880  54.7KiB       1  0000:3b:00.0

WORKER  CORE  PACKETS  BUSY  FLOWS   ROOM  CREATED  SHED EVENTS
     0     1    1.90k   25%     12  65.5k       40            0

POOL      ADDRESSES  BLOCKS     OF  PORTS IN USE  REFUSED
payments          4       3  4.03k            17        2

FEED       ACTION  CATEGORY  ENTRIES  REJECTED  MATCHES  LOADED
blocklist  deny    malware     1.20k         4        5  2026-06-25T00:00:00Z

SINK   KIND   DELIVERED  BEHIND  RETRIES  DEAD LETTERS  STATE
kafka  kafka        100      25        3             2  no broker answers

workloads  20 pods, 2 nodes, 1 ambiguous addresses
policy     3 policies, 12 rules
spool      4.00KiB of 1.00GiB in /var/lib/sallyport/spool, 0 events lost, ok
dropped    no_flow 9, feed_denied 5
)"
    );
}

TEST(StatusText, OneLine) {
    TestConsole console;
    print_status_compact(control::sample_status(), console.console);
    EXPECT_EQ(
        console.out.str(),
        "degraded gateway=egress-a generation=7 uptime_seconds=3661 flows=12 drops=14 workloads=20 "
        "sink_lag=25\n"
    );
}

TEST(StatusText, ExitCodes) {
    EXPECT_EQ(static_cast<int>(exit_of(control::Health::ok)), 0);
    EXPECT_EQ(static_cast<int>(exit_of(control::Health::degraded)), 1);
    EXPECT_EQ(static_cast<int>(exit_of(control::Health::down)), 2);
}

}  // namespace
}  // namespace sallyport::cli
