// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/spool_events.h"

#include "exporters/ecs_encoder.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

namespace sallyport::control {
namespace {

using exporters::SpoolReader;

/// Records looked at first for `last`.
constexpr std::uint64_t kWindowFirst = 4096;
/// Records looked at between two looks at the clock.
constexpr std::size_t kRecordsAtOnce = 256;

class SpoolEvents final : public EventStream {
public:
    SpoolEvents(std::unique_ptr<SpoolReader> reader, EventQuery query)
        : reader_(std::move(reader)),
          query_(std::move(query)) {
        reader_->seek_oldest();
        oldest_ = reader_->position();
        if (query_.since != 0) {
            reader_->seek_time(query_.since);
            oldest_ = std::max(oldest_, reader_->position());
        }
        if (query_.last) {
            reader_->seek_newest();
            end_ = reader_->position();
            begin_window(kWindowFirst);
        }
    }

    Step next(std::string& line, std::chrono::milliseconds wait) override {
        const auto until = std::chrono::steady_clock::now() + wait;
        do {
            if (looking_back_) {
                look_back();
            } else if (!found_.empty()) {
                if (read_found(line)) {
                    return Step::event;
                }
            } else if (const Step step = read_on(line); step != Step::idle) {
                return step;
            }
        } while (std::chrono::steady_clock::now() < until);
        return Step::idle;
    }

private:
    void begin_window(std::uint64_t size) {
        window_ = size;
        window_start_ = end_ - std::min(end_ - std::min(oldest_, end_), size);
        reader_->seek(window_start_);
        found_.clear();
        looking_back_ = true;
    }

    /// Goes through a part of the window; at its end decides whether it was wide enough.
    void look_back() {
        std::string line;
        for (std::size_t i = 0; i < kRecordsAtOnce; ++i) {
            if (reader_->position() >= end_ || !reader_->next(event_, number_) || number_ >= end_) {
                const bool enough = found_.size() >= *query_.last || window_start_ <= oldest_;
                if (enough) {
                    looking_back_ = false;
                    reader_->seek(found_.empty() ? end_ : found_.front());
                } else {
                    begin_window(window_ * 4);
                }
                return;
            }
            if (encode(line)) {
                found_.push_back(number_);
                if (found_.size() > *query_.last) {
                    found_.pop_front();
                }
            }
        }
    }

    /// Reads the next of those found once more; false when it is not among the next few records.
    bool read_found(std::string& line) {
        bool read = false;
        for (std::size_t i = 0; i < kRecordsAtOnce && !read && !found_.empty(); ++i) {
            if (!reader_->next(event_, number_)) {
                found_.clear();
                break;
            }
            while (!found_.empty() && found_.front() < number_) {
                found_.pop_front();  // given up by the spool since
            }
            if (!found_.empty() && found_.front() == number_) {
                found_.pop_front();
                read = encode(line);
            }
        }
        if (found_.empty()) {
            reader_->seek(end_);
        }
        return read;
    }

    /// The next record that fits, or idle after some that do not.
    Step read_on(std::string& line) {
        for (std::size_t i = 0; i < kRecordsAtOnce; ++i) {
            if (!reader_->next(event_, number_)) {
                if (!query_.follow) {
                    return Step::end;
                }
                constexpr std::chrono::milliseconds kWait{100};
                reader_->wait(kWait);
                return Step::idle;
            }
            if (query_.until != 0 && query_.follow && event_.time_ns > query_.until) {
                return Step::end;
            }
            if (encode(line)) {
                return Step::event;
            }
        }
        return Step::idle;
    }

    bool encode(std::string& line) {
        if (event_.time_ns < query_.since || (query_.until != 0 && event_.time_ns > query_.until)) {
            return false;
        }
        line.clear();
        encoder_.encode(event_, *reader_->dictionary_for(event_), line);
        if (query_.filter.terms().empty()) {
            return true;
        }
        return query_.filter.matches(nlohmann::json::parse(line, nullptr, false));
    }

    std::unique_ptr<SpoolReader> reader_;
    EventQuery query_;
    exporters::EcsEncoder encoder_;
    Event event_;
    std::uint64_t number_ = 0;
    std::uint64_t oldest_ = 0;
    std::uint64_t end_ = 0;  ///< newest record when the question was asked
    std::uint64_t window_ = 0;
    std::uint64_t window_start_ = 0;
    bool looking_back_ = false;
    /// Numbers of the records that fit: documents of a million would be a gigabyte and more.
    std::deque<std::uint64_t> found_;
};

}  // namespace

std::unique_ptr<EventStream> make_spool_events(
    std::unique_ptr<SpoolReader> reader, const EventQuery& query
) {
    return std::make_unique<SpoolEvents>(std::move(reader), query);
}

Result<std::unique_ptr<EventStream>> follow_spool(
    const std::string& directory, const EventQuery& query
) {
    Result<std::unique_ptr<SpoolReader>> reader = SpoolReader::follow(directory);
    if (!reader) {
        return reader.error();
    }
    return make_spool_events(std::move(reader).value(), query);
}

}  // namespace sallyport::control
