// SPDX-License-Identifier: Apache-2.0
// The way of an event into the spool. What leaves it, and recovery, are in spool_retention.cc.
#include "exporters/spool.h"

#include "gateway/model/keyed_hash.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sallyport::exporters {
namespace {

/// One write of at most this many bytes, so that a failing write loses little.
constexpr std::size_t kChunkBytes = 1U << 20U;
/// Room is made for at most this many events at a time.
constexpr std::size_t kAppendEventsMax = 1024;
/// A disk that refused is asked again after this long.
constexpr std::uint64_t kRetryNs = 100'000'000;
/// Losses that go on are announced this often.
constexpr std::uint64_t kAnnounceNs = 1'000'000'000;
constexpr std::uint64_t kHousekeepingNs = 200'000'000;

/// Threat, audit and what the spool itself has to say: written from the reserve, committed at once.
bool is_urgent(const Event& event) {
    const EventClass event_class = class_of(event.kind);
    return event_class == EventClass::threat || event_class == EventClass::audit ||
           event.worker == kSpoolWorker;
}

bool is_no_room(int error) {
    return error == -ENOSPC || error == -EDQUOT;
}

}  // namespace

Spool::Spool(SpoolSettings settings)
    : settings_(std::move(settings)),
      io_(settings_.io ? settings_.io : std::make_shared<SpoolIo>()),
      clock_(settings_.clock ? settings_.clock : std::make_shared<SystemClock>()),
      shared_(std::make_shared<SpoolShared>(settings_.directory, io_)) {
    // Eight segments at least: giving up the oldest then costs an eighth of what is kept.
    settings_.segment_bytes = std::clamp(
        settings_.segment_bytes,
        std::uint64_t{kSegmentHeaderBytes + kRecordBytesMax},
        std::max<std::uint64_t>(settings_.bytes_max / 8, kSegmentHeaderBytes + kRecordBytesMax)
    );
    settings_.reserve_bytes = std::min(settings_.reserve_bytes, settings_.bytes_max / 8);
    buffer_.reserve(kChunkBytes + kRecordBytesMax);
}

Result<std::unique_ptr<Spool>> Spool::open(SpoolSettings settings) {
    std::unique_ptr<Spool> spool(new Spool(std::move(settings)));
    for (const std::string& name : spool->settings_.sinks) {
        if (!is_sink_name(name)) {
            return Error{
                "sink name \"" + name + "\": expected 1 to 64 letters, digits, '-', '_' or '.'"};
        }
    }
    if (Status taken = spool->take_directory(); !taken) {
        return taken.error();
    }
    spool->recover();
    spool->hold_reserve();
    spool->update_stats();
    return spool;
}

Spool::~Spool() {
    close();
}

Status Spool::write_dictionary(const EventDictionary& dictionary) {
    Status done = shared_->dictionaries.write(*io_, dictionary);
    if (dictionary.boot == settings_.boot) {
        // Also when writing failed: the names are in memory.
        generation_.store(dictionary.generation, std::memory_order_relaxed);
        named_.store(true, std::memory_order_release);
    }
    return done;
}

void Spool::retire_generations_below(std::uint32_t generation) {
    retired_below_.store(generation, std::memory_order_relaxed);
}

Result<std::unique_ptr<SpoolReader>> Spool::reader(const std::string& name) {
    if (name.empty()) {
        auto out = std::unique_ptr<SpoolReader>(new SpoolReader(shared_, name, true));
        out->seek_oldest();
        return out;
    }
    if (!is_sink_name(name)) {
        return Error{
            "sink name \"" + name + "\": expected 1 to 64 letters, digits, '-', '_' or '.'"};
    }
    const auto ledger = read_cursor(settings_.directory, name);
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->open_names.insert(name).second) {
        return Error{"sink name \"" + name + "\" is used twice"};
    }
    auto out = std::unique_ptr<SpoolReader>(new SpoolReader(shared_, name, true));
    const std::uint64_t cursor = ledger.value_or(shared_->floor.load());
    out->cursor_ = cursor;
    out->ledger_ = cursor;
    out->seek(cursor);
    shared_->cursors[name] = cursor;
    return out;
}

SpoolStats Spool::stats() const {
    const std::lock_guard lock(stats_mutex_);
    return stats_;
}

void Spool::append(std::span<const Event> events) {
    do {
        const auto some = events.first(std::min(events.size(), kAppendEventsMax));
        append_some(some);
        events = events.subspan(some.size());
    } while (!events.empty());
}

void Spool::append_some(std::span<const Event> events) {
    const std::uint64_t now_ns = clock_->monotonic_ns();
    if (now_ns >= housekeeping_at_ns_) {
        housekeeping_at_ns_ = now_ns + kHousekeepingNs;
        housekeeping();
    }
    admitted_.clear();
    own_events_.clear();
    if (now_ns >= announce_at_ns_ && now_ns >= retry_at_ns_ && reserve_held_) {
        announce_losses(false);
    }
    admit(events);
    write_admitted();
    const bool urgent =
        std::ranges::any_of(admitted_, [](const Event* event) { return is_urgent(*event); });
    const auto interval_ns =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(settings_.commit_interval).count());
    const bool due =
        uncommitted_bytes_ >= settings_.commit_bytes ||
        (uncommitted_bytes_ > 0 && clock_->monotonic_ns() >= uncommitted_since_ns_ + interval_ns);
    if (urgent || due) {
        commit();
    }
    update_stats();
}

