// SPDX-License-Identifier: Apache-2.0
#include "exporters/kafka_sink.h"

#include "exporters/delivery_window.h"
#include "exporters/kafka_producer.h"
#include "exporters/spool_files.h"

#include <algorithm>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <unistd.h>
#include <utility>

namespace sallyport::exporters {
namespace {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;
/// A topic that refuses is asked again after the first, then doubling up to the second.
constexpr std::chrono::milliseconds kProbeFirst{500};
constexpr std::chrono::milliseconds kProbeLast{10000};
/// A new producer after one that could not be created.
constexpr std::chrono::milliseconds kRestart{1000};

/// Documents kept for topics that refuse; beyond, the sink is busy and the spool keeps them.
constexpr std::size_t kParkedBytesMax = 64U << 20U;

/// A message its topic has refused, or that waits behind one.
struct Parked {
    std::uint64_t token = 0;
    std::int64_t time_ms = 0;
    std::string key;
    std::string value;
    KafkaHeaders headers;
};

struct TopicState {
    std::deque<Parked> parked;  ///< in the order of the spool
    std::uint64_t probe = 0;    ///< token of the one that is on its way; 0 when none
    std::chrono::milliseconds backoff = kProbeFirst;
    SteadyTime probe_at{};
    std::string error;
};

class KafkaSink final : public Sink, private KafkaListener {
public:
    KafkaSink(KafkaSettings settings, KafkaProperties properties)
        : settings_(std::move(settings)),
          properties_(std::move(properties)) {}
    ~KafkaSink() override = default;
    KafkaSink(const KafkaSink&) = delete;
    KafkaSink& operator=(const KafkaSink&) = delete;
    Status begin();

    Offer offer(const OutgoingEvent& event) override;
    SinkProgress flush() override;
    SinkProgress stop(std::chrono::milliseconds timeout) override;
    [[nodiscard]] SinkStats stats() const override;

private:
    void on_report(rd_kafka_message_t& message) override;
    void on_error(rd_kafka_resp_err_t error, std::string_view text) override;
    void on_brokers(bool any_up) override;

    Offer offer_reduced(const OutgoingEvent& event);
    Offer send(const OutgoingEvent& event, std::uint64_t token);
    void delivered(std::uint64_t token, TopicState& topic);
    void refused(rd_kafka_message_t& message, std::size_t topic, std::uint64_t token);
    void park(std::size_t topic, Parked message, std::string error);
    void park_event(const OutgoingEvent& event, std::uint64_t token, KafkaHeaders headers);
    void too_large(std::uint64_t token, std::string_view document);
    void send_parked(std::size_t topic, SteadyTime now);
    rd_kafka_resp_err_t send_front(std::size_t topic);
    void restart(const std::string& why);
    void write_dead_letter(std::string_view document);
    void describe_state();
    SinkProgress progress();

    const KafkaSettings settings_;
    const KafkaProperties properties_;
    std::unique_ptr<KafkaProducer> producer_;
    std::size_t open_max_ = 0;
    DeliveryWindow window_;
    std::array<TopicState, kEventClassCount> topics_;
    std::size_t parked_bytes_ = 0;
    std::vector<std::uint64_t> oversize_;
    std::uint64_t replay_from_ = kNothingPending;
    SteadyTime restart_at_{};
    bool brokers_down_ = false;
    std::string last_error_;
    std::string start_error_;
    SinkStats work_;

