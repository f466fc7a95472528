// SPDX-License-Identifier: Apache-2.0
// What a crash, a bad disk and a full disk can do to a spool, enumerated on small ones.
#include "exporters/byte_io.h"
#include "exporters/spool.h"
#include "tests/unit/exporters/spool_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <set>
#include <string_view>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sallyport::exporters {
namespace {

namespace fs = std::filesystem;

void write_file(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A spool of three segments: 11 + 11 + 5 records; returns the bytes of the last.
class SmallSpool {
public:
    SmallSpool() : settings_(small_settings(directory_.path())) {
        const auto spool = open_spool(settings_);
        append_range(*spool, 1, 20);
        segments_ = list_spool(settings_.directory).segments;
    }
    [[nodiscard]] std::string last() const {
        return segment_path(settings_.directory, segments_.back());
    }
    [[nodiscard]] std::string first() const {
        return segment_path(settings_.directory, segments_.front());
    }
    /// First sequence of the last segment.
    [[nodiscard]] std::uint64_t last_from() const { return segments_.back(); }
    /// Back to the directory as it was made, with the last segment as given.
    void restore(const std::string& path, std::string_view bytes) const {
        for (const std::uint64_t first : list_spool(settings_.directory).segments) {
            if (std::ranges::find(segments_, first) == segments_.end()) {
                fs::remove(segment_path(settings_.directory, first));
            }
        }
        write_file(path, bytes);
    }
    const TemporaryDirectory directory_;
    SpoolSettings settings_;
    std::vector<std::uint64_t> segments_;
};

/// Starts on what is there, appends two events, and checks what every consumer relies on: numbers
/// rise, nothing comes twice, the new events are there and in order.
Read restart_and_read(const SpoolSettings& settings) {
    auto clock = std::make_shared<HandClock>();
    SpoolSettings with_clock = settings;
    with_clock.clock = clock;
    const auto spool = open_spool(with_clock);
    append_range(*spool, 1001, 1002);
    spool->commit();
    auto reader = std::move(spool->reader("kafka")).value();
    Read read = read_all(*reader);
    EXPECT_TRUE(std::ranges::is_sorted(read.numbers));
    EXPECT_EQ(std::set(read.numbers.begin(), read.numbers.end()).size(), read.numbers.size());
    EXPECT_TRUE(std::ranges::is_sorted(read.sequences));
    EXPECT_GE(read.sequences.size(), 2U);
    EXPECT_EQ(read.sequences.back(), 1002U);
    // Gaps that were found are announced with the next append.
    clock->advance(std::chrono::seconds(2));
    spool->append({});
    spool->append({});
    spool->commit();
    const Read later = read_all(*reader);
    read.own.insert(read.own.end(), later.own.begin(), later.own.end());
    return read;
}

TEST(SpoolDamage, K8EveryTruncationOfTheTailKeepsEveryWholeRecord) {
    const SmallSpool spool;
    const std::string whole = read_file(spool.last(), 1U << 20U).value();
    const std::size_t record = record_bytes(sample_flow_end());
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        spool.restore(spool.last(), std::string_view(whole).substr(0, size));
        fs::remove(index_path(spool.settings_.directory, spool.last_from()));
        const Read read = restart_and_read(spool.settings_);
        const std::size_t kept =
            size < kSegmentHeaderBytes ? 0 : (size - kSegmentHeaderBytes) / record;
        ASSERT_EQ(read.sequences.size(), spool.last_from() - 1 + kept + 2) << size;
        ASSERT_EQ(read.sequences[spool.last_from() - 2 + kept], spool.last_from() - 1 + kept)
            << size;
        ASSERT_TRUE(read.own.empty()) << size;
        if (kept > 0) {  // an empty one has made room for a new one of its name
            ASSERT_EQ(fs::file_size(spool.last()), kSegmentHeaderBytes + kept * record) << size;
        }
    }
}

TEST(SpoolDamage, K8EveryFlippedByteCostsAtMostOneRecordOrSaysWhat) {
    const SmallSpool spool;
    const std::string whole = read_file(spool.last(), 1U << 20U).value();
    const std::size_t in_last = 20 - (spool.last_from() - 1);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        spool.restore(spool.last(), damaged);
        const Read read = restart_and_read(spool.settings_);
        const std::size_t lost = 22 - read.sequences.size();
        if (at < kSegmentHeaderBytes) {
            ASSERT_EQ(lost, in_last) << at;
            ASSERT_GE(announced(read.own), in_last) << at;
        } else {
            ASSERT_EQ(lost, 1U) << at;
            // The last record may have been torn: then it was never committed, and nobody announces
            // it.
            const bool last_record = at >= whole.size() - record_bytes(sample_flow_end());
            ASSERT_EQ(announced(read.own), last_record ? 0U : 1U) << at;
        }
    }
}

