// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool.h"

#include "tests/unit/exporters/spool_test_support.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <thread>

namespace sallyport::exporters {
namespace {

TEST(Spool, RefusesADirectoryThatCannotBeUsedOrIsInUse) {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/file") << "x";
    SpoolSettings settings = small_settings(directory.path());
    settings.directory = directory.path() + "/file";
    EXPECT_FALSE(Spool::open(settings));
    settings.directory = directory.path() + "/no/such/parent";
    EXPECT_NE(
        Spool::open(settings).error().message.find("cannot create the spool's directory"),
        std::string::npos
    );
    settings.directory = directory.path() + "/spool";
    const auto first = open_spool(settings);
    EXPECT_EQ(
        Spool::open(settings).error().message,
        "spool directory " + settings.directory + " is in use by another process"
    );
}

TEST(Spool, RefusesNamesThatAreNoFileNames) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.sinks = {"../kafka"};
    EXPECT_FALSE(Spool::open(settings));
    settings.sinks = {};
    const auto spool = open_spool(settings);
    EXPECT_FALSE(spool->reader("a/b"));
    EXPECT_FALSE(spool->reader("x.tmp"));
    const auto kept = spool->reader("kafka");
    EXPECT_TRUE(kept);
    EXPECT_EQ(spool->reader("kafka").error().message, "sink name \"kafka\" is used twice");
}

TEST(Spool, GivesBackInOrderOverManySegments) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.io = nullptr;  // the real calls
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 100);
    spool->commit();
    const Read read = read_all(*spool);
    EXPECT_EQ(read.sequences, range(1, 100));
    EXPECT_EQ(read.numbers, range(1, 100));
    EXPECT_GT(spool->stats().segments, 8U);
    EXPECT_EQ(spool->stats().records_appended, 100U);
}

TEST(Spool, ReadersSeeRecordsOnlyOnceCommitted) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 3);
    EXPECT_TRUE(read_all(*spool).sequences.empty());
    clock->advance(settings.commit_interval - std::chrono::nanoseconds(1));
    spool->append({});
    EXPECT_TRUE(read_all(*spool).sequences.empty());
    clock->advance(std::chrono::nanoseconds(1));
    spool->append({});
    EXPECT_EQ(read_all(*spool).sequences, range(1, 3));
}

TEST(Spool, K9ThreatAndAuditAreCommittedAtOnce) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = std::make_shared<HandClock>();
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 2);
    append_one(*spool, sample_threat(3));
    EXPECT_EQ(read_all(*spool).sequences, range(1, 3));
    append_one(*spool, base_event(EventKind::config_reload, 4));
    EXPECT_EQ(read_all(*spool).sequences, range(1, 4));
    EXPECT_EQ(spool->stats().commits, 2U);
}

TEST(Spool, CommitsWhenTheBytesAreMany) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = std::make_shared<HandClock>();
    settings.segment_bytes = 100000;
    settings.commit_bytes = 2000;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 2);
    EXPECT_TRUE(read_all(*spool).sequences.empty());
    append_range(*spool, 3, 10);
    EXPECT_EQ(read_all(*spool).sequences, range(1, 10));
}

TEST(Spool, GoesOnWhereItEndedAfterARestart) {
    const TemporaryDirectory directory;
    const SpoolSettings settings = small_settings(directory.path());
    for (std::uint64_t start = 1; start <= 41; start += 10) {
        const auto spool = open_spool(settings);
        append_range(*spool, start, start + 9);
    }
    const auto spool = open_spool(settings);
    EXPECT_EQ(read_all(*spool).sequences, range(1, 50));
    EXPECT_EQ(read_all(*spool).numbers, range(1, 50));
}

TEST(Spool, ASinkGoesOnAtItsCursor) {
    const TemporaryDirectory directory;
    const SpoolSettings settings = small_settings(directory.path());
    {
        const auto spool = open_spool(settings);
        append_range(*spool, 1, 30);
        spool->commit();
        const auto reader = std::move(spool->reader("kafka")).value();
        EXPECT_EQ(reader->cursor(), 1U);
        ASSERT_TRUE(reader->move_cursor(21));
    }
    const auto spool = open_spool(settings);
    auto reader = std::move(spool->reader("kafka")).value();
    EXPECT_EQ(read_all(*reader).sequences, range(21, 30));
    reader->seek(25);
    EXPECT_EQ(read_all(*reader).sequences, range(25, 30));
    EXPECT_EQ(reader->fetch(7)->sequence, 7U);
    EXPECT_FALSE(reader->fetch(31));
}