void Spool::announce_losses(bool at_once) {
    if (!named_.load(std::memory_order_acquire)) {
        return;  // without a dictionary the announcement would have no gateway's name
    }
    for (std::size_t cause = 0; cause < losses_.size(); ++cause) {
        if (losses_[cause].empty()) {
            continue;
        }
        auto events = losses_[cause].take_events(static_cast<LossCause>(cause), behind_);
        own_events_.insert(own_events_.end(), events.begin(), events.end());
    }
    behind_.clear();
    for (Event& event : own_events_) {
        event.sequence = ++own_sequence_;
        event.boot = settings_.boot;
        event.generation = generation_.load(std::memory_order_relaxed);
        event.time_ns = clock_->wall_ns();
        admitted_.push_back(&event);
    }
    if (!own_events_.empty() && !at_once) {
        announce_at_ns_ = clock_->monotonic_ns() + kAnnounceNs;
    }
}

void Spool::admit(std::span<const Event> events) {
    std::uint64_t pending_bytes = 0;
    for (const Event& event : events) {
        pending_bytes += record_bytes(event);
    }
    make_quota_room(pending_bytes);
    const bool disk_refuses = !reserve_held_ || clock_->monotonic_ns() < retry_at_ns_;
    pending_bytes = 0;
    for (const Event& event : events) {
        if (disk_refuses && !is_urgent(event)) {
            lose(event, failure_);
        } else if (!fits(event, pending_bytes)) {
            lose(event, LossCause::spool_full);
        } else {
            admitted_.push_back(&event);
            pending_bytes += record_bytes(event);
        }
    }
}

bool Spool::fits(const Event& event, std::uint64_t pending_bytes) const {
    if (settings_.full_policy == FullPolicy::drop_oldest) {
        return true;
    }
    const std::uint64_t kept = is_urgent(event) ? 0 : settings_.reserve_bytes;
    return bytes_total_ + pending_bytes + record_bytes(event) + kSegmentHeaderBytes + kept <=
           settings_.bytes_max;
}

void Spool::write_admitted() {
    std::span<const Event* const> left = admitted_;
    std::vector<const Event*> urgent;
    bool new_segment_tried = false;
    while (!left.empty()) {
        int error = 0;
        left = left.subspan(write_chunk(left, error));
        if (error == 0) {
            continue;
        }
        ++work_.write_errors;
        if (is_no_room(error) ? make_room() : !std::exchange(new_segment_tried, true)) {
            continue;
        }
        fail(error);
        for (const Event* event : left) {
            if (is_urgent(*event)) {
                urgent.push_back(event);
            } else {
                lose(*event, failure_);
            }
        }
        if (!reserve_held_ || urgent.empty() || !is_no_room(error)) {
            for (const Event* event : urgent) {
                lose(*event, failure_);
            }
            return;
        }
        release_reserve();
        left = urgent;
    }
}

std::size_t Spool::write_chunk(std::span<const Event* const> events, int& error) {
    if (!fd_.valid()) {
        error = begin_segment();
        if (error != 0) {
            return 0;
        }
    }
    Segment& segment = segments_.back();
    buffer_.clear();
    std::size_t count = 0;
    for (; count < events.size() && buffer_.size() < kChunkBytes; ++count) {
        const std::uint64_t bytes = segment.bytes + buffer_.size();
        if (bytes + record_bytes(*events[count]) > settings_.segment_bytes) {
            break;
        }
        append_record(*events[count], next_number_ + count, seed_, buffer_);
    }
    if (count == 0) {
        end_segment();
        return 0;
    }
    error = io_->write(fd_.get(), buffer_, segment.bytes);
    if (error != 0) {
        // Half a record in the middle would be skipped by readers, but at a price: cut it off.
        if (ftruncate(fd_.get(), static_cast<off_t>(segment.bytes)) != 0 || !is_no_room(error)) {
            end_segment();
        }
        return 0;
    }
    if (uncommitted_bytes_ == 0) {
        uncommitted_since_ns_ = clock_->monotonic_ns();
    }
    segment.bytes += buffer_.size();
    bytes_total_ += buffer_.size();
    uncommitted_bytes_ += buffer_.size();
    next_number_ += count;
    work_.records_appended += count;
    for (const Event* event : events.first(count)) {
        ++work_.appended_by_class[static_cast<std::size_t>(class_of(event->kind))];
        segment.index->add(*event);
    }
    if (work_.degraded && reserve_held_) {
        work_.degraded = false;
        work_.state = "ok";
    }
    return count;
}