TEST(SpoolDamage, K8DamageInAnOlderSegmentIsSkippedAndAnnounced) {
    const SmallSpool spool;
    const std::string whole = read_file(spool.first(), 1U << 20U).value();
    for (std::size_t at = 0; at < whole.size(); at += 7) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
        spool.restore(spool.first(), damaged);
        const Read read = restart_and_read(spool.settings_);
        ASSERT_EQ(announced(read.own), 22 - read.sequences.size()) << at;
    }
    spool.restore(spool.first(), whole.substr(0, whole.size() / 2));
    Read read = restart_and_read(spool.settings_);
    EXPECT_EQ(announced(read.own), 22 - read.sequences.size());
    spool.restore(spool.first(), "");
    read = restart_and_read(spool.settings_);
    EXPECT_EQ(announced(read.own), 22 - read.sequences.size());
}

TEST(SpoolDamage, K8BlocksThatNeverReachedTheDiskReadAsZeroes) {
    const SmallSpool spool;
    const std::string whole = read_file(spool.last(), 1U << 20U).value();
    for (std::size_t block = 0; block < whole.size(); block += 128) {
        for (std::size_t size : {std::size_t{128}, std::size_t{512}, whole.size()}) {
            std::string damaged = whole;
            const std::size_t end = std::min(damaged.size(), block + size);
            std::fill(
                damaged.begin() + static_cast<std::ptrdiff_t>(block),
                damaged.begin() + static_cast<std::ptrdiff_t>(end),
                '\0'
            );
            spool.restore(spool.last(), damaged);
            restart_and_read(spool.settings_);
        }
    }
}

TEST(SpoolDamage, K8ForeignFilesAndHalfMadeOnesAreLeftOrCleared) {
    const SmallSpool spool;
    const std::string& directory = spool.settings_.directory;
    write_file(directory + "/segment-zzzz", "noise");
    write_file(directory + "/segment-00000000000000010", "noise");
    write_file(directory + "/dictionary-x", "noise");
    write_file(directory + "/cursor-kafka.tmp", "noise");
    fs::create_directory(directory + "/segment-00000000000000ff");
    const Read read = restart_and_read(spool.settings_);
    EXPECT_EQ(read.sequences.size(), 22U);
    EXPECT_FALSE(fs::exists(directory + "/cursor-kafka.tmp"));
}

TEST(SpoolDamage, K8KilledWhileWritingLosesNothingThatWasCommitted) {
    for (int round = 0; round < 10; ++round) {
        const TemporaryDirectory directory;
        SpoolSettings settings = small_settings(directory.path());
        settings.io = nullptr;
        int committed[2];
        ASSERT_EQ(pipe(committed), 0);
        const pid_t child = fork();
        if (child == 0) {
            const auto spool = open_spool(settings);
            for (std::uint64_t i = 1;; ++i) {
                append_range(*spool, i, i);
                if (i % 10 == 0) {
                    spool->commit();
                    if (write(committed[1], &i, sizeof(i)) < 0) {
                        _exit(1);
                    }
                }
            }
        }
        close(committed[1]);
        std::uint64_t last = 0;
        for (int commits = 0; commits < 20 + round * 7; ++commits) {
            ASSERT_EQ(read(committed[0], &last, sizeof(last)), static_cast<ssize_t>(sizeof(last)));
        }
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(committed[0]);
        const auto spool = open_spool(settings);
        const Read read = read_all(*spool);
        ASSERT_GE(read.sequences.size(), last);
        EXPECT_EQ(read.sequences, range(1, read.sequences.size()));
    }
}

TEST(SpoolFaults, K7EveryCallThatCanFailFailsOnceAndNothingIsLostSilently) {
    // Fault-free first, to know how many calls there are.
    for (const int error : {-ENOSPC, -EIO, -EROFS}) {
        int calls = 1;
        for (int fail_at = 0; fail_at < calls; ++fail_at) {
            const TemporaryDirectory directory;
            auto io = std::make_shared<FaultyIo>();
            auto clock = std::make_shared<HandClock>();
            SpoolSettings settings = small_settings(directory.path());
            settings.io = io;
            settings.clock = clock;
            settings.reserve_bytes = 4096;
            settings.sinks = {"kafka"};
            io->decide = [&](std::string_view, int count) { return count == fail_at ? error : 0; };
            {
                const auto spool = open_spool(settings);
                for (std::uint64_t i = 1; i <= 40; ++i) {
                    append_one(*spool, i % 10 == 0 ? sample_threat(i) : sample_flow_end(i));
                    clock->advance(std::chrono::milliseconds(200));
                }
                clock->advance(std::chrono::seconds(5));
                spool->append({});
            }
            const auto spool = open_spool(small_settings(directory.path()));
            const Read read = read_all(*spool);
            ASSERT_EQ(read.sequences.size() + announced(read.own), 40U)
                << "call " << fail_at << " error " << error;
            ASSERT_TRUE(std::ranges::is_sorted(read.sequences));
            calls = std::max(calls, io->calls);
        }
        EXPECT_GT(calls, 30);
    }
}

