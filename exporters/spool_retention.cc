// SPDX-License-Identifier: Apache-2.0
// Recovery of a spool's directory, and what is deleted when.
#include "exporters/segment_file.h"
#include "exporters/spool.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sallyport::exporters {
namespace {

constexpr mode_t kDirectoryMode = 0750;
/// Names that a full disk did not take are written again this often.
constexpr std::uint64_t kNamesRetryNs = 1'000'000'000;
/// Dictionaries may take this part of the spool's size: a gateway that is reloaded every minute
/// while little happens would keep a month of them for a handful of events.
constexpr std::uint64_t kNamesShare = 8;
/// Giving up old events makes room, so the next write is fine: the state is shown a while longer.
constexpr std::uint64_t kGivesUpNs = 10'000'000'000;
constexpr std::uint64_t kNobody = std::numeric_limits<std::uint64_t>::max();

void remove_temporary_files(const std::string& directory) {
    std::error_code error;
    std::vector<std::filesystem::path> found;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        if (at->path().extension() == ".tmp") {
            found.push_back(at->path());
        }
    }
    for (const auto& path : found) {
        std::filesystem::remove(path, error);
    }
}

}  // namespace

Status Spool::take_directory() {
    const std::string& directory = settings_.directory;
    if (mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
        return Error{describe("cannot create the spool's directory", directory, errno)};
    }
    const std::string path = directory + "/lock";
    FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!lock.valid()) {
        return Error{describe("cannot open", path, errno)};
    }
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{
            errno == EWOULDBLOCK ? "spool directory " + directory + " is in use by another process"
                                 : describe("cannot lock", path, errno)};
    }
    lock_ = std::move(lock);
    return Done{};
}

void Spool::recover() {
    const std::string& directory = settings_.directory;
    remove_temporary_files(directory);
    const SpoolListing listing = list_spool(directory);
    for (const std::uint64_t first : listing.segments) {
        if (first == listing.segments.back()) {
            next_number_ = std::max(next_number_, recover_tail(first));
        }
        const std::string path = segment_path(directory, first);
        const std::uint64_t bytes = file_bytes(path);
        if (first == listing.segments.back() && bytes <= kSegmentHeaderBytes) {
            unlink(path.c_str());  // begun, but nothing reached the disk
            next_number_ = std::max(next_number_, first);
            break;
        }
        segments_.push_back({first, bytes, std::nullopt});
        bytes_total_ += bytes;
    }
    for (const std::string& sink : listing.cursors) {
        // A number that someone has already delivered under is never given again.
        next_number_ = std::max(next_number_, read_cursor(directory, sink).value_or(0));
    }
    shared_->floor = segments_.empty() ? next_number_ : segments_.front().first_number;
    shared_->committed = next_number_;
    const std::lock_guard lock(shared_->mutex);
    for (const std::string& sink : settings_.sinks) {
        shared_->cursors[sink] = read_cursor(directory, sink).value_or(shared_->floor.load());
    }
}

std::uint64_t Spool::recover_tail(std::uint64_t first_number) {
    const auto file = SegmentFile::open(settings_.directory, first_number);
    if (!file) {
        return first_number;
    }
    RecordView view;
    std::uint64_t next = first_number;
    while (file->next(view)) {
        next = view.number + 1;
    }
    const std::uint64_t bytes = file->file_bytes();
    if (!file->usable()) {
        // Its header is damaged, so its records cannot be told from noise: step over all it could
        // hold.
        if (bytes <= kSegmentHeaderBytes) {
            work_.recovered_cut_bytes += bytes;
            return first_number;
        }
        work_.recovered_skipped_bytes += bytes;
        return first_number + bytes / kRecordBytesMin + 1;
    }
    work_.recovered_skipped_bytes += file->skipped_bytes();
    work_.recovered_cut_bytes += bytes - file->offset();
    // Also when nothing is torn: gives back the blocks that were preallocated.
    const std::string path = segment_path(settings_.directory, first_number);
    if (truncate(path.c_str(), static_cast<off_t>(file->offset())) != 0) {
        work_.degraded = true;
        work_.state = describe("cannot truncate", path, errno);
    }
    return next;
}