int Spool::begin_segment() {
    const std::string path = segment_path(settings_.directory, next_number_);
    const std::uint64_t wanted = reserve_held_ ? settings_.segment_bytes : 0;
    int fd = io_->create(path, wanted);
    if (is_no_room(fd) && wanted > 0) {
        fd = io_->create(path, 0);  // what room there is, is still room
    }
    if (fd < 0) {
        return fd;
    }
    FileDescriptor owned(fd);
    const SegmentHeader header{next_number_, random_hash_key().k0};
    std::string bytes;
    append_segment_header(header, bytes);
    if (const int error = io_->write(fd, bytes, 0); error != 0) {
        unlink(path.c_str());
        return error;
    }
    fd_ = std::move(owned);
    seed_ = crc_seed(header.salt);
    segments_.push_back({next_number_, bytes.size(), SegmentIndex{}});
    bytes_total_ += bytes.size();
    return 0;
}

void Spool::end_segment() {
    if (!fd_.valid()) {
        return;
    }
    commit();
    if (!fd_.valid()) {
        return;  // the commit failed and has ended the segment
    }
    if (segments_.back().first_number == next_number_) {
        // Nothing got into it. The next segment takes its name, so it must not be listed twice:
        // the file of the living would be deleted with the dead one.
        fd_ = FileDescriptor();
        unlink(segment_path(settings_.directory, next_number_).c_str());
        bytes_total_ -= segments_.back().bytes;
        segments_.pop_back();
        return;
    }
    Segment& segment = segments_.back();
    // Gives back what was preallocated; a failure only costs room.
    [[maybe_unused]] const int cut = ftruncate(fd_.get(), static_cast<off_t>(segment.bytes));
    fd_ = FileDescriptor();
    std::string bytes;
    segment.index->write(bytes);
    // Without it the segment is read again when it goes.
    io_->replace(index_path(settings_.directory, segment.first_number), bytes);
}

void Spool::commit() {
    if (uncommitted_bytes_ > 0 && fd_.valid()) {
        ++work_.commits;
        if (const int error = io_->sync(fd_.get()); error != 0) {
            // The kernel may have forgotten the pages and say yes next time: go on in a new file.
            // The records are still readable, so nothing is given up yet.
            ++work_.commit_errors;
            work_.degraded = true;
            work_.state = "cannot sync the spool: " + std::system_category().message(-error);
            // Gives back what was preallocated, as the end of any segment does.
            [[maybe_unused]] const int cut =
                ftruncate(fd_.get(), static_cast<off_t>(segments_.back().bytes));
            fd_ = FileDescriptor();
        }
    }
    uncommitted_bytes_ = 0;
    if (shared_->committed.load(std::memory_order_relaxed) != next_number_) {
        publish();
    }
    update_stats();
}

void Spool::publish() {
    shared_->committed.store(next_number_, std::memory_order_release);
    {
        const std::lock_guard lock(shared_->mutex);
        ++shared_->wakes;
    }
    shared_->wake.notify_all();
}

void Spool::fail(int error) {
    failure_ = is_no_room(error) ? LossCause::disk_full : LossCause::disk_error;
    retry_at_ns_ = clock_->monotonic_ns() + kRetryNs;
    work_.degraded = true;
    work_.state = describe("cannot write the spool in", settings_.directory, -error);
}

void Spool::lose(const Event& event, LossCause cause) {
    losses_[static_cast<std::size_t>(cause)].add(event);
    announce_again(event);
    ++work_.lost_by_cause[static_cast<std::size_t>(cause)];
    ++work_.lost_by_class[static_cast<std::size_t>(class_of(event.kind))];
}

/// An announcement that is given up must not take what it announced with it.
void Spool::announce_again(const Event& event) {
    if (event.kind != EventKind::spool_truncated && event.kind != EventKind::events_shed) {
        return;
    }
    const Losses losses = losses_of(event);
    LossLedger& ledger = losses_[static_cast<std::size_t>(losses.cause)];
    std::uint64_t known = 0;
    for (const LossRange& range : losses.ranges) {
        ledger.add(range);
        known += range.count;
    }
    ledger.add_unknown(event.loss_count > known ? event.loss_count - known : 0);
}

void Spool::close() {
    if (std::exchange(closed_, true) || !lock_.valid()) {
        return;
    }
    admitted_.clear();
    own_events_.clear();
    take_gaps();
    shared_->dictionaries.write_again(*io_);
    announce_losses(true);
    write_admitted();
    end_segment();
    publish();
    update_stats();
}

void Spool::update_stats() {
    work_.bytes = bytes_total_;
    work_.segments = segments_.size();
    work_.next_number = next_number_;
    work_.oldest_number = shared_->floor.load(std::memory_order_relaxed);
    const std::string unwritten = shared_->dictionaries.unwritten();
    const std::lock_guard lock(stats_mutex_);
    stats_ = work_;
    if (!stats_.degraded && clock_->monotonic_ns() < gives_up_until_ns_) {
        stats_.degraded = true;
        stats_.state = gives_up_;
    }
    if (!unwritten.empty()) {
        stats_.state = stats_.degraded ? stats_.state : unwritten;
        stats_.degraded = true;
    }
}

}  // namespace sallyport::exporters