TEST(SpoolFaults, K7AFullDiskKeepsThreatAndAuditAndTellsTheRestLater) {
    const TemporaryDirectory directory;
    const std::string reserve = directory.path() + "/spool/reserve";
    bool full = false;  // before the spool, whose last calls ask it too
    auto io = std::make_shared<FaultyIo>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    settings.reserve_bytes = 4096;
    settings.full_policy = FullPolicy::drop_newest;
    settings.sinks = {"kafka"};
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 5);
    // Full: nothing can be created with blocks of its own, and only what the reserve gives back is
    // room.
    full = true;
    io->decide = [&](std::string_view call, int) {
        const bool room = !full || !fs::exists(reserve);
        return (call == "write" && !room) || (call == "create" && full) ? -ENOSPC : 0;
    };
    append_range(*spool, 6, 10);
    EXPECT_TRUE(spool->stats().degraded);
    EXPECT_NE(spool->stats().state.find("No space left on device"), std::string::npos);
    append_one(*spool, sample_threat(11));
    append_one(*spool, base_event(EventKind::config_reload, 12));
    append_range(*spool, 13, 15);
    clock->advance(std::chrono::seconds(1));
    append_range(*spool, 16, 16);
    EXPECT_EQ(spool->stats().lost_by_cause[2], 5 + 3 + 1U);
    full = false;
    clock->advance(std::chrono::seconds(1));
    append_range(*spool, 17, 18);
    clock->advance(std::chrono::seconds(1));
    spool->append({});
    spool->commit();
    const Read read = read_all(*spool);
    EXPECT_EQ(read.sequences, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 11, 12, 17, 18}));
    EXPECT_EQ(announced(read.own), 9U);
    EXPECT_EQ(losses_of(read.own.front()).cause, LossCause::disk_full);
    EXPECT_FALSE(spool->stats().degraded);
    EXPECT_EQ(spool->stats().state, "ok");
}

TEST(SpoolFaults, K7ADiskThatFailsForGoodNeverStopsTheCaller) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.reserve_bytes = 4096;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 5);
    spool->commit();
    io->decide = [](std::string_view, int) { return -EIO; };
    for (std::uint64_t i = 6; i <= 1000; ++i) {
        append_range(*spool, i, i);
        spool->commit();
    }
    append_one(*spool, sample_threat(1001));
    EXPECT_EQ(spool->stats().lost_by_cause[3], 996U);
    EXPECT_TRUE(spool->stats().degraded);
    EXPECT_EQ(read_all(*spool).sequences, range(1, 5));
    spool->close();
}

TEST(SpoolFaults, K7ACommitThatFailsKeepsRecordsReadableAndBeginsANewSegment) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 2);
    io->decide = [](std::string_view call, int) { return call == "sync" ? -EIO : 0; };
    spool->commit();
    io->decide = nullptr;
    append_range(*spool, 3, 4);
    spool->commit();
    EXPECT_EQ(spool->stats().commit_errors, 1U);
    EXPECT_EQ(read_all(*spool).sequences, range(1, 4));
    EXPECT_EQ(list_spool(settings.directory).segments.size(), 2U);
}

TEST(SpoolFaults, K7ASegmentThatTookNothingIsNotListedBesideTheOneOfItsName) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    settings.sinks = {"kafka"};
    settings.history_bytes = 0;
    const auto spool = open_spool(settings);
    const auto reader = std::move(spool->reader("kafka")).value();
    int writes = 0;  // the header goes through, the first records do not
    io->decide = [&](std::string_view call, int) {
        return call == "write" && ++writes == 2 ? -EIO : 0;
    };
    append_range(*spool, 1, 1);
    io->decide = nullptr;
    EXPECT_EQ(spool->stats().segments, 1U);
    spool->commit();
    // The sink passes over what would be the dead twin, which may go now.
    clock->advance(std::chrono::seconds(1));
    append_range(*spool, 2, 3);
    spool->commit();
    EXPECT_EQ(read_all(*reader).sequences, range(1, 3));
    EXPECT_EQ(spool->stats().lost_by_cause[3], 0U);
}