    mutable std::mutex mutex_;
    SinkStats stats_;  ///< guarded by mutex_
};

KafkaHeaders headers_of(const Envelope* envelope) {
    KafkaHeaders out;
    if (envelope == nullptr) {
        return out;
    }
    out.reset(rd_kafka_headers_new(envelope->headers.size()));
    for (const RecordHeader& header : envelope->headers) {
        if (!header.value.empty()) {
            rd_kafka_header_add(
                out.get(),
                header.name.data(),
                static_cast<ssize_t>(header.name.size()),
                header.value.data(),
                static_cast<ssize_t>(header.value.size())
            );
        }
    }
    return out;
}

KafkaMessage message_of(const OutgoingEvent& event, std::uint64_t token) {
    KafkaMessage out;
    out.topic = static_cast<std::size_t>(event.event_class);
    out.key =
        event.envelope != nullptr ? std::string_view(event.envelope->key) : std::string_view();
    out.value = event.document;
    out.time_ms = static_cast<std::int64_t>(event.time_ns / 1'000'000);
    out.token = token;
    return out;
}

bool is_too_large(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
           error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

/// Errors that say nothing about the topic: the producer is ending, or was told to forget.
bool is_ending(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
           error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__DESTROY;
}

Status KafkaSink::begin() {
    std::size_t queue_messages = 0;
    auto producer = KafkaProducer::create(settings_, properties_, *this, queue_messages);
    if (!producer) {
        return producer.error();
    }
    producer_ = std::move(producer).value();
    open_max_ = std::max<std::size_t>(queue_messages / 2, 1);
    return Done{};
}

Offer KafkaSink::offer(const OutgoingEvent& event) {
    if (!producer_) {
        return Offer::busy;
    }
    if (event.reduced) {
        const Offer answer = offer_reduced(event);
        if (answer != Offer::busy || window_.token_of(event.number) != 0) {
            return answer;
        }
    }
    if (window_.open() >= open_max_ || parked_bytes_ >= kParkedBytesMax ||
        replay_from_ != kNothingPending) {
        return Offer::busy;
    }
    const std::uint64_t token = window_.add(event.number);
    const Offer answer = send(event, token);
    if (answer != Offer::taken) {
        window_.withdraw();
        if (answer == Offer::oversize && event.reduced) {
            write_dead_letter(event.document);
            return Offer::taken;
        }
    }
    return answer;
}

/// The second try of an event that the broker found too large after it had been taken. Busy when it
/// is not such an event.
Offer KafkaSink::offer_reduced(const OutgoingEvent& event) {
    const std::uint64_t token = window_.token_of(event.number);
    if (token == 0) {
        return Offer::busy;
    }
    if (event.document.empty()) {
        window_.confirm(token);
        return Offer::taken;
    }
    switch (send(event, token)) {
        case Offer::taken:
            break;
        case Offer::busy:
            oversize_.push_back(event.number);  // once more, later
            break;
        case Offer::oversize:
            too_large(token, event.document);
            break;
    }
    return Offer::taken;
}

Offer KafkaSink::send(const OutgoingEvent& event, std::uint64_t token) {
    const auto topic = static_cast<std::size_t>(event.event_class);
    KafkaHeaders headers = headers_of(event.envelope);
    if (!topics_[topic].parked.empty() || topics_[topic].probe != 0) {
        park_event(event, token, std::move(headers));  // behind those that wait, in order
        return Offer::taken;
    }
    const rd_kafka_resp_err_t error = producer_->produce(message_of(event, token), headers);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return Offer::taken;
    }
    if (is_too_large(error)) {
        return Offer::oversize;
    }
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL || is_ending(error)) {
        return Offer::busy;
    }
    topics_[topic].error = rd_kafka_err2str(error);
    park_event(event, token, std::move(headers));
    return Offer::taken;
}

void KafkaSink::park_event(const OutgoingEvent& event, std::uint64_t token, KafkaHeaders headers) {
    const KafkaMessage message = message_of(event, token);
    park(
        message.topic,
        {token,
         message.time_ms,
         std::string(message.key),
         std::string(message.value),
         std::move(headers)},
        std::string()
    );
}

void KafkaSink::park(std::size_t topic, Parked message, std::string error) {
    TopicState& state = topics_[topic];
    const bool first = state.parked.empty() && state.probe == 0;
    if (first || (!error.empty() && state.probe_at == SteadyTime{})) {
        state.probe_at = SteadyClock::now() + state.backoff;
    }
    if (!error.empty()) {
        state.error = std::move(error);
    }
    parked_bytes_ += message.value.size();
    const auto at =
        std::ranges::upper_bound(state.parked, message.token, std::less<>(), &Parked::token);
    state.parked.insert(at, std::move(message));
}

void KafkaSink::on_report(rd_kafka_message_t& message) {
    const auto token =
        static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(message._private));
    std::size_t topic = 0;
    const std::string_view name = rd_kafka_topic_name(message.rkt);
    while (topic + 1 < kEventClassCount && producer_->topic_name(topic) != name) {
        ++topic;
    }
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        delivered(token, topics_[topic]);
    } else if (!is_ending(message.err)) {
        refused(message, topic, token);
    }
}

