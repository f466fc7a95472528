// SPDX-License-Identifier: Apache-2.0
#include "exporters/kafka_sink.h"

#include "exporters/dead_letters.h"
#include "exporters/delivery_window.h"
#include "exporters/kafka_producer.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
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

/// The most messages that travel together again after a batch was refused; beyond, the topic is
/// free.
constexpr std::size_t kWaveMax = 8192;
/// So often a record that the broker calls invalid is sent, alone, before it is put aside.
constexpr unsigned kInvalidTries = 3;

/// Documents kept for topics that refuse; beyond, the sink is busy and the spool keeps them.
constexpr std::size_t kParkedBytesMax = 64U << 20U;

/// A message its topic has refused, or that waits behind one.
struct Parked {
    std::uint64_t token = 0;
    std::int64_t time_ms = 0;
    std::string key;
    std::string value;
    KafkaHeaders headers;
    bool again = false;  ///< it has been sent before
};

struct TopicState {
    std::deque<Parked> parked;  ///< in the order of the spool
    std::size_t in_flight = 0;  ///< given to the producer and not reported
    std::uint64_t alone = 0;    ///< token of the only one in flight, whose batch holds no other
    std::uint64_t probe = 0;    ///< token of the one that is on its way; 0 when none
    /// A broker refuses a batch as a whole for what one record in it is. Since then so many travel
    /// together: halved with each refusal until one travels alone, doubled when all went well.
    std::size_t wave = 0;  ///< 0: any number
    std::size_t wave_sent = 0;
    bool wave_refused = false;
    std::chrono::milliseconds backoff = kProbeFirst;
    SteadyTime probe_at{};
    std::string error;
};

class KafkaSink final : public Sink, private KafkaListener {
public:
    KafkaSink(KafkaSettings settings, KafkaProperties properties)
        : settings_(std::move(settings)),
          properties_(std::move(properties)),
          letters_(settings_.dead_letter_path) {}
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
    void park(std::size_t topic, Parked message);
    static void wait_for(TopicState& state, std::string error);
    static void works_again(TopicState& topic);
    void park_event(const OutgoingEvent& event, std::uint64_t token, KafkaHeaders headers);
    rd_kafka_resp_err_t produce(const KafkaMessage& message, KafkaHeaders& headers);
    bool judge(
        rd_kafka_resp_err_t error, TopicState& state, std::uint64_t token, std::string_view document
    );
    void too_large(std::uint64_t token, std::string_view document);
    void put_aside(std::uint64_t token, std::string_view document);
    void send_parked(std::size_t topic, SteadyTime now);
    rd_kafka_resp_err_t send_front(std::size_t topic);
    void restart(const std::string& why);
    void write_letters();
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
    DeadLetters letters_;
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

/// What is wrong is in the record, and the broker will say the same tomorrow.
bool is_invalid(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
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
    if (window_.open() >= open_max_ || parked_bytes_ + letters_.bytes() >= kParkedBytesMax ||
        replay_from_ != kNothingPending) {
        return Offer::busy;
    }
    const std::uint64_t token = window_.add(event.number);
    const Offer answer = send(event, token);
    if (answer == Offer::oversize && event.reduced) {
        put_aside(token, event.document);
        return Offer::taken;
    }
    if (answer != Offer::taken) {
        window_.withdraw();
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
    const TopicState& state = topics_[topic];
    if (!state.parked.empty() || state.probe != 0 || state.wave != 0) {
        park_event(event, token, std::move(headers));  // behind those that wait, in order
        return Offer::taken;
    }
    const rd_kafka_resp_err_t error = produce(message_of(event, token), headers);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return Offer::taken;
    }
    if (is_too_large(error)) {
        return Offer::oversize;
    }
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL || is_ending(error)) {
        return Offer::busy;
    }
    wait_for(topics_[topic], rd_kafka_err2str(error));
    park_event(event, token, std::move(headers));
    return Offer::taken;
}

rd_kafka_resp_err_t KafkaSink::produce(const KafkaMessage& message, KafkaHeaders& headers) {
    const rd_kafka_resp_err_t error = producer_->produce(message, headers);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        TopicState& state = topics_[message.topic];
        state.alone = state.in_flight == 0 ? message.token : 0;
        ++state.in_flight;
    }
    return error;
}

void KafkaSink::park_event(const OutgoingEvent& event, std::uint64_t token, KafkaHeaders headers) {
    const KafkaMessage message = message_of(event, token);
    Parked parked;
    parked.token = token;
    parked.time_ms = message.time_ms;
    parked.key = message.key;
    parked.value = message.value;
    parked.headers = std::move(headers);
    park(message.topic, std::move(parked));
}

void KafkaSink::park(std::size_t topic, Parked message) {
    TopicState& state = topics_[topic];
    parked_bytes_ += message.value.size();
    const auto at =
        std::ranges::upper_bound(state.parked, message.token, std::less<>(), &Parked::token);
    state.parked.insert(at, std::move(message));
}

/// The topic refuses: what is parked waits for a probe.
void KafkaSink::wait_for(TopicState& state, std::string error) {
    state.error = std::move(error);
    if (state.probe_at == SteadyTime{}) {
        state.probe_at = SteadyClock::now() + state.backoff;
    }
}

void KafkaSink::on_report(rd_kafka_message_t& message) {
    const auto token =
        static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(message._private));
    std::size_t topic = 0;
    const std::string_view name = rd_kafka_topic_name(message.rkt);
    while (topic + 1 < kEventClassCount && producer_->topic_name(topic) != name) {
        ++topic;
    }
    TopicState& state = topics_[topic];
    state.in_flight -= state.in_flight > 0 ? 1 : 0;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        delivered(token, state);
    } else if (!is_ending(message.err)) {
        refused(message, topic, token);
    }
}