TEST(SpoolFaults, K7ACommitThatFailsGivesBackWhatWasPreallocated) {
    class NoSync final : public SpoolIo {
    public:
        int sync(int /*fd*/) override { return -EIO; }
    };
    const TemporaryDirectory directory;
    SpoolSettings settings = small_settings(directory.path());
    settings.io = std::make_shared<NoSync>();
    settings.bytes_max = 64U << 20U;
    settings.segment_bytes = 1U << 20U;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 2);
    struct stat info {};
    const std::string path = segment_path(settings.directory, 1);
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    if (info.st_blocks * 512 < (1 << 20)) {
        const char* ci = std::getenv("CI");
        ASSERT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "CI's preallocates";
        GTEST_SKIP() << "a file system that does not preallocate";
    }
    spool->commit();
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_LT(info.st_blocks * 512, 64 << 10);
}

TEST(SpoolFaults, K7NamesThatAFullDiskDoesNotTakeAreInForceAndWrittenLater) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    const auto spool = open_spool(settings);
    io->decide = [](std::string_view call, int) { return call == "replace" ? -ENOSPC : 0; };
    EventDictionary names = sample_dictionary();
    names.boot = settings.boot;
    for (std::uint32_t generation = 1; generation <= 20; ++generation) {
        names.generation = generation;
        names.rules[0].name = "rule-" + std::to_string(generation);
        EXPECT_FALSE(spool->write_dictionary(names));
    }
    Event event = sample_flow_end(1);
    event.generation = 1;  // long ago among the recent ones
    append_one(*spool, event);
    spool->commit();
    const auto reader = std::move(spool->reader("")).value();
    EXPECT_EQ(reader->dictionary_for(event)->rules[0].name, "rule-1");
    EXPECT_TRUE(spool->stats().degraded);
    EXPECT_EQ(
        spool->stats().state,
        "cannot write " + dictionary_path(settings.directory, settings.boot, 20) +
            ": No space left on device; generations whose names are in memory only: 20"
    );
    io->decide = nullptr;
    clock->advance(std::chrono::seconds(2));
    spool->append({});
    EXPECT_FALSE(spool->stats().degraded);
    EXPECT_EQ(spool->stats().state, "ok");
    DictionaryStore other(settings.directory);
    EXPECT_EQ(other.find(settings.boot, 1)->rules[0].name, "rule-1");
}

TEST(SpoolFaults, K7ALedgerThatAFullDiskDoesNotTakeFreesWhatWasDelivered) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    settings.sinks = {"kafka"};
    settings.history_bytes = 0;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 50);
    spool->commit();
    const auto reader = std::move(spool->reader("kafka")).value();
    io->decide = [](std::string_view call, int) { return call == "replace" ? -ENOSPC : 0; };
    EXPECT_FALSE(reader->move_cursor(51));
    EXPECT_EQ(reader->cursor(), 51U);
    EXPECT_FALSE(reader->cursor_is_durable());
    clock->advance(std::chrono::seconds(1));
    spool->append({});
    EXPECT_GT(spool->stats().oldest_number, 40U);
    io->decide = nullptr;
    EXPECT_TRUE(reader->move_cursor(51));  // the same number once more
    EXPECT_TRUE(reader->cursor_is_durable());
    EXPECT_EQ(read_cursor(settings.directory, "kafka"), 51U);
}

// Goal: a reader never gives out what a failed write left behind. Method: the write reaches the
// file, the reader fills its buffer, then the write fails and another event takes the place.
TEST(SpoolFaults, K7WhatAFailedWriteLeftIsNotReadFromABuffer) {
    class LateFailure final : public QuickIo {
    public:
        int write(int fd, std::string_view bytes, std::uint64_t offset) override {
            const int done = QuickIo::write(fd, bytes, offset);
            return done == 0 && after ? std::exchange(after, nullptr)() : done;
        }
        std::function<int()> after;
    };
    const TemporaryDirectory directory;
    auto io = std::make_shared<LateFailure>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    const auto spool = open_spool(settings);
    append_range(*spool, 1, 2);
    spool->commit();
    const auto reader = std::move(spool->reader("")).value();
    Event event;
    std::uint64_t number = 0;
    io->after = [&] {
        EXPECT_TRUE(reader->next(event, number));  // 1, and the file up to the event that will fail
        return -ENOSPC;
    };
    append_range(*spool, 3, 8);
    clock->advance(std::chrono::seconds(1));
    append_range(*spool, 9, 12);
    spool->commit();
    const Read rest = read_all(*reader);
    EXPECT_EQ(rest.sequences, (std::vector<std::uint64_t>{2, 9, 10, 11, 12}));
    EXPECT_EQ(announced(rest.own), 6U);
}