void Spool::housekeeping() {
    learn_cursors();
    take_gaps();
    drop_history(settings_.history_bytes);
    if (!reserve_held_) {
        hold_reserve();
    }
    if (!reserve_held_) {
        // A full disk is no place for history; what is delivered and still open is history too.
        end_segment();
        drop_history(0);
        hold_reserve();
    }
    while (!reserve_held_ && holds_a_reserve() && make_room()) {
        hold_reserve();
    }
    const std::uint64_t now_ns = clock_->monotonic_ns();
    if (names_retry_at_ns_ <= now_ns) {
        names_retry_at_ns_ = now_ns + kNamesRetryNs;
        shared_->dictionaries.write_again(*io_);
    }
    const std::uint32_t retired = retired_below_.load(std::memory_order_relaxed);
    if (std::exchange(segments_removed_, false) ||
        std::exchange(collected_below_, retired) != retired) {
        collect_dictionaries();
    }
}

/// With drop_oldest what comes is worth more than what is old, so room for the reserve is made too:
/// without it only threat and audit are written. Where everything we hold would not be enough, the
/// disk is full of something else, and giving up our events would help nobody.
bool Spool::holds_a_reserve() const {
    return settings_.full_policy == FullPolicy::drop_oldest &&
           bytes_total_ >= settings_.reserve_bytes;
}

void Spool::learn_cursors() {
    // Sinks of another process move their ledgers only.
    std::vector<std::string> absent;
    {
        const std::lock_guard lock(shared_->mutex);
        for (const std::string& sink : settings_.sinks) {
            if (!shared_->open_names.contains(sink)) {
                absent.push_back(sink);
            }
        }
    }
    for (const std::string& sink : absent) {
        if (const auto cursor = read_cursor(settings_.directory, sink)) {
            const std::lock_guard lock(shared_->mutex);
            if (!shared_->open_names.contains(sink)) {
                shared_->cursors[sink] = *cursor;
            }
        }
    }
}

void Spool::take_gaps() {
    const std::lock_guard lock(shared_->mutex);
    for (const auto& [first, count] : shared_->gaps_new) {
        if (shared_->gaps_told.insert(first).second) {
            const auto cause = static_cast<std::size_t>(LossCause::damaged);
            losses_[cause].add_unknown(count);
            work_.lost_by_cause[cause] += count;
        }
    }
    shared_->gaps_new.clear();
}

/// The lowest cursor of all sinks; names those below `below` in `behind`.
std::uint64_t Spool::lowest_cursor(std::string& behind, std::uint64_t below) const {
    std::uint64_t out = kNobody;
    const std::lock_guard lock(shared_->mutex);
    for (const auto& [name, cursor] : shared_->cursors) {
        out = std::min(out, cursor);
        if (cursor < below) {
            behind += (behind.empty() ? "" : ", ") + name;
        }
    }
    return out;
}

/// Number just past the last record of a segment.
std::uint64_t Spool::end_of(std::size_t segment) const {
    return segment + 1 < segments_.size() ? segments_[segment + 1].first_number : next_number_;
}

/// How many of the oldest segments, the open one aside, every sink has passed.
std::size_t Spool::delivered_segments() const {
    std::string behind;
    const std::uint64_t cursor = lowest_cursor(behind, 0);
    const std::size_t closed = segments_.size() - (fd_.valid() ? 1 : 0);
    std::size_t count = 0;
    while (count < closed && end_of(count) <= cursor) {
        ++count;
    }
    return count;
}

void Spool::make_quota_room(std::uint64_t bytes) {
    // The next segment's header and the sidecar files are small change, but they are counted.
    const std::uint64_t wanted = bytes_total_ + bytes + kSegmentHeaderBytes;
    if (wanted + settings_.reserve_bytes > settings_.bytes_max) {
        const std::uint64_t over = wanted + settings_.reserve_bytes - settings_.bytes_max;
        std::uint64_t delivered = 0;
        const std::size_t count = delivered_segments();
        for (std::size_t i = 0; i < count; ++i) {
            delivered += segments_[i].bytes;
        }
        drop_history(delivered > over ? delivered - over : 0);
    }
    if (settings_.full_policy == FullPolicy::drop_oldest) {
        const std::size_t open_segments = fd_.valid() ? 1 : 0;
        while (bytes_total_ + bytes + kSegmentHeaderBytes > settings_.bytes_max &&
               segments_.size() > open_segments) {
            drop_oldest_segment(LossCause::spool_full);
        }
    }
}

