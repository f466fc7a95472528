// SPDX-License-Identifier: Apache-2.0
// One librdkafka producer with its topics, as an object. Only the Kafka sink includes this.
#pragma once

#include "exporters/kafka_settings.h"
#include "gateway/model/event.h"
#include "gateway/model/result.h"

#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sallyport::exporters {

/// Hears what librdkafka says, always on the thread that calls poll() or flush().
class KafkaListener {
public:
    KafkaListener() = default;
    KafkaListener(const KafkaListener&) = delete;
    KafkaListener& operator=(const KafkaListener&) = delete;
    virtual ~KafkaListener() = default;
    virtual void on_report(rd_kafka_message_t& message) = 0;
    virtual void on_error(rd_kafka_resp_err_t error, std::string_view text) = 0;
    /// From librdkafka's statistics: whether any broker connection is up.
    virtual void on_brokers(bool any_up) = 0;
};

struct KafkaHeadersDeleter {
    void operator()(rd_kafka_headers_t* headers) const noexcept {
        rd_kafka_headers_destroy(headers);
    }
};
using KafkaHeaders = std::unique_ptr<rd_kafka_headers_t, KafkaHeadersDeleter>;

/// One message on its way in; librdkafka copies key and value.
struct KafkaMessage {
    std::size_t topic = 0;  ///< an EventClass
    std::string_view key;
    std::string_view value;
    std::int64_t time_ms = 0;
    std::uint64_t token = 0;  ///< comes back in the report
};

class KafkaProducer {
public:
    /// `outstanding_max` is set to the size of its queue in messages.
    static Result<std::unique_ptr<KafkaProducer>> create(
        const KafkaSettings& settings,
        const KafkaProperties& properties,
        KafkaListener& listener,
        std::size_t& queue_messages_max
    );
    /// Forgets what is queued and ends.
    ~KafkaProducer();
    KafkaProducer(const KafkaProducer&) = delete;
    KafkaProducer& operator=(const KafkaProducer&) = delete;

    /// Takes `headers` when it succeeds.
    rd_kafka_resp_err_t produce(const KafkaMessage& message, KafkaHeaders& headers);
    void poll();
    void flush(std::chrono::milliseconds timeout);
    /// Why this producer can never send again; empty while it can.
    [[nodiscard]] std::string fatal_error() const;
    [[nodiscard]] std::string_view topic_name(std::size_t topic) const;

private:
    KafkaProducer() = default;

    rd_kafka_t* producer_ = nullptr;
    std::array<rd_kafka_topic_t*, kEventClassCount> topics_{};
};

}  // namespace sallyport::exporters