TEST(Spool, ADamagedLedgerMeansFromTheBeginning) {
    const TemporaryDirectory directory;
    const SpoolSettings settings = small_settings(directory.path());
    const std::string ledger = settings.directory + "/cursor-kafka";
    {
        const auto spool = open_spool(settings);
        append_range(*spool, 1, 5);
        spool->commit();
        const auto reader = std::move(spool->reader("kafka")).value();
        ASSERT_TRUE(reader->move_cursor(4));
    }
    const std::string good = read_file(ledger, 1000).value();
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string damaged = good;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        std::ofstream(ledger, std::ios::trunc) << damaged;
        EXPECT_FALSE(read_cursor(settings.directory, "kafka")) << at;
        std::ofstream(ledger, std::ios::trunc) << good.substr(0, at);
        EXPECT_FALSE(read_cursor(settings.directory, "kafka")) << at;
    }
    const auto spool = open_spool(settings);
    auto reader = std::move(spool->reader("kafka")).value();
    EXPECT_EQ(read_all(*reader).sequences, range(1, 5));
}

TEST(Spool, ANumberThatWasDeliveredIsNeverGivenAgain) {
    const TemporaryDirectory directory;
    const SpoolSettings settings = small_settings(directory.path());
    {
        const auto spool = open_spool(settings);
        append_range(*spool, 1, 5);
        spool->commit();
        const auto reader = std::move(spool->reader("kafka")).value();
        ASSERT_TRUE(reader->move_cursor(6));
    }
    // The segment's tail is lost, the ledger is not.
    std::filesystem::resize_file(segment_path(settings.directory, 1), kSegmentHeaderBytes + 10);
    const auto spool = open_spool(settings);
    append_range(*spool, 6, 7);
    spool->commit();
    auto reader = std::move(spool->reader("kafka")).value();
    EXPECT_EQ(read_all(*reader).sequences, range(6, 7));
}

TEST(Spool, DeliveredSegmentsGoAndHistoryStays) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.history_bytes = 9000;
    settings.sinks = {"kafka", "file"};
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 200);
    spool->commit();
    const auto kafka = std::move(spool->reader("kafka")).value();
    ASSERT_TRUE(kafka->move_cursor(190));
    clock->advance(std::chrono::seconds(1));
    spool->append({});
    // "file" has no reader yet, but it is configured.
    EXPECT_EQ(read_all(*spool).sequences, range(1, 200));
    const auto file = std::move(spool->reader("file")).value();
    ASSERT_TRUE(file->move_cursor(190));
    clock->advance(std::chrono::seconds(1));
    spool->append({});
    const Read read = read_all(*spool);
    EXPECT_GT(read.sequences.front(), 150U);
    EXPECT_LE(read.sequences.front(), 180U);
    EXPECT_EQ(read.sequences.back(), 200U);
    EXPECT_TRUE(read.own.empty());
    EXPECT_EQ(spool->stats().oldest_number, read.numbers.front());
}

TEST(Spool, LedgersOfAnotherProcessCount) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.sinks = {"export"};
    settings.history_bytes = 0;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 50);
    spool->commit();
    const auto other = std::move(SpoolReader::follow(settings.directory, "export")).value();
    EXPECT_EQ(read_all(*other).sequences, range(1, 50));
    ASSERT_TRUE(other->move_cursor(51));
    clock->advance(std::chrono::seconds(1));
    spool->append({});
    EXPECT_GT(spool->stats().oldest_number, 40U);
}

TEST(Spool, DropOldestGivesUpTheOldestAndSaysWhatAndWhose) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.bytes_max = 32000;
    settings.sinks = {"kafka"};
    const auto spool = open_spool(settings);
    auto reader = std::move(spool->reader("kafka")).value();
    for (std::uint64_t i = 1; i <= 200; ++i) {
        append_range(*spool, i, i);
        clock->advance(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(spool->stats().degraded);
    EXPECT_EQ(
        spool->stats().state,
        "gives up the oldest events in " + settings.directory + ": the spool has reached its size"
    );
    spool->close();
    EXPECT_LE(spool->stats().bytes, settings.bytes_max);
    const Read read = read_all(*reader);
    // What is left is the newest, without a hole; what is missing is what was announced.
    EXPECT_EQ(read.sequences, range(read.sequences.front(), 200));
    std::uint64_t of_worker = 0;
    for (const Event& event : read.own) {
        for (const LossRange& range : losses_of(event).ranges) {
            of_worker += range.worker == 3 ? range.count : 0;
        }
    }
    EXPECT_EQ(of_worker, 200 - read.sequences.size());
    EXPECT_GE(spool->stats().lost_by_cause[1], of_worker);
    ASSERT_FALSE(read.own.empty());
    const Losses losses = losses_of(read.own.back());
    EXPECT_EQ(losses.cause, LossCause::spool_full);
    EXPECT_EQ(losses.ranges.at(0).worker, 3U);
    EXPECT_NE(read.own.back().text_view().find("kafka had not sent them"), std::string::npos);
    EXPECT_EQ(read.own.back().generation, kGeneration);
}

TEST(Spool, DropOldestLosesNothingThatWasDelivered) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.bytes_max = 32000;
    settings.history_bytes = 1U << 20U;
    settings.sinks = {"kafka"};
    const auto spool = open_spool(settings);
    const auto reader = std::move(spool->reader("kafka")).value();
    for (std::uint64_t i = 1; i <= 200; ++i) {
        append_range(*spool, i, i);
        spool->commit();
        ASSERT_TRUE(reader->move_cursor(i + 1));
    }
    EXPECT_LE(spool->stats().bytes, settings.bytes_max);
    EXPECT_TRUE(read_all(*spool).own.empty());
    EXPECT_EQ(spool->stats().lost_by_cause[1], 0U);
    EXPECT_EQ(spool->stats().state, "ok");
}