void Spool::drop_history(std::uint64_t keep_bytes) {
    std::size_t count = delivered_segments();
    std::uint64_t delivered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        delivered += segments_[i].bytes;
    }
    for (; count > 0 && delivered > keep_bytes; --count) {
        delivered -= segments_.front().bytes;
        remove_oldest_segment();
    }
}

/// Gives up one segment because the disk is full; false when there is none to give up.
bool Spool::make_room() {
    if (delivered_segments() > 0) {
        remove_oldest_segment();
        return true;
    }
    const bool closed_left = segments_.size() > (fd_.valid() ? 1U : 0U);
    if (settings_.full_policy == FullPolicy::drop_oldest && closed_left) {
        drop_oldest_segment(LossCause::disk_full);
        return true;
    }
    return false;
}

void Spool::drop_oldest_segment(LossCause cause) {
    Segment& oldest = segments_.front();
    std::string behind;
    const std::uint64_t cursor = lowest_cursor(behind, end_of(0));
    if (cursor < end_of(0)) {
        const SegmentIndex lost =
            cursor <= oldest.first_number
                ? index_of(oldest)
                : SegmentIndex::scan(settings_.directory, oldest.first_number, cursor);
        for (const auto& [key, range] : lost.sequences) {
            losses_[static_cast<std::size_t>(cause)].add(range);
            work_.lost_by_cause[static_cast<std::size_t>(cause)] += range.count;
        }
        for (std::size_t i = 0; i < kEventClassCount; ++i) {
            work_.lost_by_class[i] += lost.by_class[i];
        }
        if (lost.by_class[static_cast<std::size_t>(EventClass::health)] > 0) {
            save_announcements(oldest, cursor);
        }
        behind_ = behind + " had not sent them";
        gives_up_until_ns_ = clock_->monotonic_ns() + kGivesUpNs;
        gives_up_ = std::string("gives up the oldest events in ") + settings_.directory + ": " +
                    (cause == LossCause::disk_full ? std::system_category().message(ENOSPC)
                                                   : "the spool has reached its size");
    }
    remove_oldest_segment();
}

void Spool::save_announcements(const Segment& segment, std::uint64_t from) {
    const auto file = SegmentFile::open(settings_.directory, segment.first_number);
    RecordView view;
    Event event;
    while (file && file->next(view)) {
        if (view.event_class == EventClass::health && view.number >= from &&
            unpack_event(view.payload, event)) {
            announce_again(event);
        }
    }
}

void Spool::remove_oldest_segment() {
    const Segment& oldest = segments_.front();
    // Readers leave first, so that none reports as damaged what is being given up.
    shared_->floor = end_of(0);
    unlink(segment_path(settings_.directory, oldest.first_number).c_str());
    unlink(index_path(settings_.directory, oldest.first_number).c_str());
    bytes_total_ -= oldest.bytes;
    segments_.pop_front();
    segments_removed_ = true;
}

const SegmentIndex& Spool::index_of(Segment& segment) {
    if (!segment.index) {
        segment.index = SegmentIndex::load(settings_.directory, segment.first_number);
    }
    if (!segment.index) {
        segment.index = SegmentIndex::scan(settings_.directory, segment.first_number);
    }
    return *segment.index;
}

void Spool::collect_dictionaries() {
    std::set<std::pair<std::uint64_t, std::uint32_t>> needed;
    for (Segment& segment : segments_) {
        const SegmentIndex& index = index_of(segment);
        needed.insert(index.dictionaries.begin(), index.dictionaries.end());
    }
    shared_->dictionaries.collect(
        needed,
        settings_.boot,
        retired_below_.load(std::memory_order_relaxed),
        settings_.bytes_max / kNamesShare
    );
}

void Spool::hold_reserve() {
    if (settings_.reserve_bytes == 0) {
        reserve_held_ = true;
        return;
    }
    const int fd = io_->create(settings_.directory + "/reserve", settings_.reserve_bytes);
    if (fd >= 0) {
        ::close(fd);
        reserve_held_ = true;
        retry_at_ns_ = 0;
        return;
    }
    failure_ = fd == -ENOSPC || fd == -EDQUOT ? LossCause::disk_full : LossCause::disk_error;
    work_.degraded = true;
    work_.state = describe("cannot keep a reserve in", settings_.directory, -fd);
}

void Spool::release_reserve() {
    unlink((settings_.directory + "/reserve").c_str());
    reserve_held_ = false;
}

}  // namespace sallyport::exporters
