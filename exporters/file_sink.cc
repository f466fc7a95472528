// SPDX-License-Identifier: Apache-2.0
#include "exporters/file_sink.h"

#include "exporters/spool_files.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sallyport::exporters {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
/// Events may hold names of workloads: not for everybody.
constexpr mode_t kFileMode = 0640;
/// A failing file is tried again after this long.
constexpr std::chrono::milliseconds kRetry{100};
/// The most a write waits for the reader of a pipe.
constexpr std::chrono::milliseconds kPipeWait{50};

class FileSink final : public Sink {
public:
    explicit FileSink(FileSinkSettings settings) : settings_(std::move(settings)) {
        buffer_.reserve(settings_.buffer_bytes);
    }
    Status open();

    Offer offer(const OutgoingEvent& event) override;
    SinkProgress flush() override;
    SinkProgress stop(std::chrono::milliseconds timeout) override;
    [[nodiscard]] SinkStats stats() const override;

private:
    [[nodiscard]] bool standard_output() const { return settings_.path == "-"; }
    void follow_rotation(SteadyTime now);
    bool write_buffer();
    bool sync(bool at_once);
    void set_state(SinkState state, std::string text);
    [[nodiscard]] SinkProgress progress() const;

    const FileSinkSettings settings_;
    FileDescriptor fd_;
    bool regular_ = true;      ///< a file; else a write may block for as long as its reader likes
    std::string buffer_;       ///< lines not yet given to the kernel
    std::size_t written_ = 0;  ///< of buffer_
    std::uint64_t buffered_ = 0;
    std::uint64_t unsynced_ = 0;
    std::uint64_t oldest_pending_ = kNothingPending;
    // By the next deadline, not the last time: the steady clock may be younger than an interval.
    SteadyTime sync_at_{};
    SteadyTime look_at_{};
    mutable std::mutex mutex_;
    SinkStats stats_;  ///< guarded by mutex_
};

Status FileSink::open() {
    if (standard_output()) {
        fd_ = FileDescriptor(dup(STDOUT_FILENO));
        struct stat info {};
        regular_ = fstat(fd_.get(), &info) == 0 && S_ISREG(info.st_mode);
        return fd_.valid() ? Status(Done{})
                           : Status(Error{describe("cannot use", "standard output", errno)});
    }
    const std::string& path = settings_.path;
    FileDescriptor fd(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, kFileMode)
    );
    struct stat info {};
    if (!fd.valid() || fstat(fd.get(), &info) != 0) {
        return Error{describe("cannot open", path, errno)};
    }
    // A crash may have left half a line: the documents behind it must not join it.
    char last = '\n';
    if (S_ISREG(info.st_mode) && info.st_size > 0 &&
        pread(fd.get(), &last, 1, info.st_size - 1) == 1 && last != '\n' && written_ == 0) {
        [[maybe_unused]] const ssize_t wrote = write(fd.get(), "\n", 1);
    }
    fd_ = std::move(fd);
    regular_ = S_ISREG(info.st_mode);
    return Done{};
}

Offer FileSink::offer(const OutgoingEvent& event) {
    if (buffer_.size() + event.document.size() + 1 > settings_.buffer_bytes && !buffer_.empty()) {
        return Offer::busy;
    }
    buffer_.append(event.document).append("\n");
    ++buffered_;
    oldest_pending_ = std::min(oldest_pending_, event.number);
    return Offer::taken;
}

SinkProgress FileSink::flush() {
    const SteadyTime now = std::chrono::steady_clock::now();
    follow_rotation(now);
    if (write_buffer() && sync(false)) {
        set_state(SinkState::ok, "ok");
    }
    return progress();
}

void FileSink::follow_rotation(SteadyTime now) {
    if (standard_output() || now < look_at_ || written_ != 0) {
        return;
    }
    look_at_ = now + settings_.reopen_interval;
    struct stat ours {};
    struct stat named {};
    const bool same = fd_.valid() && fstat(fd_.get(), &ours) == 0 &&
                      stat(settings_.path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
                      ours.st_dev == named.st_dev;
    if (same) {
        return;
    }
    if (fd_.valid()) {
        sync(true);
    }
    // Nothing goes to the file that was renamed or deleted: its lines might be nobody's any more.
    fd_ = FileDescriptor();
    if (const Status opened = open(); !opened) {
        set_state(SinkState::degraded, opened.error().message);
    }
}

bool FileSink::write_buffer() {
    if (!fd_.valid()) {
        return false;
    }
    while (written_ < buffer_.size()) {
        std::size_t size = buffer_.size() - written_;
        if (!regular_) {
            // A pipe that has room for one takes so many bytes without blocking (pipe(7)).
            size = std::min<std::size_t>(size, PIPE_BUF);
            pollfd ready{fd_.get(), POLLOUT, 0};
            if (poll(&ready, 1, static_cast<int>(kPipeWait.count())) <= 0) {
                set_state(
                    SinkState::degraded,
                    "cannot write " + settings_.path + ": whoever reads it does not"
                );
                return false;
            }
        }
        const ssize_t wrote = write(fd_.get(), buffer_.data() + written_, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            const bool gone = errno == EPIPE;
            set_state(
                gone ? SinkState::down : SinkState::degraded,
                describe("cannot write", settings_.path, errno)
            );
            return false;
        }
        written_ += static_cast<std::size_t>(wrote);
    }
    buffer_.clear();
    written_ = 0;
    unsynced_ += std::exchange(buffered_, 0);
    return true;
}

bool FileSink::sync(bool at_once) {
    if (unsynced_ == 0) {
        return true;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    const bool wanted = settings_.sync != SyncPolicy::never && !standard_output();
    const bool due = at_once || settings_.sync == SyncPolicy::always || now >= sync_at_;
    if (wanted && !due) {
        return true;
    }
    if (wanted) {
        sync_at_ = now + settings_.sync_interval;
        // EINVAL: a pipe or a terminal, where there is nothing to sync.
        if (fdatasync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) {
            set_state(SinkState::degraded, describe("cannot sync", settings_.path, errno));
            return false;
        }
    }
    const std::lock_guard lock(mutex_);
    stats_.delivered += std::exchange(unsynced_, 0);
    if (buffered_ == 0) {
        oldest_pending_ = kNothingPending;
    }
    return true;
}

SinkProgress FileSink::progress() const {
    SinkProgress out;
    out.oldest_pending = oldest_pending_;
    return out;
}

SinkProgress FileSink::stop(std::chrono::milliseconds timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    while (!write_buffer() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::min(timeout, kRetry));
    }
    sync(true);
    return progress();
}

void FileSink::set_state(SinkState state, std::string text) {
    const std::lock_guard lock(mutex_);
    stats_.state = state;
    stats_.text = std::move(text);
}

SinkStats FileSink::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

}  // namespace

Result<std::unique_ptr<Sink>> make_file_sink(const FileSinkSettings& settings) {
    auto sink = std::make_unique<FileSink>(settings);
    if (const Status opened = sink->open(); !opened) {
        return opened.error();
    }
    return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace sallyport::exporters
