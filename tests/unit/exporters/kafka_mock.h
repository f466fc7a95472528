// SPDX-License-Identifier: Apache-2.0
// librdkafka's in-process mock cluster, and a consumer that reads back what reached it.
#pragma once

#include "exporters/kafka_settings.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace sallyport::exporters {

inline constexpr std::int16_t kProduceRequest = 0;  ///< Kafka protocol: ApiKey of Produce

class KafkaMock {
public:
    struct Message {
        std::string topic;
        std::string key;
        std::string value;
        std::map<std::string, std::string> headers;
        std::int64_t time_ms = 0;
        std::int32_t partition = 0;
    };

    KafkaMock() {
        char error[256] = {};
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        set(conf, "log_level", "0");
        handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
        cluster_ = rd_kafka_mock_cluster_new(handle_, kBrokers);
    }
    ~KafkaMock() {
        rd_kafka_mock_cluster_destroy(cluster_);
        rd_kafka_destroy(handle_);
    }
    KafkaMock(const KafkaMock&) = delete;
    KafkaMock& operator=(const KafkaMock&) = delete;

    [[nodiscard]] rd_kafka_mock_cluster_t* get() const { return cluster_; }
    [[nodiscard]] KafkaSettings settings() const {
        KafkaSettings out;
        out.brokers = {rd_kafka_mock_cluster_bootstraps(cluster_)};
        out.rdkafka = {
            {"linger.ms", "2"},
            {"reconnect.backoff.ms", "20"},
            {"reconnect.backoff.max.ms", "100"},
            {"retry.backoff.ms", "20"},
            {"topic.metadata.propagation.max.ms", "200"},
            {"topic.metadata.refresh.fast.interval.ms", "50"},
            {"statistics.interval.ms", "50"},
        };
        return out;
    }
    void set_all(bool up) {
        for (std::int32_t broker = 1; broker <= kBrokers; ++broker) {
            if (up) {
                rd_kafka_mock_broker_set_up(cluster_, broker);
            } else {
                rd_kafka_mock_broker_set_down(cluster_, broker);
            }
        }
    }
    void fail_produce(const std::vector<rd_kafka_resp_err_t>& errors) {
        rd_kafka_mock_push_request_errors_array(
            cluster_, kProduceRequest, errors.size(), errors.data()
        );
    }

    /// Everything in these topics, in the order of each partition; waits for at least `at_least`.
    [[nodiscard]] std::vector<Message> consume(
        const std::vector<std::string>& topics, std::size_t at_least
    ) const {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_));
        set(conf, "group.id", "reader");
        set(conf, "auto.offset.reset", "earliest");
        set(conf, "fetch.wait.max.ms", "10");
        set(conf, "log_level", "0");
        char error[256] = {};
        rd_kafka_t* consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
        rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(16);
        for (const std::string& topic : topics) {
            for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
                rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset =
                    RD_KAFKA_OFFSET_BEGINNING;
            }
        }
        rd_kafka_assign(consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
        std::vector<Message> out;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        int quiet = 0;
        // A few quiet rounds at the end would show what should not be there.
        while ((out.size() < at_least || quiet < 3) && std::chrono::steady_clock::now() < deadline
        ) {
            rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
            quiet = message == nullptr ? quiet + 1 : 0;
            if (message != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                out.push_back(copy(*message));
            }
            if (message != nullptr) {
                rd_kafka_message_destroy(message);
            }
        }
        rd_kafka_consumer_close(consumer);
        rd_kafka_destroy(consumer);
        return out;
    }

    static constexpr int kBrokers = 3;
    static constexpr int kPartitions = 4;  ///< the mock's default

private:
    static void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
        char error[256] = {};
        ASSERT_EQ(rd_kafka_conf_set(conf, name, value, error, sizeof(error)), RD_KAFKA_CONF_OK)
            << error;
    }
    static Message copy(const rd_kafka_message_t& message) {
        Message out;
        out.topic = rd_kafka_topic_name(message.rkt);
        out.key.assign(static_cast<const char*>(message.key), message.key_len);
        out.value.assign(static_cast<const char*>(message.payload), message.len);
        out.time_ms = rd_kafka_message_timestamp(&message, nullptr);
        out.partition = message.partition;
        rd_kafka_headers_t* headers = nullptr;
        if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char* name = nullptr;
            const void* value = nullptr;
            std::size_t size = 0;
            for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                                    RD_KAFKA_RESP_ERR_NO_ERROR;
                 ++i) {
                out.headers.emplace(name, std::string(static_cast<const char*>(value), size));
            }
        }
        return out;
    }

    rd_kafka_t* handle_ = nullptr;
    rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

}  // namespace sallyport::exporters
