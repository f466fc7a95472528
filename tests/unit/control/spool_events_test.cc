// SPDX-License-Identifier: Apache-2.0
// Goal: the right events of a real spool, in order, from its end or its start, and as they come.
#include "gateway/control/spool_events.h"

#include "exporters/spool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace sallyport::control {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1'782'345'678 * kSecond;

class SpoolEventsTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "spool-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        exporters::SpoolSettings settings;
        settings.directory = folder_ + "/spool";
        settings.boot = 7;
        settings.reserve_bytes = 1U << 20U;
        auto opened = exporters::Spool::open(settings);
        ASSERT_TRUE(opened) << opened.error().message;
        spool_ = std::move(opened).value();
        EventDictionary names;
        names.boot = 7;
        names.generation = 1;
        names.gateway = "egw-1";
        names.workloads.resize(2);
        ASSERT_TRUE(spool_->write_dictionary(names));
    }
    void TearDown() override {
        spool_.reset();
        std::filesystem::remove_all(folder_);
    }

    /// Flows to port 443, every tenth to port 80, a second apart.
    void write(std::size_t count) {
        std::vector<Event> events;
        for (std::size_t i = 0; i < count; ++i) {
            Event event;
            event.boot = 7;
            event.generation = 1;
            event.sequence = written_;
            event.time_ns = kStart + written_ * kSecond;
            event.kind = EventKind::flow_end;
            event.protocol = 6;
            event.verdict = Verdict::allow;
            event.destination_port = written_ % 10 == 0 ? 80 : 443;
            event.source = *IpAddress::parse("10.0.0.1");
            event.destination = *IpAddress::parse("192.0.2.1");
            events.push_back(event);
            ++written_;
        }
        spool_->append(events);
        spool_->commit();
    }

    /// Sequences of the events a query gives, until it has none at the moment.
    std::vector<std::uint64_t> ask_all(EventStream& stream) {
        std::vector<std::uint64_t> out;
        std::string line;
        for (;;) {
            switch (stream.next(line, std::chrono::milliseconds(10))) {
                case EventStream::Step::event:
                    out.push_back(nlohmann::json::parse(line)["event"]["sequence"]);
                    break;
                case EventStream::Step::idle:
                    break;
                case EventStream::Step::end:
                    return out;
            }
        }
    }
    std::unique_ptr<EventStream> open(const EventQuery& query) {
        return make_spool_events(std::move(spool_->reader("")).value(), query);
    }

    std::string folder_;
    std::unique_ptr<exporters::Spool> spool_;
    std::uint64_t written_ = 0;
};

TEST_F(SpoolEventsTest, EmptySpoolEnds) {
    EventQuery query;
    EXPECT_TRUE(ask_all(*open(query)).empty());
    query.last = 5;
    EXPECT_TRUE(ask_all(*open(query)).empty());
}

TEST_F(SpoolEventsTest, LastOnesInOrder) {
    write(100);
    EventQuery query;
    query.last = 3;
    EXPECT_EQ(ask_all(*open(query)), (std::vector<std::uint64_t>{97, 98, 99}));
    query.last = 0;
    EXPECT_TRUE(ask_all(*open(query)).empty());
    query.last = 1000;
    EXPECT_EQ(ask_all(*open(query)).size(), 100U);
    query.last.reset();
    EXPECT_EQ(ask_all(*open(query)).size(), 100U);
}

TEST_F(SpoolEventsTest, LastOfWhatIsRareLooksFurtherBack) {
    write(20'000);  // the first window holds 4096 records, a tenth of them to port 80
    EventQuery query;
    query.last = 600;
    query.filter = EventFilter::make({{"to-port", "80", false}}).value();
    const auto found = ask_all(*open(query));
    ASSERT_EQ(found.size(), 600U);
    EXPECT_EQ(found.back(), 19'990U);
    EXPECT_EQ(found.front(), 14'000U);
}

TEST_F(SpoolEventsTest, TimesBoundBothEnds) {
    write(100);
    EventQuery query;
    query.since = kStart + 10 * kSecond;
    query.until = kStart + 12 * kSecond;
    EXPECT_EQ(ask_all(*open(query)), (std::vector<std::uint64_t>{10, 11, 12}));
    query.last = 2;
    EXPECT_EQ(ask_all(*open(query)), (std::vector<std::uint64_t>{11, 12}));
}

TEST_F(SpoolEventsTest, FollowingGoesOnWhereItIs) {
    write(10);
    EventQuery query;
    query.follow = true;
    query.last = 2;
    const auto stream = open(query);
    std::string line;
    std::vector<std::uint64_t> seen;
    const auto drain = [&](std::size_t wanted) {
        while (seen.size() < wanted) {
            if (stream->next(line, std::chrono::milliseconds(50)) == EventStream::Step::event) {
                seen.push_back(nlohmann::json::parse(line)["event"]["sequence"]);
            }
        }
    };
    drain(2);
    write(3);
    drain(5);
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{8, 9, 10, 11, 12}));
    EXPECT_EQ(stream->next(line, std::chrono::milliseconds(0)), EventStream::Step::idle);
}

TEST_F(SpoolEventsTest, AnotherProcessReadsTheFiles) {
    write(50);
    EventQuery query;
    query.last = 2;
    auto stream = follow_spool(folder_ + "/spool", query);
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(ask_all(*stream.value()), (std::vector<std::uint64_t>{48, 49}));
    EXPECT_FALSE(follow_spool(folder_ + "/none", query));
}

}  // namespace
}  // namespace sallyport::control