TEST(Spool, DropNewestRefusesWhatComesExceptThreatAndAudit) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.bytes_max = 32000;
    settings.reserve_bytes = 4000;
    settings.full_policy = FullPolicy::drop_newest;
    settings.sinks = {"kafka"};
    const auto spool = open_spool(settings);
    auto reader = std::move(spool->reader("kafka")).value();
    append_range(*spool, 1, 200);
    append_one(*spool, sample_threat(201));
    append_range(*spool, 202, 210);
    spool->commit();
    EXPECT_LE(spool->stats().bytes, settings.bytes_max);
    Read read = read_all(*reader);
    ASSERT_GT(read.sequences.size(), 10U);
    EXPECT_EQ(read.sequences.back(), 201U);
    const std::uint64_t last = read.sequences[read.sequences.size() - 2];
    EXPECT_EQ(spool->stats().lost_by_class[0], 210 - 1 - last);
    std::vector<Event> told = read.own;
    // The sink delivers: there is room again, and the rest of the loss is told.
    ASSERT_TRUE(reader->move_cursor(reader->position()));
    clock->advance(std::chrono::seconds(2));
    append_range(*spool, 211, 212);
    spool->commit();
    read = read_all(*reader);
    EXPECT_EQ(read.sequences, range(211, 212));
    told.insert(told.end(), read.own.begin(), read.own.end());
    EXPECT_EQ(announced(told), 210 - 1 - last);
    EXPECT_EQ(losses_of(told.front()).ranges.at(0).first_sequence, last + 1);
    EXPECT_EQ(losses_of(told.back()).ranges.at(0).last_sequence, 210U);
}

TEST(Spool, DictionariesGoWithTheLastSegmentThatNeedsThem) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.sinks = {"kafka"};
    settings.history_bytes = 0;
    {
        settings.boot = 1;
        const auto old = open_spool(settings);
        Event event = sample_flow_end(1);
        event.boot = 1;
        append_one(*old, event);
    }
    settings.boot = 2;
    const auto spool = open_spool(settings);
    EventDictionary names = sample_dictionary();
    names.boot = 2;
    for (const std::uint32_t generation : {1U, 2U, 3U}) {
        names.generation = generation;
        ASSERT_TRUE(spool->write_dictionary(names));
    }
    const auto dictionaries = [&] { return list_spool(settings.directory).dictionaries; };
    using Keys = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
    EXPECT_EQ(dictionaries(), (Keys{{1, kGeneration}, {2, 1}, {2, 2}, {2, 3}, {2, kGeneration}}));
    std::vector<Event> events;
    for (std::uint64_t i = 0; i < 40; ++i) {
        Event event = sample_flow_end(i);
        event.boot = 2;
        event.generation = i < 20 ? 1 : 3;
        events.push_back(event);
    }
    spool->append(events);
    spool->commit();
    const auto reader = std::move(spool->reader("kafka")).value();
    const auto pass = [&](std::uint64_t number) {
        ASSERT_TRUE(reader->move_cursor(number));
        clock->advance(std::chrono::seconds(1));
        spool->append({});
    };
    pass(2);  // the old boot's segment has been delivered
    EXPECT_EQ(dictionaries(), (Keys{{2, 1}, {2, 2}, {2, 3}, {2, kGeneration}}));
    spool->retire_generations_below(3);
    pass(15);  // generation 1 is still needed by a segment, generation 2 by nobody
    EXPECT_EQ(dictionaries(), (Keys{{2, 1}, {2, 3}, {2, kGeneration}}));
    pass(40);
    EXPECT_EQ(dictionaries(), (Keys{{2, 3}, {2, kGeneration}}));
}