void KafkaSink::delivered(std::uint64_t token, TopicState& topic) {
    if (window_.confirm(token)) {
        ++work_.delivered;
    }
    brokers_down_ = false;
    if (std::exchange(topic.probe, 0) != 0) {
        topic.probe_at = SteadyTime{};  // it works again: all that wait may go
        topic.backoff = kProbeFirst;
        topic.error.clear();
    }
}

void KafkaSink::refused(rd_kafka_message_t& message, std::size_t topic, std::uint64_t token) {
    const std::string_view document(static_cast<const char*>(message.payload), message.len);
    if (is_too_large(message.err)) {
        if (topics_[topic].probe == token) {
            topics_[topic].probe = 0;
        }
        too_large(token, document);
        return;
    }
    rd_kafka_headers_t* headers = nullptr;
    rd_kafka_message_detach_headers(&message, &headers);
    TopicState& state = topics_[topic];
    if (state.probe == token) {
        state.probe = 0;
        state.backoff = std::min(state.backoff * 2, kProbeLast);
        state.probe_at = SteadyClock::now() + state.backoff;
    }
    Parked parked;
    parked.token = token;
    parked.time_ms = rd_kafka_message_timestamp(&message, nullptr);
    parked.key.assign(static_cast<const char*>(message.key), message.key_len);
    parked.value = document;
    parked.headers.reset(headers);
    park(topic, std::move(parked), rd_kafka_err2str(message.err));
}

void KafkaSink::too_large(std::uint64_t token, std::string_view document) {
    if (window_.reduce(token)) {
        ++work_.retried;
        oversize_.push_back(window_.number_of(token));
        return;
    }
    write_dead_letter(document);
    window_.confirm(token);
}

void KafkaSink::write_dead_letter(std::string_view document) {
    ++work_.dead_letters;
    if (settings_.dead_letter_path.empty()) {
        return;
    }
    const FileDescriptor fd(open(
        settings_.dead_letter_path.c_str(),
        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
        0640
    ));
    const std::string line = std::string(document) + '\n';
    if (!fd.valid() || write(fd.get(), line.data(), line.size()) < 0) {
        last_error_ = describe("cannot write", settings_.dead_letter_path, errno);
    }
}

void KafkaSink::on_error(rd_kafka_resp_err_t error, std::string_view text) {
    // "1/1 brokers are down" says less than what came before it: which one, and why.
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_error_.empty()) {
        last_error_ = text;
    }
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
        error == RD_KAFKA_RESP_ERR__RESOLVE || error == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
        error == RD_KAFKA_RESP_ERR__SSL) {
        brokers_down_ = true;
    }
}

void KafkaSink::on_brokers(bool any_up) {
    brokers_down_ = !any_up && brokers_down_;
}

SinkProgress KafkaSink::flush() {
    const SteadyTime now = SteadyClock::now();
    if (!producer_ && now >= restart_at_) {
        const Status begun = begin();
        start_error_ = begun ? std::string() : begun.error().message;
        restart_at_ = now + kRestart;
    }
    if (producer_) {
        producer_->poll();
        if (const std::string fatal = producer_->fatal_error(); !fatal.empty()) {
            restart(fatal);
        }
    }
    for (std::size_t topic = 0; producer_ && topic < kEventClassCount; ++topic) {
        send_parked(topic, now);
    }
    describe_state();
    return progress();
}

