// SPDX-License-Identifier: Apache-2.0
// Goal: what status tells of events is counted where they pass. Method: rings filled by hand, a
// real spool behind them.
#include "gateway/control/spooler.h"

#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <memory>

namespace sallyport::control {
namespace {

class SpoolerTest : public testing::Test {
protected:
    SpoolerTest() {
        exporters::SpoolSettings settings;
        settings.directory = directory_.path() + "/spool";
        settings.boot = exporters::kBoot;
        spool_ = std::move(exporters::Spool::open(settings)).value();
        spooler_ = std::make_unique<Spooler>(
            *spool_, std::vector<dataplane::EventRings*>{rings_.get()}, exporters::kBoot
        );
    }
    void put(dataplane::EventRing& ring, const Event& event) {
        Event* slot = ring.reserve();
        ASSERT_NE(slot, nullptr);
        *slot = event;
        ring.publish();
    }
    void match(std::uint32_t generation, std::vector<std::uint16_t> feeds) {
        Event event = exporters::base_event(EventKind::threat_match, ++sequence_);
        event.generation = generation;
        event.match_size = static_cast<std::uint8_t>(feeds.size());
        for (std::size_t i = 0; i < feeds.size(); ++i) {
            event.matches[i].feed = feeds[i];
        }
        put(rings_->security, event);
    }
    void pass() {
        spooler_->start();
        spooler_->stop();
    }

    const exporters::TemporaryDirectory directory_;
    std::unique_ptr<dataplane::EventRings> rings_ = std::make_unique<dataplane::EventRings>();
    std::unique_ptr<exporters::Spool> spool_;
    std::unique_ptr<Spooler> spooler_;
    std::uint64_t sequence_ = 0;
};

TEST_F(SpoolerTest, MatchesAreCountedByFeedOverGenerations) {
    spooler_->know_feeds(1, {"urlhaus", "never"});
    spooler_->know_feeds(2, {"spamhaus", "urlhaus"});
    match(1, {0});
    match(2, {1, 0});
    match(2, {7});  // no feed of that generation
    match(9, {0});  // nor one of a generation that nobody named
    pass();
    const std::map<std::string, std::uint64_t> expected{
        {"never", 0}, {"spamhaus", 1}, {"urlhaus", 2}};
    EXPECT_EQ(spooler_->matches(), expected);
}

TEST_F(SpoolerTest, WhatTheSpoolTookIsCountedByClass) {
    spooler_->tell(EventKind::part_state, 1, "gateway started");
    match(1, {0});
    put(rings_->traffic, exporters::sample_flow_end(++sequence_));
    pass();
    const auto counts = spool_->stats().appended_by_class;
    EXPECT_EQ(counts[static_cast<std::size_t>(EventClass::threat)], 1U);
    EXPECT_EQ(counts[static_cast<std::size_t>(EventClass::flow)], 1U);
    EXPECT_EQ(counts[static_cast<std::size_t>(EventClass::health)], 1U);
}

TEST_F(SpoolerTest, RemembersWhenAWorkerShedEvents) {
    Event shed = exporters::base_event(EventKind::events_shed, 1);
    shed.worker = 0;
    put(rings_->traffic, shed);
    EXPECT_EQ(spooler_->shed_at_ns(0), 0U);
    pass();
    EXPECT_NE(spooler_->shed_at_ns(0), 0U);
    EXPECT_EQ(spooler_->shed_at_ns(1), 0U);
}

}  // namespace
}  // namespace sallyport::control
