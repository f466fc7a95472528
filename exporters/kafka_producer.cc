// SPDX-License-Identifier: Apache-2.0
#include "exporters/kafka_producer.h"

#include <charconv>

namespace sallyport::exporters {
namespace {

KafkaListener& listener_of(void* opaque) {
    return *static_cast<KafkaListener*>(opaque);
}

void on_report(rd_kafka_t* /*producer*/, const rd_kafka_message_t* message, void* opaque) {
    // Headers can only be taken off a message that is not const, which this one is not.
    listener_of(opaque).on_report(*const_cast<rd_kafka_message_t*>(message));
}

void on_error(rd_kafka_t* /*producer*/, int error, const char* reason, void* opaque) {
    listener_of(opaque).on_error(static_cast<rd_kafka_resp_err_t>(error), reason);
}

int on_statistics(rd_kafka_t* /*producer*/, char* json, std::size_t size, void* opaque) {
    // librdkafka writes it without blanks (STATISTICS.md); topics have no "state" of this value.
    const bool any_up =
        std::string_view(json, size).find("\"state\":\"UP\"") != std::string_view::npos;
    listener_of(opaque).on_brokers(any_up);
    return 0;
}

void on_log(
    const rd_kafka_t* /*producer*/, int /*level*/, const char* /*facility*/, const char* /*text*/
) {
    // What matters arrives as an error or a report; the rest would only repeat itself on the
    // console.
}

struct ConfDeleter {
    void operator()(rd_kafka_conf_t* conf) const noexcept { rd_kafka_conf_destroy(conf); }
};

std::size_t queue_size(const rd_kafka_conf_t* conf) {
    char text[32] = {};
    std::size_t size = sizeof(text);
    std::size_t out = 0;
    if (rd_kafka_conf_get(conf, "queue.buffering.max.messages", text, &size) == RD_KAFKA_CONF_OK) {
        std::from_chars(text, text + std::char_traits<char>::length(text), out);
    }
    // 0 means no limit there; ours needs one.
    return out == 0 ? 200000 : out;
}

}  // namespace

Result<std::unique_ptr<KafkaProducer>> KafkaProducer::create(
    const KafkaSettings& settings,
    const KafkaProperties& properties,
    KafkaListener& listener,
    std::size_t& queue_messages_max
) {
    std::unique_ptr<rd_kafka_conf_t, ConfDeleter> conf(rd_kafka_conf_new());
    char error[512] = {};
    for (const auto& [name, value] : properties) {
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error, sizeof(error)) !=
            RD_KAFKA_CONF_OK) {
            return Error{"kafka property \"" + name + "\": " + error};
        }
    }
    rd_kafka_conf_set_opaque(conf.get(), &listener);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_report);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    rd_kafka_conf_set_stats_cb(conf.get(), on_statistics);
    rd_kafka_conf_set_log_cb(conf.get(), on_log);
    queue_messages_max = queue_size(conf.get());
    std::unique_ptr<KafkaProducer> out(new KafkaProducer());
    out->producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error, sizeof(error));
    if (out->producer_ == nullptr) {
        return Error{"kafka: " + std::string(error)};
    }
    [[maybe_unused]] const rd_kafka_conf_t* taken = conf.release();
    for (std::size_t i = 0; i < kEventClassCount; ++i) {
        const std::string topic = kafka_topic(settings, name_of(static_cast<EventClass>(i)));
        out->topics_[i] = rd_kafka_topic_new(out->producer_, topic.c_str(), nullptr);
        if (out->topics_[i] == nullptr) {
            return Error{
                "kafka topic \"" + topic + "\": " + rd_kafka_err2str(rd_kafka_last_error())};
        }
    }
    return out;
}

KafkaProducer::~KafkaProducer() {
    if (producer_ == nullptr) {
        return;
    }
    rd_kafka_purge(
        producer_,
        RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING
    );
    for (rd_kafka_topic_t* topic : topics_) {
        if (topic != nullptr) {
            rd_kafka_topic_destroy(topic);
        }
    }
    rd_kafka_destroy(producer_);
}

rd_kafka_resp_err_t KafkaProducer::produce(const KafkaMessage& message, KafkaHeaders& headers) {
    std::array<rd_kafka_vu_t, 7> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = topics_[message.topic];
    parts[1].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[1].u.mem = {const_cast<char*>(message.value.data()), message.value.size()};
    parts[2].vtype = RD_KAFKA_VTYPE_KEY;
    parts[2].u.mem = {const_cast<char*>(message.key.data()), message.key.size()};
    parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[3].u.i = RD_KAFKA_MSG_F_COPY;
    parts[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[4].u.i64 = message.time_ms;
    parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[5].u.ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(message.token));
    parts[6].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[6].u.headers = headers.get();
    const std::size_t count = headers ? parts.size() : parts.size() - 1;
    rd_kafka_error_t* failed = rd_kafka_produceva(producer_, parts.data(), count);
    if (failed == nullptr) {
        [[maybe_unused]] const rd_kafka_headers_t* taken = headers.release();
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    const rd_kafka_resp_err_t error = rd_kafka_error_code(failed);
    rd_kafka_error_destroy(failed);
    return error;
}

void KafkaProducer::poll() {
    rd_kafka_poll(producer_, 0);
}

void KafkaProducer::flush(std::chrono::milliseconds timeout) {
    rd_kafka_flush(producer_, static_cast<int>(timeout.count()));
}

std::string KafkaProducer::fatal_error() const {
    char text[512] = {};
    return rd_kafka_fatal_error(producer_, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR
               ? std::string(text)
               : std::string();
}

std::string_view KafkaProducer::topic_name(std::size_t topic) const {
    return rd_kafka_topic_name(topics_[topic]);
}

}  // namespace sallyport::exporters
