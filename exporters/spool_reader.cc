// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool_reader.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

namespace sallyport::exporters {
namespace {

/// How often a reader in another process looks at the files: soon enough for a person who watches.
constexpr std::chrono::milliseconds kFollowInterval{50};
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// The segment that holds `number`, or the first one after it; nothing when all are older or none
/// exist.
std::optional<std::uint64_t> segment_for(
    const std::vector<std::uint64_t>& segments, std::uint64_t number
) {
    if (segments.empty()) {
        return std::nullopt;
    }
    const auto after = std::ranges::upper_bound(segments, number);
    return after == segments.begin() ? *after : *std::prev(after);
}

}  // namespace

SpoolReader::SpoolReader(std::shared_ptr<SpoolShared> shared, std::string name, bool same_process)
    : shared_(std::move(shared)),
      name_(std::move(name)),
      same_process_(same_process) {}

SpoolReader::~SpoolReader() {
    const std::lock_guard lock(shared_->mutex);
    shared_->open_names.erase(name_);
}

Result<std::unique_ptr<SpoolReader>> SpoolReader::follow(
    const std::string& directory, const std::string& name
) {
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error)) {
        return Error{"spool directory " + directory + ": not a directory"};
    }
    if (!name.empty() && !is_sink_name(name)) {
        return Error{
            "sink name \"" + name + "\": expected 1 to 64 letters, digits, '-', '_' or '.'"};
    }
    auto shared = std::make_shared<SpoolShared>(directory, std::make_shared<SpoolIo>());
    std::unique_ptr<SpoolReader> out(new SpoolReader(std::move(shared), name, false));
    out->seek_oldest();
    if (!name.empty()) {
        out->cursor_ = read_cursor(directory, name).value_or(out->position_);
        out->ledger_ = out->cursor_;
        out->seek(out->cursor_);
    }
    return out;
}

bool SpoolReader::next(Event& event, std::uint64_t& number) {
    const std::uint64_t limit =
        same_process_ ? shared_->committed.load(std::memory_order_acquire) : kNoLimit;
    if (same_process_) {
        // What was given up has been announced by the writer: step over it.
        const std::uint64_t floor = shared_->floor.load(std::memory_order_acquire);
        if (position_ < floor) {
            missing_ += floor - position_;
            seek(floor);
        }
    }
    while (position_ < limit) {
        if (!file_ && !open_segment()) {
            return false;
        }
        if (read_current(event, number, limit)) {
            return true;
        }
        if (file_->at_end() || !go_on()) {
            return false;
        }
    }
    return false;
}

bool SpoolReader::read_current(Event& event, std::uint64_t& number, std::uint64_t limit) {
    RecordView view;
    do {
        if (!file_->next(view, limit)) {
            return false;
        }
    } while (view.number < position_ || !unpack_event(view.payload, event));
    note_gap(position_, view.number);
    number = view.number;
    position_ = number + 1;
    return true;
}

bool SpoolReader::open_segment() {
    // A segment may be deleted between listing and opening; the next listing shows it.
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto first = segment_for(list_spool(shared_->directory).segments, position_);
        if (!first) {
            return false;
        }
        file_ = SegmentFile::open(shared_->directory, *first);
        if (file_) {
            following_ = 0;
            return true;
        }
    }
    return false;
}

/// At the end of the current segment: moves to the following one. True when it is worth reading
/// again.
bool SpoolReader::go_on() {
    const auto segments = list_spool(shared_->directory).segments;
    const auto next = std::ranges::upper_bound(segments, file_->first_number());
    if (next == segments.end()) {
        if (file_->offset() <= kSegmentHeaderBytes) {
            file_.reset();  // one that stayed empty is deleted, and its name given again
        }
        return false;
    }
    if (following_ != *next) {
        following_ = *next;  // the writer has gone on; before that it may have added to this one
        return true;
    }
    auto file = SegmentFile::open(shared_->directory, *next);
    if (!file) {
        following_ = 0;
        return true;
    }
    file_ = std::move(file);
    following_ = 0;
    return true;
}

void SpoolReader::note_gap(std::uint64_t first, std::uint64_t end) {
    if (first >= end) {
        return;
    }
    missing_ += end - first;
    if (same_process_ && first >= shared_->floor.load(std::memory_order_acquire)) {
        const std::lock_guard lock(shared_->mutex);
        shared_->gaps_new.emplace(first, end - first);
    }
}

void SpoolReader::wait(std::chrono::milliseconds timeout) {
    const auto bound = same_process_ ? timeout : std::min(timeout, kFollowInterval);
    std::unique_lock lock(shared_->mutex);
    shared_->wake.wait_for(lock, bound, [&] { return shared_->wakes != wakes_seen_; });
    wakes_seen_ = shared_->wakes;
}

void SpoolReader::wake() {
    {
        const std::lock_guard lock(shared_->mutex);
        ++shared_->wakes;
    }
    shared_->wake.notify_all();
}

void SpoolReader::seek(std::uint64_t number) {
    position_ = number;
    file_.reset();
}

void SpoolReader::seek_oldest() {
    const auto segments = list_spool(shared_->directory).segments;
    seek(segments.empty() ? shared_->committed.load() : segments.front());
}

void SpoolReader::seek_newest() {
    if (same_process_) {
        seek(shared_->committed.load());
        return;
    }
    const auto segments = list_spool(shared_->directory).segments;
    if (segments.empty()) {
        return;
    }
    seek(segments.back());
    Event event;
    std::uint64_t number = 0;
    while (next(event, number)) {
    }
}

void SpoolReader::seek_time(std::uint64_t time_ns) {
    seek_oldest();
    const auto segments = list_spool(shared_->directory).segments;
    for (const std::uint64_t first : segments) {
        const auto file = SegmentFile::open(shared_->directory, first);
        RecordView view;
        Event event;
        if (!file || !file->next(view) || !unpack_event(view.payload, event)) {
            continue;
        }
        if (event.time_ns > time_ns) {
            break;
        }
        seek(first);
    }
}

std::optional<Event> SpoolReader::fetch(std::uint64_t number) const {
    const auto first = segment_for(list_spool(shared_->directory).segments, number);
    const auto file = first ? SegmentFile::open(shared_->directory, *first) : nullptr;
    RecordView view;
    Event event;
    while (file && file->next(view) && view.number <= number) {
        if (view.number == number && unpack_event(view.payload, event)) {
            return event;
        }
    }
    return std::nullopt;
}

Status SpoolReader::move_cursor(std::uint64_t number) {
    if (name_.empty() || (number == cursor_ && cursor_is_durable())) {
        return Done{};
    }
    cursor_ = number;
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->cursors[name_] = number;
    }
    Status written = write_cursor(*shared_->io, shared_->directory, name_, number);
    ledger_ = written ? number : ledger_;
    return written;
}

SpoolReaderStats SpoolReader::stats() const noexcept {
    SpoolReaderStats out;
    out.position = position_;
    const std::uint64_t committed = shared_->committed.load(std::memory_order_acquire);
    out.behind = same_process_ && committed > position_ ? committed - position_ : 0;
    out.records_missing = missing_;
    return out;
}

std::shared_ptr<const EventDictionary> SpoolReader::dictionary_for(const Event& event) {
    if (!dictionary_ || last_boot_ != event.boot || last_generation_ != event.generation) {
        dictionary_ = shared_->dictionaries.find(event.boot, event.generation);
        last_boot_ = event.boot;
        last_generation_ = event.generation;
    }
    return dictionary_;
}

}  // namespace sallyport::exporters