// Goal: a gateway that is reloaded for ever does not fill the disk. Method: one event a generation,
// and only the newest few may still be on somebody's mind.
TEST(Spool, DictionariesOfThisBootGoOnceTheirGenerationIsRetired) {
    const TemporaryDirectory directory;
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.clock = clock;
    settings.sinks = {"kafka"};
    settings.history_bytes = 0;
    const auto spool = open_spool(settings);
    const auto reader = std::move(spool->reader("kafka")).value();
    EventDictionary names = sample_dictionary();
    for (std::uint32_t generation = kGeneration + 1; generation <= kGeneration + 200;
         ++generation) {
        names.generation = generation;
        ASSERT_TRUE(spool->write_dictionary(names));
        spool->retire_generations_below(generation - 2);
        Event event = sample_flow_end(generation);
        event.generation = generation;
        append_one(*spool, event);
        spool->commit();
        ASSERT_TRUE(reader->move_cursor(reader->position() + 1));
        reader->seek(reader->cursor());
        clock->advance(std::chrono::seconds(60));
    }
    spool->append({});
    // The open segment holds eleven events, each of its own generation.
    EXPECT_LT(list_spool(settings.directory).dictionaries.size(), 20U);
}

TEST(Spool, AnotherProcessFollowsTheFilesAsTheyGrow) {
    const TemporaryDirectory directory;
    const SpoolSettings settings = small_settings(directory.path());
    EXPECT_FALSE(SpoolReader::follow(settings.directory));
    const auto spool = open_spool(settings);
    auto follower = std::move(SpoolReader::follow(settings.directory)).value();
    for (std::uint64_t i = 0; i < 10; ++i) {
        append_range(*spool, i * 7 + 1, i * 7 + 7);
        EXPECT_EQ(read_all(*follower).sequences, range(i * 7 + 1, i * 7 + 7));
    }
    EXPECT_EQ(follower->dictionary_for(sample_flow_end())->workloads[kApiPod].pod, "api-7d9c-x2k");
    EXPECT_EQ(follower->stats().records_missing, 0U);
    auto newest = std::move(SpoolReader::follow(settings.directory)).value();
    newest->seek_newest();
    EXPECT_TRUE(read_all(*newest).sequences.empty());
    append_range(*spool, 71, 72);
    EXPECT_EQ(read_all(*newest).sequences, range(71, 72));
}

TEST(Spool, AReaderFindsTheSegmentOfATime) {
    const TemporaryDirectory directory;
    const auto spool = open_spool(small_settings(directory.path()));
    for (std::uint64_t i = 1; i <= 60; ++i) {
        Event event = sample_flow_end(i);
        event.time_ns = i * 1000;
        append_one(*spool, event);
    }
    spool->commit();
    auto reader = std::move(spool->reader("")).value();
    reader->seek_time(30'000);
    const Read read = read_all(*reader);
    EXPECT_LE(read.sequences.front(), 30U);
    EXPECT_GT(read.sequences.front(), 15U);
    reader->seek_time(0);
    EXPECT_EQ(read_all(*reader).sequences.size(), 60U);
}

TEST(Spool, ACommitWakesAWaitingReader) {
    const TemporaryDirectory directory;
    const auto spool = open_spool(small_settings(directory.path()));
    auto reader = std::move(spool->reader("kafka")).value();
    std::uint64_t seen = 0;
    std::thread waiting([&] {
        Event event;
        std::uint64_t number = 0;
        while (seen < 20) {
            while (reader->next(event, number)) {
                EXPECT_EQ(event.sequence, ++seen);
            }
            if (seen < 20) {
                reader->wait(std::chrono::hours(1));
            }
        }
    });
    for (std::uint64_t i = 1; i <= 20; ++i) {
        append_range(*spool, i, i);
        spool->commit();
    }
    waiting.join();
    EXPECT_EQ(seen, 20U);
}

TEST(Spool, ManyReadersWhileItIsWritten) {
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.bytes_max = 64U << 20U;
    settings.segment_bytes = 100000;
    settings.sinks = {"a", "b"};
    const auto spool = open_spool(settings);
    constexpr std::uint64_t kEvents = 20000;
    const auto consume = [&](const std::string& name) {
        auto reader = std::move(spool->reader(name)).value();
        Event event;
        std::uint64_t number = 0;
        std::uint64_t expected = 1;
        while (expected <= kEvents) {
            while (reader->next(event, number)) {
                ASSERT_EQ(number, expected);
                ASSERT_EQ(event.sequence, expected);
                ++expected;
                if (expected % 997 == 0) {
                    ASSERT_TRUE(reader->move_cursor(expected));
                }
            }
            reader->wait(std::chrono::milliseconds(100));
        }
    };
    std::thread first(consume, "a");
    std::thread second(consume, "b");
    for (std::uint64_t i = 1; i <= kEvents; i += 50) {
        append_range(*spool, i, i + 49);
    }
    spool->commit();
    first.join();
    second.join();
    EXPECT_EQ(spool->stats().lost_by_cause[1], 0U);
}

}  // namespace
}  // namespace sallyport::exporters
