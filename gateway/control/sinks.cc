// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/sinks.h"

#include "exporters/encoder.h"
#include "exporters/file_sink.h"
#include "exporters/kafka_sink.h"
#include "gateway/control/version.h"

#include <cstdlib>
#include <thread>
#include <utility>

namespace sallyport::control {
namespace {

std::string_view encoding_name(config::Encoding encoding) {
    return encoding == config::Encoding::flat ? "flat" : "ecs";
}

Result<exporters::KafkaSettings> kafka_settings(
    const config::Config& config, const config::KafkaSinkConfig& sink
) {
    exporters::KafkaSettings out;
    out.brokers = sink.brokers;
    out.topic_prefix = sink.topics.prefix;
    out.rdkafka = sink.rdkafka;
    out.client_id = "sallyport-" + config.gateway.name;
    out.version = std::string(version());
    out.dead_letter_path = config.events.spool.directory + "/" + sink.name + "-dlq.ndjson";
    if (sink.tls) {
        out.tls.enabled = true;
        out.tls.ca_file = sink.tls->ca;
        out.tls.certificate_file = sink.tls->cert;
        out.tls.key_file = sink.tls->key;
        out.tls.key_password_file = sink.tls->key_password_file;
        if (!sink.tls->verify_host) {
            out.rdkafka.emplace("ssl.endpoint.identification.algorithm", "none");
        }
    }
    if (sink.sasl) {
        out.sasl.mechanism = sink.sasl->mechanism;
        out.sasl.username = sink.sasl->username;
        out.sasl.password_file = sink.sasl->password_file;
        if (!sink.sasl->password_env.empty()) {
            const char* password = std::getenv(sink.sasl->password_env.c_str());
            if (password == nullptr) {
                return Error{
                    "events.sinks: " + sink.name + ": environment variable " +
                    sink.sasl->password_env + " is not set; it is to hold the SASL password"};
            }
            out.rdkafka.emplace("sasl.password", password);
        }
    }
    return out;
}

struct Made {
    std::string name;
    std::string kind;
    config::Encoding encoding = config::Encoding::ecs;
    std::unique_ptr<exporters::Sink> sink;
};

Result<Made> make_sink(const config::Config& config, const config::SinkConfig& sink) {
    if (sink.kafka) {
        auto settings = kafka_settings(config, *sink.kafka);
        if (!settings) {
            return settings.error();
        }
        auto made = exporters::make_kafka_sink(settings.value());
        if (!made) {
            return Error{"events.sinks: " + sink.kafka->name + ": " + made.error().message};
        }
        return Made{sink.kafka->name, "kafka", sink.kafka->encoding, std::move(made).value()};
    }
    exporters::FileSinkSettings settings;
    settings.path = sink.file->path;
    auto made = exporters::make_file_sink(settings);
    if (!made) {
        return Error{"events.sinks: " + sink.file->name + ": " + made.error().message};
    }
    return Made{sink.file->name, "file", sink.file->encoding, std::move(made).value()};
}

}  // namespace

std::vector<std::string> sink_names(const config::Config& config) {
    std::vector<std::string> out;
    for (const config::SinkConfig& sink : config.events.sinks) {
        out.push_back(sink.kafka ? sink.kafka->name : sink.file->name);
    }
    return out;
}

Result<std::unique_ptr<Sinks>> Sinks::start(const config::Config& config, exporters::Spool& spool) {
    auto out = std::make_unique<Sinks>();
    for (const config::SinkConfig& sink : config.events.sinks) {
        auto made = make_sink(config, sink);
        if (!made) {
            return made.error();
        }
        auto encoder = exporters::make_encoder(encoding_name(made.value().encoding));
        if (!encoder) {
            return encoder.error();
        }
        auto reader = spool.reader(made.value().name);
        if (!reader) {
            return reader.error();
        }
        exporters::SinkRunnerSettings settings;
        settings.name = made.value().name;
        out->sinks_.push_back(
            {made.value().kind,
             std::make_unique<exporters::SinkRunner>(
                 settings,
                 std::move(reader).value(),
                 std::move(encoder).value(),
                 std::move(made.value().sink)
             )}
        );
    }
    for (One& one : out->sinks_) {
        one.runner->start();
    }
    return out;
}

void Sinks::stop(std::chrono::milliseconds timeout) {
    std::vector<std::thread> threads;
    threads.reserve(sinks_.size());
    for (One& one : sinks_) {
        threads.emplace_back([&one, timeout] { one.runner->stop(timeout); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

std::vector<SinkStatus> Sinks::status() const {
    std::vector<SinkStatus> out;
    for (const One& one : sinks_) {
        const exporters::SinkReport report = one.runner->report();
        SinkStatus status;
        status.name = report.name;
        status.kind = one.kind;
        status.healthy =
            report.sink.state == exporters::SinkState::ok && report.cursor_error.empty();
        status.state = report.cursor_error.empty() ? report.sink.text : report.cursor_error;
        status.delivered = report.sink.delivered;
        status.lag = report.behind;
        status.retries = report.sink.retried;
        status.dead_letters = report.sink.dead_letters;
        out.push_back(std::move(status));
    }
    return out;
}

}  // namespace sallyport::control
