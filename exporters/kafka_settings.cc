// SPDX-License-Identifier: Apache-2.0
#include "exporters/kafka_settings.h"

#include "exporters/spool_files.h"

#include <algorithm>
#include <array>

namespace sallyport::exporters {
namespace {

constexpr std::uint64_t kSecretBytesMax = 64U << 10U;

/// Kafka's reference, section 5: what differs from librdkafka's defaults and why.
constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kOurs{{
    {"enable.idempotence", "true"},
    {"message.timeout.ms", "0"},        // the spool owns retention: never give up for age
    {"partitioner", "murmur2_random"},  // as Java clients do, so that they partition alike
    {"queue.buffering.max.messages", "200000"},
    {"queue.buffering.max.kbytes", "262144"},
    {"linger.ms", "50"},
    {"compression.codec", "zstd"},
    {"statistics.interval.ms", "5000"},
    {"socket.keepalive.enable", "true"},
    {"client.software.name", "sallyport"},
}};

class Builder {
public:
    Builder(const KafkaSettings& settings, std::vector<std::string>& problems)
        : settings_(settings),
          problems_(problems) {}

    /// A property that follows from the key `place` of our own configuration.
    void set(std::string_view property, std::string_view value, std::string_view place) {
        for (const auto& [name, passed] : settings_.rdkafka) {
            if (canonical_property(name) == property) {
                problems_.push_back(
                    "rdkafka.\"" + name + "\" and " + std::string(place) +
                    " set the same thing: keep one of them"
                );
            }
        }
        out_.emplace_back(property, value);
    }
    void set_secret(std::string_view property, const std::string& path, std::string_view place) {
        auto text = read_file(path, kSecretBytesMax);
        if (!text) {
            problems_.push_back(std::string(place) + ": cannot read \"" + path + "\"");
            return;
        }
        while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) {
            text->pop_back();
        }
        set(property, *text, place);
    }
    void set_default(std::string_view property, std::string_view value) {
        const bool passed = std::ranges::any_of(settings_.rdkafka, [&](const auto& entry) {
            return canonical_property(entry.first) == property;
        });
        if (!passed) {
            out_.emplace_back(property, value);
        }
    }
    void set_brokers() {
        std::string list;
        for (const std::string& broker : settings_.brokers) {
            list += (list.empty() ? "" : ",") + broker;
        }
        if (list.empty()) {
            problems_.emplace_back("brokers: at least one is needed");
        }
        set("bootstrap.servers", list, "brokers");
    }
    void set_security() {
        const KafkaTls& tls = settings_.tls;
        const KafkaSasl& sasl = settings_.sasl;
        const bool with_sasl = !sasl.mechanism.empty();
        if (tls.enabled || with_sasl) {
            set("security.protocol",
                tls.enabled ? (with_sasl ? "sasl_ssl" : "ssl") : "sasl_plaintext",
                tls.enabled ? "tls" : "sasl");
        }
        set_file("ssl.ca.location", tls.ca_file, "tls.ca");
        set_file("ssl.certificate.location", tls.certificate_file, "tls.cert");
        set_file("ssl.key.location", tls.key_file, "tls.key");
        if (!tls.key_password_file.empty()) {
            set_secret("ssl.key.password", tls.key_password_file, "tls.key_password_file");
        }
        if (tls.certificate_file.empty() != tls.key_file.empty()) {
            problems_.emplace_back("tls.cert and tls.key belong together: one of them is missing");
        }
        if (with_sasl) {
            set("sasl.mechanisms", sasl.mechanism, "sasl.mechanism");
            set_if("sasl.username", sasl.username, "sasl.username");
            if (!sasl.password_file.empty()) {
                set_secret("sasl.password", sasl.password_file, "sasl.password_file");
            }
        } else if (!sasl.username.empty() || !sasl.password_file.empty()) {
            problems_.emplace_back("sasl.mechanism is missing, but a user name or password is given"
            );
        }
    }
    void set_passed() {
        for (const auto& [name, value] : settings_.rdkafka) {
            const std::string_view property = canonical_property(name);
            if (property == "delivery.report.only.error" && value != "false") {
                refuse(name, value, "only reports of success move the cursor of a sink");
            }
            if (property == "acks" && value == "0") {
                refuse(name, value, "a report then says nothing about delivery");
            }
            out_.emplace_back(name, value);
        }
    }
    KafkaProperties take() { return std::move(out_); }

private:
    void set_if(std::string_view property, const std::string& value, std::string_view place) {
        if (!value.empty()) {
            set(property, value, place);
        }
    }
    void set_file(std::string_view property, const std::string& path, std::string_view place) {
        if (path.empty()) {
            return;
        }
        if (!read_file(path, kSecretBytesMax * 16)) {
            problems_.push_back(std::string(place) + ": cannot read \"" + path + "\"");
        }
        set(property, path, place);
    }
    void refuse(const std::string& name, const std::string& value, std::string_view why) {
        problems_.push_back(
            "rdkafka.\"" + name + "\": \"" + value + "\" is refused: " + std::string(why)
        );
    }

    const KafkaSettings& settings_;
    std::vector<std::string>& problems_;
    KafkaProperties out_;
};

}  // namespace

std::string_view canonical_property(std::string_view name) noexcept {
    // librdkafka 2.0.2 CONFIGURATION.md: rows that say "Alias for".
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kAliases{{
        {"metadata.broker.list", "bootstrap.servers"},
        {"sasl.mechanism", "sasl.mechanisms"},
        {"request.required.acks", "acks"},
        {"delivery.timeout.ms", "message.timeout.ms"},
        {"queue.buffering.max.ms", "linger.ms"},
        {"compression.type", "compression.codec"},
        {"max.in.flight.requests.per.connection", "max.in.flight"},
        {"retries", "message.send.max.retries"},
    }};
    const auto at = std::ranges::find(kAliases, name, &decltype(kAliases)::value_type::first);
    return at != kAliases.end() ? at->second : name;
}

KafkaProperties kafka_properties(
    const KafkaSettings& settings, std::vector<std::string>& problems
) {
    Builder builder(settings, problems);
    builder.set_brokers();
    builder.set_default("client.id", settings.client_id);
    for (const auto& [property, value] : kOurs) {
        builder.set_default(property, value);
    }
    builder.set_default("client.software.version", settings.version);
    builder.set_security();
    builder.set_passed();
    return builder.take();
}

std::string kafka_topic(const KafkaSettings& settings, std::string_view event_class) {
    return settings.topic_prefix + '.' + std::string(event_class) + ".v1";
}

}  // namespace sallyport::exporters
