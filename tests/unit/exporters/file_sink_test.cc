// SPDX-License-Identifier: Apache-2.0
#include "exporters/file_sink.h"

#include "exporters/spool_files.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sallyport::exporters {
namespace {

OutgoingEvent line(std::uint64_t number, std::string_view document) {
    OutgoingEvent out;
    out.number = number;
    out.document = document;
    return out;
}

std::string content(const std::string& path) {
    return read_file(path, 1U << 20U).value_or("?");
}

FileSinkSettings settings_for(const std::string& path) {
    FileSinkSettings out;
    out.path = path;
    out.sync = SyncPolicy::never;
    out.reopen_interval = std::chrono::milliseconds(0);
    return out;
}

TEST(FileSink, SaysWhyAFileCannotBeOpened) {
    const auto sink = make_file_sink(settings_for("/no/such/folder/events.ndjson"));
    ASSERT_FALSE(sink);
    EXPECT_EQ(
        sink.error().message, "cannot open /no/such/folder/events.ndjson: No such file or directory"
    );
}

TEST(FileSink, WritesOneLineADocumentAndConfirmsIt) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/events.ndjson";
    auto sink = std::move(make_file_sink(settings_for(path))).value();
    EXPECT_EQ(sink->offer(line(1, "{\"a\":1}")), Offer::taken);
    EXPECT_EQ(sink->offer(line(2, "{\"a\":2}")), Offer::taken);
    EXPECT_EQ(sink->flush().oldest_pending, kNothingPending);
    EXPECT_EQ(content(path), "{\"a\":1}\n{\"a\":2}\n");
    EXPECT_EQ(sink->stats().delivered, 2U);
    EXPECT_EQ(sink->offer(line(3, "{}")), Offer::taken);
    sink->stop(std::chrono::milliseconds(0));
    EXPECT_EQ(content(path), "{\"a\":1}\n{\"a\":2}\n{}\n");
}

TEST(FileSink, WithASyncIntervalLinesCountOnceTheyAreOnDisk) {
    const TemporaryDirectory directory;
    FileSinkSettings settings = settings_for(directory.path() + "/events.ndjson");
    settings.sync = SyncPolicy::interval;
    settings.sync_interval = std::chrono::hours(1);
    auto sink = std::move(make_file_sink(settings)).value();
    sink->offer(line(1, "{}"));
    EXPECT_EQ(sink->flush().oldest_pending, kNothingPending);  // the first is synced at once
    sink->offer(line(2, "{}"));
    sink->offer(line(3, "{}"));
    EXPECT_EQ(sink->flush().oldest_pending, 2U);
    EXPECT_EQ(content(settings.path), "{}\n{}\n{}\n");
    EXPECT_EQ(sink->stop(std::chrono::milliseconds(0)).oldest_pending, kNothingPending);
}

TEST(FileSink, IsBusyWhenItsBufferIsFullButTakesALineLargerThanIt) {
    const TemporaryDirectory directory;
    FileSinkSettings settings = settings_for(directory.path() + "/events.ndjson");
    settings.buffer_bytes = 10;
    auto sink = std::move(make_file_sink(settings)).value();
    const std::string large(100, 'x');
    EXPECT_EQ(sink->offer(line(1, large)), Offer::taken);
    EXPECT_EQ(sink->offer(line(2, "{}")), Offer::busy);
    sink->flush();
    EXPECT_EQ(sink->offer(line(2, "{}")), Offer::taken);
}

TEST(FileSink, GoesOnInANewFileAfterARotation) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/events.ndjson";
    auto sink = std::move(make_file_sink(settings_for(path))).value();
    sink->offer(line(1, "one"));
    sink->flush();
    std::filesystem::rename(path, path + ".1");
    sink->offer(line(2, "two"));
    sink->flush();
    EXPECT_EQ(content(path + ".1"), "one\n");
    EXPECT_EQ(content(path), "two\n");
    std::filesystem::remove(path);
    sink->offer(line(3, "three"));
    sink->flush();
    EXPECT_EQ(content(path), "three\n");
}

TEST(FileSink, WritesNothingToAFileThatIsGoneUntilItHasANewOne) {
    const TemporaryDirectory directory;
    const std::string folder = directory.path() + "/log";
    std::filesystem::create_directory(folder);
    const std::string path = folder + "/events.ndjson";
    auto sink = std::move(make_file_sink(settings_for(path))).value();
    std::filesystem::rename(folder, folder + ".old");
    sink->offer(line(1, "one"));
    EXPECT_EQ(sink->flush().oldest_pending, 1U);
    EXPECT_EQ(sink->stats().state, SinkState::degraded);
    EXPECT_EQ(sink->stats().text, "cannot open " + path + ": No such file or directory");
    EXPECT_EQ(content(folder + ".old/events.ndjson"), "");
    std::filesystem::create_directory(folder);
    EXPECT_EQ(sink->flush().oldest_pending, kNothingPending);
    EXPECT_EQ(sink->stats().state, SinkState::ok);
    EXPECT_EQ(content(path), "one\n");
}

TEST(FileSink, APipeThatNobodyReadsDelaysAndHoldsNobodyUp) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/pipe";
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    auto sink = std::move(make_file_sink(settings_for(path))).value();
    const std::string large(300'000, 'x');  // more than a pipe holds
    EXPECT_EQ(sink->offer(line(1, large)), Offer::taken);
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(sink->flush().oldest_pending, 1U);
    EXPECT_EQ(sink->stats().text, "cannot write " + path + ": whoever reads it does not");
    EXPECT_EQ(sink->stop(std::chrono::milliseconds(100)).oldest_pending, 1U);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST(FileSink, HalfALineOfACrashStaysAlone) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/events.ndjson";
    std::ofstream(path) << "{\"whole\":1}\n{\"half\":";
    auto sink = std::move(make_file_sink(settings_for(path))).value();
    sink->offer(line(1, "{}"));
    sink->flush();
    EXPECT_EQ(content(path), "{\"whole\":1}\n{\"half\":\n{}\n");
}

TEST(FileSink, AFullDiskDelaysLinesAndBreaksNone) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/events.ndjson";
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit small{25, RLIM_INFINITY};
        auto sink = std::move(make_file_sink(settings_for(path))).value();
        setrlimit(RLIMIT_FSIZE, &small);
        bool good = true;
        for (std::uint64_t i = 1; i <= 5; ++i) {
            good = good && sink->offer(line(i, "0123456789")) == Offer::taken;
        }
        good = good && sink->flush().oldest_pending == 1 &&
               sink->stats().state == SinkState::degraded &&
               sink->stats().text.find("File too large") != std::string::npos;
        const rlimit large{1000, RLIM_INFINITY};
        setrlimit(RLIMIT_FSIZE, &large);
        good = good && sink->flush().oldest_pending == kNothingPending &&
               sink->stats().state == SinkState::ok;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(content(path), "0123456789\n0123456789\n0123456789\n0123456789\n0123456789\n");
}

TEST(FileSink, AReaderThatWentAwayMakesStandardOutputGoDown) {
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_IGN);
        int ends[2];
        if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0) {
            _exit(2);
        }
        close(ends[0]);
        auto sink = std::move(make_file_sink(settings_for("-"))).value();
        sink->offer(line(1, "{}"));
        const bool pending = sink->flush().oldest_pending == 1;
        _exit(pending && sink->stats().state == SinkState::down ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace sallyport::exporters
