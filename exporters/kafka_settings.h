// SPDX-License-Identifier: Apache-2.0
// What an operator says about a Kafka cluster, and the librdkafka properties that follow from it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::exporters {

struct KafkaTls {
    bool enabled = false;
    std::string ca_file;  ///< empty: the system's
    std::string certificate_file;
    std::string key_file;
    std::string key_password_file;
};

struct KafkaSasl {
    std::string mechanism;  ///< empty: no SASL; PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, ...
    std::string username;
    std::string password_file;
};

struct KafkaSettings {
    std::vector<std::string> brokers;
    std::string topic_prefix = "egress";
    KafkaTls tls;
    KafkaSasl sasl;
    std::map<std::string, std::string> rdkafka;  ///< any librdkafka property, passed on as it is
    std::string
        dead_letter_path;  ///< dlq.ndjson: events that could not be sent; empty: only counted
    std::string client_id = "sallyport";
    std::string version = "0";
};

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

/// All properties in the order they are set, ours first. What contradicts itself is told in
/// `problems`, each with both places: "rdkafka.\"bootstrap.servers\" and brokers set the same
/// thing". Reads secret files; their contents never appear in a problem.
KafkaProperties kafka_properties(const KafkaSettings& settings, std::vector<std::string>& problems);

/// The name librdkafka knows a property by, when it has several.
std::string_view canonical_property(std::string_view name) noexcept;

/// "egress.flow.v1".
std::string kafka_topic(const KafkaSettings& settings, std::string_view event_class);

}  // namespace sallyport::exporters