// Goal: a spool that is full of what nobody has fetched goes on with what comes. Method: a disk
// that takes 13 000 bytes of segments, all of them in one.
TEST(SpoolFaults, K7DropOldestMakesRoomForTheReserveToo) {
    const TemporaryDirectory directory;
    auto io = std::make_shared<FaultyIo>();
    auto clock = std::make_shared<HandClock>();
    SpoolSettings settings = small_settings(directory.path());
    settings.io = io;
    settings.clock = clock;
    settings.segment_bytes = 20000;
    settings.reserve_bytes = 4096;
    settings.sinks = {"kafka"};
    const auto spool = open_spool(settings);
    io->decide = [&](std::string_view call, int) {
        std::uint64_t bytes = 0;
        for (const std::uint64_t first : list_spool(settings.directory).segments) {
            bytes += file_bytes(segment_path(settings.directory, first));
        }
        return (call == "write" || call == "create") && bytes > 13000 ? -ENOSPC : 0;
    };
    for (std::uint64_t i = 1; i <= 400; ++i) {
        append_one(*spool, i == 60 ? sample_threat(i) : sample_flow_end(i));
        clock->advance(std::chrono::milliseconds(300));
    }
    EXPECT_GT(spool->stats().records_appended, 300U);
    EXPECT_GT(spool->stats().lost_by_cause[2], 30U);
}

/// Runs `body` in a child process that may do as it likes to itself; its exit code is the answer.
int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

TEST(SpoolFaults, K7ASmallFileSystemThatFillsUpForReal) {
    const TemporaryDirectory directory;
    constexpr int kNoMount = 77;
    const int code = in_child([&] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=512k") != 0) {
            return kNoMount;
        }
        auto clock = std::make_shared<HandClock>();
        SpoolSettings settings = small_settings(directory.path());
        settings.io = nullptr;
        settings.clock = clock;
        settings.bytes_max = 1U << 30U;
        settings.segment_bytes = 64U << 10U;
        settings.reserve_bytes = 64U << 10U;
        settings.full_policy = FullPolicy::drop_newest;
        settings.sinks = {"kafka"};
        const auto spool = open_spool(settings);
        auto reader = std::move(spool->reader("kafka")).value();
        for (std::uint64_t i = 1; i <= 3000; ++i) {
            append_range(*spool, i, i);
            clock->advance(std::chrono::milliseconds(1));
        }
        append_one(*spool, sample_threat(3001));
        if (spool->stats().lost_by_cause[2] < 1000 || !spool->stats().degraded) {
            return 2;
        }
        Read read = read_all(*reader);
        if (read.sequences.back() != 3001) {
            return 3;  // the reserve did not take the threat event
        }
        std::uint64_t told = read.sequences.size() + announced(read.own);
        // The sink delivers, so the segments go and there is room again.
        if (!reader->move_cursor(reader->position())) {
            // A full disk cannot even hold the ledger's temporary file: the old one stays good.
            fs::remove(settings.directory + "/reserve");
            if (!reader->move_cursor(reader->position())) {
                return 4;
            }
        }
        for (std::uint64_t i = 3002; i <= 3010; ++i) {
            clock->advance(std::chrono::seconds(1));
            append_range(*spool, i, i);
        }
        spool->commit();
        read = read_all(*reader);
        told += read.sequences.size() + announced(read.own);
        return told == 3010 && !spool->stats().degraded ? 0 : 5;
    });
    if (code == kNoMount) {
        GTEST_SKIP() << "no right to mount a tmpfs in a mount namespace of our own";
    }
    EXPECT_EQ(code, 0);
}

TEST(SpoolFaults, K7AFileSizeLimitIsOnlyAnotherFullDisk) {
    const TemporaryDirectory directory;
    const int code = in_child([&] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{2000, 2000};
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
            return 2;
        }
        auto clock = std::make_shared<HandClock>();
        SpoolSettings settings = small_settings(directory.path());
        settings.io = nullptr;
        settings.clock = clock;
        const auto spool = open_spool(settings);
        for (std::uint64_t i = 1; i <= 50; ++i) {
            append_range(*spool, i, i);
            clock->advance(std::chrono::milliseconds(150));
        }
        clock->advance(std::chrono::seconds(2));
        spool->append({});
        spool->close();
        const Read read = read_all(*spool);
        return read.sequences.size() + announced(read.own) == 50 ? 0 : 3;
    });
    EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace sallyport::exporters