void KafkaSink::delivered(std::uint64_t token, TopicState& topic) {
    if (window_.confirm(token)) {
        ++work_.delivered;
    }
    brokers_down_ = false;
    works_again(topic);
}

void KafkaSink::works_again(TopicState& topic) {
    if (std::exchange(topic.probe, 0) != 0) {
        topic.probe_at = SteadyTime{};  // all that wait may go
        topic.backoff = kProbeFirst;
        topic.error.clear();
    }
}

void KafkaSink::refused(rd_kafka_message_t& message, std::size_t topic, std::uint64_t token) {
    const std::string_view document(static_cast<const char*>(message.payload), message.len);
    TopicState& state = topics_[topic];
    const bool record = is_too_large(message.err) || is_invalid(message.err);
    if (record && judge(message.err, state, token, document)) {
        return;
    }
    rd_kafka_headers_t* headers = nullptr;
    rd_kafka_message_detach_headers(&message, &headers);
    if (!record && state.probe == token) {
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
    parked.again = true;
    park(topic, std::move(parked));
    if (!record) {
        wait_for(state, rd_kafka_err2str(message.err));
    }
}

/// A refusal for what a record is. True when that ends the matter; else the record is to be sent
/// again, with fewer others in its batch.
bool KafkaSink::judge(
    rd_kafka_resp_err_t error, TopicState& state, std::uint64_t token, std::string_view document
) {
    works_again(state);  // who finds fault with a record has let us in
    const bool alone = state.alone == token;
    state.wave_sent = 0;  // no reason to let more travel together
    if (alone && is_too_large(error)) {
        too_large(token, document);
        return true;
    }
    if (alone && window_.refuse(token) >= kInvalidTries) {
        put_aside(token, document);
        return true;
    }
    state.wave = state.wave == 0 ? kWaveMax : state.wave;
    state.wave_refused = true;
    return false;
}

void KafkaSink::too_large(std::uint64_t token, std::string_view document) {
    if (window_.reduce(token)) {
        ++work_.retried;
        oversize_.push_back(window_.number_of(token));
        return;
    }
    put_aside(token, document);
}

void KafkaSink::put_aside(std::uint64_t token, std::string_view document) {
    letters_.add(token, document);
    write_letters();
}

/// An event counts as dealt with once its letter is on disk: until then the cursor waits for it.
void KafkaSink::write_letters() {
    for (const std::uint64_t token : letters_.write(SteadyClock::now())) {
        ++work_.dead_letters;
        window_.confirm(token);
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
    // A shorter form that is about to come goes before those that wait behind it.
    for (std::size_t topic = 0; producer_ && oversize_.empty() && topic < kEventClassCount;
         ++topic) {
        send_parked(topic, now);
    }
    write_letters();
    describe_state();
    return progress();
}

/// How many of the parked may go now.
std::size_t next_wave(TopicState& state) {
    if (state.wave == 0) {
        return state.parked.size();
    }
    if (state.in_flight != 0) {
        return 0;  // who travels with whom is known only once all are back
    }
    if (std::exchange(state.wave_refused, false)) {
        state.wave = std::max<std::size_t>(std::min(state.wave, state.parked.size()) / 2, 1);
    } else if (state.wave_sent >= state.wave) {
        state.wave *= 2;
    }
    state.wave_sent = 0;
    state.wave = state.wave > kWaveMax ? 0 : state.wave;
    return state.wave == 0 ? state.parked.size() : std::min(state.wave, state.parked.size());
}

void KafkaSink::send_parked(std::size_t topic, SteadyTime now) {
    TopicState& state = topics_[topic];
    if (state.parked.empty() || state.probe != 0 || now < state.probe_at) {
        return;
    }
    const bool probe = state.probe_at != SteadyTime{};
    const std::uint64_t first = state.parked.front().token;
    std::size_t left = next_wave(state);
    for (left = probe ? std::min<std::size_t>(left, 1) : left; left > 0; --left) {
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
        ++state.wave_sent;
        state.probe = probe ? first : 0;
    }
}

rd_kafka_resp_err_t KafkaSink::send_front(std::size_t topic) {
    Parked& front = topics_[topic].parked.front();
    const KafkaMessage message{topic, front.key, front.value, front.time_ms, front.token};
    const bool again = front.again;
    const rd_kafka_resp_err_t error = produce(message, front.headers);
    if (is_too_large(error)) {
        too_large(front.token, front.value);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || is_too_large(error)) {
        parked_bytes_ -= front.value.size();
        topics_[topic].parked.pop_front();
    }
    work_.retried += again && error == RD_KAFKA_RESP_ERR_NO_ERROR ? 1 : 0;
    return error;
}

void KafkaSink::restart(const std::string& why) {
    ++work_.restarts;
    last_error_ = "producer restarted: " + why;
    replay_from_ = std::min(replay_from_, window_.oldest_open());
    window_.clear();
    oversize_.clear();
    letters_.clear();
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
        write_letters();
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
        if (!state.error.empty() && (state.probe != 0 || !state.parked.empty())) {
            work_.state = SinkState::degraded;
            work_.text = "topic \"" +
                         kafka_topic(settings_, name_of(static_cast<EventClass>(topic))) +
                         "\": " + state.error + "; its events wait and are tried again";
        }
    }
    if (!letters_.empty()) {
        work_.state = SinkState::degraded;
        work_.text = letters_.error() + "; events that cannot be sent wait for it";
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
