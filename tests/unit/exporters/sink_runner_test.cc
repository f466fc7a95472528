// SPDX-License-Identifier: Apache-2.0
#include "exporters/sink_runner.h"

#include "exporters/ecs_encoder.h"
#include "exporters/flat_encoder.h"
#include "exporters/memory_sink.h"
#include "tests/unit/exporters/spool_test_support.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

namespace sallyport::exporters {
namespace {

bool eventually(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

class SinkRunnerTest : public testing::Test {
protected:
    void SetUp() override {
        settings_ = small_settings(directory_.path());
        settings_.sinks = {"memory"};
        spool_ = open_spool(settings_);
    }
    void start(
        std::unique_ptr<MemorySink> sink,
        std::uint32_t classes = kAllClasses,
        std::unique_ptr<Encoder> encoder = std::make_unique<EcsEncoder>()
    ) {
        sink_ = sink.get();
        SinkRunnerSettings settings;
        settings.name = "memory";
        settings.classes = classes;
        settings.cursor_interval = std::chrono::milliseconds(1);
        runner_ = std::make_unique<SinkRunner>(
            settings,
            std::move(spool_->reader("memory")).value(),
            std::move(encoder),
            std::move(sink)
        );
        runner_->start();
    }
    void append(std::uint64_t first, std::uint64_t last) {
        append_range(*spool_, first, last);
        spool_->commit();
    }
    [[nodiscard]] std::vector<std::uint64_t> numbers() const {
        std::vector<std::uint64_t> out;
        for (const auto& kept : sink_->kept()) {
            out.push_back(kept.number);
        }
        return out;
    }
    bool reaches(std::uint64_t cursor) {
        return eventually([&] { return runner_->report().cursor == cursor; });
    }
    [[nodiscard]] std::optional<std::uint64_t> ledger() const {
        return read_cursor(settings_.directory, "memory");
    }

    const TemporaryDirectory directory_;
    SpoolSettings settings_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<SinkRunner> runner_;
    MemorySink* sink_ = nullptr;
};

TEST_F(SinkRunnerTest, DeliversInOrderAndMovesTheLedger) {
    append(1, 50);
    start(std::make_unique<MemorySink>());
    append(51, 100);
    ASSERT_TRUE(reaches(101));
    EXPECT_EQ(numbers(), range(1, 100));
    runner_->stop();
    EXPECT_EQ(ledger(), 101U);
    EXPECT_EQ(runner_->report().behind, 0U);
}

TEST_F(SinkRunnerTest, ABusySinkDelaysAndLosesNothing) {
    start(std::make_unique<MemorySink>(10));
    append(1, 40);
    ASSERT_TRUE(reaches(11));
    ASSERT_TRUE(eventually([&] { return runner_->report().behind == 30U; }));
    sink_->set_events_max(1000);
    ASSERT_TRUE(reaches(41));
    EXPECT_EQ(numbers(), range(1, 40));
}

TEST_F(SinkRunnerTest, K1TheCursorStaysBehindWhatIsNotConfirmed) {
    auto sink = std::make_unique<MemorySink>();
    sink->hold_from(21);
    start(std::move(sink));
    append(1, 40);
    ASSERT_TRUE(eventually([&] { return sink_->kept().size() == 40; }));
    ASSERT_TRUE(reaches(21));
    // The exporter dies here: no stop, and the ledger is what the disk has.
    ASSERT_TRUE(eventually([&] { return ledger() == 21; }));
    runner_->stop(std::chrono::milliseconds(0));
    runner_.reset();
    EXPECT_EQ(ledger(), 21U);
    start(std::make_unique<MemorySink>());
    ASSERT_TRUE(reaches(41));
    EXPECT_EQ(numbers(), range(21, 40));  // doubled, not missing
}

TEST_F(SinkRunnerTest, K4AReplayBeginsAtTheOldestThatIsNotConfirmed) {
    auto sink = std::make_unique<MemorySink>();
    sink->hold_from(31);
    start(std::move(sink));
    append(1, 40);
    ASSERT_TRUE(eventually([&] { return sink_->kept().size() == 40; }));
    sink_->forget_held();
    ASSERT_TRUE(eventually([&] { return sink_->kept().size() == 40; }));
    sink_->hold_from(kNothingPending);
    ASSERT_TRUE(reaches(41));
    EXPECT_EQ(numbers(), range(1, 40));
}

TEST_F(SinkRunnerTest, K6AnEventTooLargeComesInItsReducedForm) {
    EcsEncoder encoder;
    std::string full;
    encoder.encode(sample_flow_end(1), sample_dictionary(), full);
    start(std::make_unique<MemorySink>(1000, full.size() - 1));
    append(1, 3);
    ASSERT_TRUE(reaches(4));
    for (const auto& kept : sink_->kept()) {
        EXPECT_TRUE(kept.reduced);
        EXPECT_TRUE(nlohmann::json::parse(kept.document)["sallyport"]["truncated"]);
    }
}

TEST_F(SinkRunnerTest, ClassesThatAreNotWantedArePassedOver) {
    start(std::make_unique<MemorySink>(), class_bit(EventClass::threat));
    append(1, 5);
    append_one(*spool_, sample_threat(6));
    append(7, 9);
    ASSERT_TRUE(reaches(10));
    EXPECT_EQ(numbers(), range(6, 6));
}

TEST_F(SinkRunnerTest, WhatAnEncodingHasNoWordsForIsPassedOver) {
    start(std::make_unique<MemorySink>(), kAllClasses, std::make_unique<FlatEncoder>());
    append_one(*spool_, sample_threat(1));
    append(2, 3);
    append_one(*spool_, sample_threat(4));
    ASSERT_TRUE(reaches(5));
    EXPECT_EQ(numbers(), range(2, 3));
}

TEST_F(SinkRunnerTest, StopSendsWhatTheSpoolHolds) {
    start(std::make_unique<MemorySink>());
    append(1, 500);
    spool_->close();
    runner_->stop();
    EXPECT_EQ(numbers(), range(1, 500));
    EXPECT_EQ(ledger(), 501U);
}

TEST_F(SinkRunnerTest, StopDoesNotWaitForASinkThatIsBusyForEver) {
    start(std::make_unique<MemorySink>(1));
    append(1, 5);
    ASSERT_TRUE(reaches(2));
    const auto before = std::chrono::steady_clock::now();
    runner_->stop(std::chrono::milliseconds(50));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
    EXPECT_EQ(ledger(), 2U);
}

TEST_F(SinkRunnerTest, NamesAreThoseOfTheEventsGeneration) {
    start(std::make_unique<MemorySink>());
    append(1, 1);
    EventDictionary renamed = sample_dictionary();
    renamed.generation = kGeneration + 1;
    renamed.rules[0].name = "renamed";
    ASSERT_TRUE(spool_->write_dictionary(renamed));
    Event later = sample_flow_end(2);
    later.generation = kGeneration + 1;
    append_one(*spool_, later);
    append(3, 3);
    ASSERT_TRUE(reaches(4));
    const auto kept = sink_->kept();
    const auto rule = [&](std::size_t i) {
        return nlohmann::json::parse(kept[i].document)["rule"]["name"].get<std::string>();
    };
    EXPECT_EQ(rule(0), "allow-partner");
    EXPECT_EQ(rule(1), "renamed");
    EXPECT_EQ(rule(2), "allow-partner");
}

}  // namespace
}  // namespace sallyport::exporters