void KafkaSink::send_parked(std::size_t topic, SteadyTime now) {
    TopicState& state = topics_[topic];
    if (state.parked.empty() || state.probe != 0 || now < state.probe_at) {
        return;
    }
    const bool probe = state.probe_at != SteadyTime{};
    const std::uint64_t first = state.parked.front().token;
    do {
        const rd_kafka_resp_err_t error = send_front(topic);
        if (is_too_large(error)) {
            return;  // gone its own way; the next one at the next look
        }
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            const bool full = error == RD_KAFKA_RESP_ERR__QUEUE_FULL || is_ending(error);
            if (!full) {
                state.error = rd_kafka_err2str(error);
                state.backoff = std::min(state.backoff * 2, kProbeLast);
                state.probe_at = now + state.backoff;
            }
            return;
        }
        ++work_.retried;
    } while (!probe && !state.parked.empty());
    state.probe = probe ? first : 0;
}

rd_kafka_resp_err_t KafkaSink::send_front(std::size_t topic) {
    Parked& front = topics_[topic].parked.front();
    const KafkaMessage message{topic, front.key, front.value, front.time_ms, front.token};
    const rd_kafka_resp_err_t error = producer_->produce(message, front.headers);
    if (is_too_large(error)) {
        too_large(front.token, front.value);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || is_too_large(error)) {
        parked_bytes_ -= front.value.size();
        topics_[topic].parked.pop_front();
    }
    return error;
}

void KafkaSink::restart(const std::string& why) {
    ++work_.restarts;
    last_error_ = "producer restarted: " + why;
    replay_from_ = std::min(replay_from_, window_.oldest_open());
    window_.clear();
    oversize_.clear();
    producer_.reset();
    for (TopicState& topic : topics_) {
        topic = TopicState{};
    }
    parked_bytes_ = 0;
    const Status begun = begin();
    start_error_ = begun ? std::string() : begun.error().message;
    restart_at_ = SteadyClock::now() + kRestart;
}

SinkProgress KafkaSink::progress() {
    SinkProgress out;
    out.oldest_pending = std::min(window_.oldest_open(), replay_from_);
    out.replay = std::exchange(replay_from_, kNothingPending) != kNothingPending;
    out.oversize = std::exchange(oversize_, {});
    return out;
}

SinkProgress KafkaSink::stop(std::chrono::milliseconds timeout) {
    if (producer_) {
        producer_->flush(timeout);
        describe_state();
    }
    SinkProgress out = progress();
    // There is no producer left to send a shorter form with: they stay open, and the next start
    // meets them again at the cursor.
    out.oversize.clear();
    producer_.reset();
    return out;
}

void KafkaSink::describe_state() {
    work_.pending = window_.open();
    work_.state = SinkState::ok;
    work_.text = "ok";
    if (brokers_down_) {
        work_.state = SinkState::degraded;
        work_.text = last_error_;
    }
    for (std::size_t topic = 0; topic < kEventClassCount; ++topic) {
        const TopicState& state = topics_[topic];
        if (state.probe != 0 || !state.parked.empty()) {
            work_.state = SinkState::degraded;
            work_.text = "topic \"" +
                         kafka_topic(settings_, name_of(static_cast<EventClass>(topic))) +
                         "\": " + state.error + "; its events wait and are tried again";
        }
    }
    if (!producer_) {
        work_.state = SinkState::down;
        work_.text = start_error_;
    }
    const std::lock_guard lock(mutex_);
    stats_ = work_;
}

SinkStats KafkaSink::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

}  // namespace

Result<std::unique_ptr<Sink>> make_kafka_sink(const KafkaSettings& settings) {
    std::vector<std::string> problems;
    KafkaProperties properties = kafka_properties(settings, problems);
    if (!problems.empty()) {
        std::string text;
        for (const std::string& problem : problems) {
            text += (text.empty() ? "kafka: " : "; ") + problem;
        }
        return Error{text};
    }
    auto sink = std::make_unique<KafkaSink>(settings, std::move(properties));
    if (const Status begun = sink->begin(); !begun) {
        return begun.error();
    }
    return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace sallyport::exporters
