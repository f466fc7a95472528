// SPDX-License-Identifier: Apache-2.0
// A clock that is set by hand, a disk that fails on demand, and short ways to fill and read a
// spool.
#pragma once

#include "exporters/spool.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::exporters {

class HandClock final : public Clock {
public:
    [[nodiscard]] WallNanoseconds wall_ns() const noexcept override {
        return 1'782'345'678'000'000'000ULL + now_ns_;
    }
    [[nodiscard]] std::uint64_t monotonic_ns() const noexcept override { return now_ns_; }
    void advance(std::chrono::nanoseconds by) { now_ns_ += static_cast<std::uint64_t>(by.count()); }

private:
    std::uint64_t now_ns_ = 1'000'000'000;
};

/// Real files without waiting for the disk: nobody pulls the plug in a unit test.
class QuickIo : public SpoolIo {
public:
    int create(const std::string& path, std::uint64_t /*preallocate_bytes*/) override {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        return fd < 0 ? -errno : fd;
    }
    int sync(int /*fd*/) override { return 0; }
    int replace(const std::string& path, std::string_view bytes) override {
        const std::string temporary = path + ".tmp";
        std::ofstream(temporary, std::ios::binary | std::ios::trunc) << bytes;
        return std::rename(temporary.c_str(), path.c_str()) == 0 ? 0 : -errno;
    }
};

/// As quick, and fails where told to.
class FaultyIo final : public QuickIo {
public:
    int create(const std::string& path, std::uint64_t preallocate_bytes) override {
        const int error = verdict("create");
        return error != 0 ? error : QuickIo::create(path, preallocate_bytes);
    }
    int write(int fd, std::string_view bytes, std::uint64_t offset) override {
        const int error = verdict("write");
        if (error != 0) {
            SpoolIo::write(fd, bytes.substr(0, bytes.size() / 2), offset);  // torn
            return error;
        }
        return SpoolIo::write(fd, bytes, offset);
    }
    int sync(int fd) override {
        const int error = verdict("sync");
        return error != 0 ? error : QuickIo::sync(fd);
    }
    int replace(const std::string& path, std::string_view bytes) override {
        const int error = verdict("replace");
        return error != 0 ? error : QuickIo::replace(path, bytes);
    }

    /// Asked before each call: 0 or a negative errno.
    std::function<int(std::string_view call, int count)> decide;
    int calls = 0;

private:
    int verdict(std::string_view call) { return decide ? decide(call, calls++) : (++calls, 0); }
};

inline SpoolSettings small_settings(const std::string& directory) {
    SpoolSettings out;
    out.directory = directory + "/spool";
    out.boot = kBoot;
    out.io = std::make_shared<QuickIo>();
    out.bytes_max = 1U << 20U;
    out.segment_bytes = 4000;  // some eleven records
    out.reserve_bytes = 0;
    out.history_bytes = 1U << 20U;
    return out;
}

inline std::unique_ptr<Spool> open_spool(const SpoolSettings& settings) {
    auto opened = Spool::open(settings);
    EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
    auto out = std::move(opened).value();
    EventDictionary names = sample_dictionary();
    names.boot = settings.boot;
    const bool named = out->write_dictionary(names).ok();
    static_cast<void>(named);  // a failing disk is part of some tests
    return out;
}

inline void append_one(Spool& spool, const Event& event) {
    spool.append({&event, 1});
}

/// Appends flow_end events with these sequence numbers, in one call.
inline void append_range(Spool& spool, std::uint64_t first, std::uint64_t last) {
    std::vector<Event> events;
    for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
        events.push_back(sample_flow_end(sequence));
    }
    spool.append(events);
}

struct Read {
    std::vector<std::uint64_t> numbers;
    std::vector<std::uint64_t> sequences;  ///< of worker 3
    std::vector<Event> own;                ///< made by the spool itself
};

inline Read read_all(SpoolReader& reader) {
    Read out;
    Event event;
    std::uint64_t number = 0;
    while (reader.next(event, number)) {
        out.numbers.push_back(number);
        if (event.worker == kSpoolWorker) {
            out.own.push_back(event);
        } else {
            out.sequences.push_back(event.sequence);
        }
    }
    return out;
}

inline Read read_all(Spool& spool) {
    auto reader = std::move(spool.reader("")).value();
    return read_all(*reader);
}

inline std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = first; i <= last; ++i) {
        out.push_back(i);
    }
    return out;
}

/// Sequence numbers that the spool's own events announce as given up.
inline std::uint64_t announced(const std::vector<Event>& own) {
    std::uint64_t out = 0;
    for (const Event& event : own) {
        out += event.loss_count;
    }
    return out;
}

}  // namespace sallyport::exporters
