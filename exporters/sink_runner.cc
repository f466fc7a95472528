// SPDX-License-Identifier: Apache-2.0
#include "exporters/sink_runner.h"

#include "gateway/model/clock.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace sallyport::exporters {
namespace {

/// Events offered between two looks at what has been confirmed.
constexpr int kBatchEvents = 256;
/// The most a confirmation waits before it is heard.
constexpr std::chrono::milliseconds kServe{20};
/// The most an idle sink sleeps; a commit wakes it earlier.
constexpr std::chrono::milliseconds kIdle{100};

}  // namespace

SinkRunner::SinkRunner(
    SinkRunnerSettings settings,
    std::unique_ptr<SpoolReader> reader,
    std::unique_ptr<Encoder> encoder,
    std::unique_ptr<Sink> sink
)
    : settings_(std::move(settings)),
      reader_(std::move(reader)),
      encoder_(std::move(encoder)),
      sink_(std::move(sink)),
      envelope_maker_(encoder_->schema(), settings_.community_id_seed),
      done_below_(reader_->cursor()) {
    update_report();
}

SinkRunner::~SinkRunner() {
    stop(std::chrono::milliseconds(0));
}

void SinkRunner::start() {
    thread_ = std::thread([this] {
        const std::string name = "sink-" + settings_.name;
        pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
        run();
    });
}

void SinkRunner::stop(std::chrono::milliseconds timeout) {
    if (!thread_.joinable()) {
        return;
    }
    deadline_ = std::chrono::steady_clock::now() + timeout;
    stopping_.store(true, std::memory_order_release);
    reader_->wake();
    thread_.join();
}

void SinkRunner::run() {
    for (;;) {
        const bool worked = fill();
        const bool stopping = stopping_.load(std::memory_order_acquire);
        apply(sink_->flush());
        move_cursor(false);
        update_report();
        const bool idle = !worked && !current_ && !pending_;
        if (stopping && (idle || std::chrono::steady_clock::now() >= deadline_)) {
            break;
        }
        if (!worked) {
            reader_->wait(idle ? kIdle : kServe);
        }
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline_ - std::chrono::steady_clock::now()
    );
    apply(sink_->stop(std::max(left, std::chrono::milliseconds(0))));
    move_cursor(true);
    update_report();
}

bool SinkRunner::fill() {
    bool worked = false;
    for (int i = 0; i < kBatchEvents; ++i) {
        if ((!current_ && !take_next()) || !offer_current()) {
            break;
        }
        worked = true;
    }
    return worked;
}

/// Reads and encodes the next event this sink wants.
bool SinkRunner::take_next() {
    while (reader_->next(event_, number_)) {
        if ((settings_.classes & class_bit(class_of(event_.kind))) == 0) {
            continue;
        }
        encode_current(Detail::full);
        if (!document_.empty()) {
            current_ = true;
            return true;
        }
    }
    return false;
}

void SinkRunner::encode_current(Detail detail) {
    const auto names = reader_->dictionary_for(event_);
    document_.clear();
    encoder_->encode(event_, *names, detail, document_);
    envelope_maker_.make(event_, *names, envelope_);
    reduced_ = detail == Detail::reduced;
}

bool SinkRunner::offer_current() {
    const auto offer = [this] {
        return sink_->offer(
            {number_, class_of(event_.kind), event_.time_ns, document_, &envelope_, reduced_}
        );
    };
    Offer answer = offer();
    if (answer == Offer::oversize && !reduced_) {
        encode_current(Detail::reduced);
        answer = offer();
    }
    current_ = answer == Offer::busy;
    return !current_;
}

void SinkRunner::apply(const SinkProgress& progress) {
    pending_ = progress.oldest_pending != kNothingPending;
    if (progress.replay) {
        current_ = false;
        reader_->seek(progress.oldest_pending);
        pending_ = false;
        done_below_ = progress.oldest_pending;
        return;
    }
    done_below_ = std::min(progress.oldest_pending, current_ ? number_ : reader_->position());
    if (!progress.oversize.empty()) {
        send_reduced(progress);
    }
}

/// The broker found these too large after they had been taken: once more, in their shorter form.
void SinkRunner::send_reduced(const SinkProgress& progress) {
    const Event event = event_;
    const std::uint64_t number = number_;
    for (const std::uint64_t again : progress.oversize) {
        number_ = again;
        document_.clear();  // given up by the spool since: an empty document ends the matter
        if (const auto found = reader_->fetch(again)) {
            event_ = *found;
            encode_current(Detail::reduced);
        }
        sink_->offer({number_, class_of(event_.kind), event_.time_ns, document_, &envelope_, true});
    }
    event_ = event;
    number_ = number;
    if (current_) {
        encode_current(Detail::full);
    }
}

void SinkRunner::move_cursor(bool at_once) {
    const auto now = std::chrono::steady_clock::now();
    if ((done_below_ == reader_->cursor() && reader_->cursor_is_durable()) ||
        (!at_once && now - cursor_moved_at_ < settings_.cursor_interval)) {
        return;
    }
    cursor_moved_at_ = now;
    const Status moved = reader_->move_cursor(done_below_);
    const std::lock_guard lock(report_mutex_);
    report_.cursor_error = moved ? std::string() : moved.error().message;
}

void SinkRunner::update_report() {
    const SpoolReaderStats read = reader_->stats();
    SinkStats sink = sink_->stats();
    const std::lock_guard lock(report_mutex_);
    report_.name = settings_.name;
    report_.sink = std::move(sink);
    report_.cursor = done_below_;
    report_.behind = read.behind + (read.position > done_below_ ? read.position - done_below_ : 0);
    report_.records_missing = read.records_missing;
    const std::uint64_t now_ns = SystemClock().wall_ns();
    report_.behind_ns = report_.behind > 0 && event_.time_ns != 0 && now_ns > event_.time_ns
                            ? now_ns - event_.time_ns
                            : 0;
}

SinkReport SinkRunner::report() const {
    const std::lock_guard lock(report_mutex_);
    return report_;
}

}  // namespace sallyport::exporters
