// SPDX-License-Identifier: Apache-2.0
#include "exporters/segment_format.h"

#include "exporters/byte_io.h"
#include "exporters/loss.h"
#include "exporters/segment_index.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <cstring>

namespace sallyport::exporters {
namespace {

constexpr std::uint32_t kSeed = 99;

TEST(SegmentFormat, RefusesHeadersCutOffOrDamaged) {
    std::string bytes;
    append_segment_header({17, 4711}, bytes);
    ASSERT_EQ(bytes.size(), kSegmentHeaderBytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_segment_header(bytes_of(bytes).first(size)));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] + 1);
        EXPECT_FALSE(parse_segment_header(bytes_of(damaged))) << at;
    }
    EXPECT_EQ(parse_segment_header(bytes_of(bytes))->first_number, 17U);
    EXPECT_EQ(parse_segment_header(bytes_of(bytes))->salt, 4711U);
}

TEST(SegmentFormat, K8RecordsCutOffAreIncompleteAndDamagedOnesRefused) {
    std::string bytes;
    append_record(sample_threat(), 5, kSeed, bytes);
    RecordView view;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(parse_record(bytes_of(bytes).first(size), kSeed, view), RecordState::incomplete);
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        EXPECT_NE(parse_record(bytes_of(damaged), kSeed, view), RecordState::ok) << at;
    }
    EXPECT_EQ(parse_record(bytes_of(bytes), kSeed + 1, view), RecordState::damaged);
}

TEST(SegmentFormat, AnEventComesBackByteForByte) {
    Event in = sample_threat();
    in.data_size = 3;
    in.data = {1, 2, 3};
    std::string bytes;
    append_record(in, 5, kSeed, bytes);
    EXPECT_EQ(bytes.size(), record_bytes(in));
    RecordView view;
    ASSERT_EQ(parse_record(bytes_of(bytes), kSeed, view), RecordState::ok);
    EXPECT_EQ(view.number, 5U);
    EXPECT_EQ(view.event_class, EventClass::threat);
    Event out;
    ASSERT_TRUE(unpack_event(view.payload, out));
    EXPECT_EQ(std::memcmp(&in, &out, sizeof(Event)), 0);
}

// A ring's slot is used again without clearing what only sizes make readable.
TEST(SegmentFormat, WhatAnEarlierEventLeftIsNotWritten) {
    Event used = sample_threat();
    used.data.fill(0xEE);
    ASSERT_NE(used.match_size, 0);
    clear_head(used);
    EXPECT_EQ(used.text_size, 0);
    EXPECT_EQ(used.match_size, 0);
    std::string reused;
    append_record(used, 5, kSeed, reused);
    std::string blank;
    append_record(Event{}, 5, kSeed, blank);
    EXPECT_EQ(reused, blank);
}

TEST(SegmentFormat, PayloadsWhoseSizesContradictAreRefused) {
    std::string bytes;
    append_record(sample_threat(), 5, kSeed, bytes);
    const auto payload = bytes_of(bytes).subspan(kRecordHeaderBytes);
    Event out;
    for (std::size_t size = 0; size < payload.size(); ++size) {
        EXPECT_FALSE(unpack_event(payload.first(size), out));
    }
    Event huge = sample_threat();
    huge.text_size = 65535;
    huge.data_size = 65535;
    std::string clamped;
    append_record(huge, 6, kSeed, clamped);
    EXPECT_FALSE(unpack_event(bytes_of(clamped).subspan(kRecordHeaderBytes), out));
}

TEST(SegmentFormat, CountsAndFamiliesAreBroughtIntoRange) {
    Event wild = sample_threat();
    wild.match_size = 255;
    wild.source.family = static_cast<IpFamily>(77);
    std::string bytes;
    append_record(wild, 5, kSeed, bytes);
    Event out;
    ASSERT_TRUE(unpack_event(bytes_of(bytes).subspan(kRecordHeaderBytes), out));
    EXPECT_EQ(out.match_size, kThreatMatchesMax);
    EXPECT_EQ(out.source.family, IpFamily::none);
}

TEST(SegmentFormat, K13ARecordInsideANameIsNotFound) {
    // A name that holds what looks like a record: without the segment's salt its CRC is wrong.
    std::string forged;
    append_record(base_event(EventKind::flow_start, 1), 7, kSeed + 1, forged);
    std::string bytes(100, 'x');
    bytes += forged;
    EXPECT_FALSE(find_record(bytes_of(bytes), 0, kSeed, 0, 100));
    std::string real(100, 'x');
    append_record(base_event(EventKind::flow_start, 1), 7, kSeed, real);
    EXPECT_EQ(find_record(bytes_of(real), 0, kSeed, 0, 100), 100U);
    EXPECT_FALSE(find_record(bytes_of(real), 0, kSeed, 8, 100));
}

TEST(SegmentIndex, RefusesDamageAndGivesBackRanges) {
    SegmentIndex in;
    in.add(sample_flow_end(10));
    in.add(sample_flow_end(12));
    in.add(sample_threat(11));
    std::string bytes;
    in.write(bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(SegmentIndex::parse(bytes_of(bytes).first(size)));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] + 1);
        EXPECT_FALSE(SegmentIndex::parse(bytes_of(damaged))) << at;
    }
    const auto out = SegmentIndex::parse(bytes_of(bytes));
    ASSERT_TRUE(out);
    EXPECT_EQ(out->dictionaries.size(), 1U);
    const LossRange& range = out->sequences.at({kBoot, 3});
    EXPECT_EQ(range.first_sequence, 10U);
    EXPECT_EQ(range.last_sequence, 12U);
    EXPECT_EQ(range.count, 3U);
    EXPECT_EQ(out->by_class[static_cast<std::size_t>(EventClass::threat)], 1U);
}

TEST(LossLedger, AnnouncesEveryRangeOnceAndThenIsEmpty) {
    LossLedger ledger;
    for (std::uint16_t worker = 0; worker < 10; ++worker) {
        ledger.add(LossRange{kBoot, worker, 100, 120, 15});
    }
    Event lost = sample_flow_end(130);
    ledger.add(lost);
    EXPECT_EQ(ledger.count(), 151U);
    const auto events = ledger.take_events(LossCause::disk_full, "kafka had not sent them");
    EXPECT_TRUE(ledger.empty());
    ASSERT_EQ(events.size(), 2U);
    std::uint64_t total = 0;
    std::size_t ranges = 0;
    for (const Event& event : events) {
        const Losses losses = losses_of(event);
        EXPECT_EQ(losses.cause, LossCause::disk_full);
        ranges += losses.ranges.size();
        for (const LossRange& range : losses.ranges) {
            total += range.count;
            if (range.worker == 3) {
                EXPECT_EQ(range.last_sequence, 130U);
                EXPECT_EQ(range.count, 16U);
            }
        }
    }
    EXPECT_EQ(ranges, 10U);
    EXPECT_EQ(total, 151U);
    EXPECT_TRUE(ledger.take_events(LossCause::disk_full, "").empty());
}

TEST(LossLedger, ShedEventsOfAWorkerSpeakForThemselves) {
    Event event = base_event(EventKind::events_shed, 9413);
    event.loss_count = 412;
    event.loss_first_sequence = 9001;
    event.loss_last_sequence = 9412;
    const Losses losses = losses_of(event);
    EXPECT_EQ(losses.cause, LossCause::ring_full);
    ASSERT_EQ(losses.ranges.size(), 1U);
    EXPECT_EQ(losses.ranges[0].count, 412U);
}

}  // namespace
}  // namespace sallyport::exporters
