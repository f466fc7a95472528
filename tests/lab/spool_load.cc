// SPDX-License-Identifier: Apache-2.0
// Feeds a spool at a steady rate and sends it to Kafka, as the gateway does, without a gateway.
//
//   spool_load DIRECTORY BROKERS RATE BOOT      until SIGTERM; then drains for at most 30 s and
//   prints one
//                                               line of JSON: what was appended and what was
//                                               confirmed
#include "exporters/ecs_encoder.h"
#include "exporters/kafka_sink.h"
#include "exporters/sink_runner.h"
#include "exporters/spool.h"
#include "tests/unit/exporters/samples.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <pthread.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace sallyport;
using namespace sallyport::exporters;

constexpr std::chrono::milliseconds kTick{10};
constexpr std::chrono::seconds kDrain{30};
constexpr std::uint64_t kConnections = 64;

/// Flows of 64 connections in turn, each tenth event a DNS query, each hundredth a threat match.
Event event_of(std::uint64_t sequence, std::uint64_t boot) {
    Event event = sequence % 100 == 0 ? sample_threat(sequence) : sample_flow_end(sequence);
    if (sequence % 10 == 1) {
        event.kind = EventKind::dns_query;
        event.app_protocol = AppProtocol::dns;
        event.name_source = NameSource::dns;
    }
    event.boot = boot;
    event.time_ns = SystemClock().wall_ns();
    event.end_ns = 0;
    event.source_port = static_cast<std::uint16_t>(20000 + sequence % kConnections);
    return event;
}

std::unique_ptr<SinkRunner> start_sink(Spool& spool, const std::string& brokers) {
    KafkaSettings settings;
    settings.brokers = {brokers};
    // Broker restarts of seconds are the point here, so connect again without long pauses.
    settings.rdkafka = {{"reconnect.backoff.max.ms", "1000"}};
    auto sink = make_kafka_sink(settings);
    auto reader = spool.reader("kafka");
    if (!sink || !reader) {
        std::fprintf(stderr, "%s\n", (!sink ? sink.error() : reader.error()).message.c_str());
        std::exit(2);
    }
    SinkRunnerSettings runner;
    runner.name = "kafka";
    auto out = std::make_unique<SinkRunner>(
        runner, std::move(reader).value(), std::make_unique<EcsEncoder>(), std::move(sink).value()
    );
    out->start();
    return out;
}

/// Appends `rate` events a second until a signal comes; returns how many.
std::uint64_t feed(Spool& spool, std::uint64_t rate, std::uint64_t boot, const sigset_t& signals) {
    const auto start = std::chrono::steady_clock::now();
    const timespec tick{0, std::chrono::nanoseconds(kTick).count()};
    std::uint64_t sequence = 0;
    std::vector<Event> events;
    while (sigtimedwait(&signals, nullptr, &tick) < 0) {
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        const auto due = static_cast<std::uint64_t>(seconds * static_cast<double>(rate));
        events.clear();
        while (sequence < due) {
            events.push_back(event_of(++sequence, boot));
        }
        spool.append(events);
    }
    return sequence;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: spool_load DIRECTORY BROKERS RATE BOOT\n");
        return 2;
    }
    // Before any thread is made, so that all inherit it and only feed() hears the signals.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    SpoolSettings settings;
    settings.directory = argv[1];
    settings.boot = std::strtoull(argv[4], nullptr, 10);
    settings.bytes_max = 8ULL << 30U;
    settings.sinks = {"kafka"};
    auto opened = Spool::open(settings);
    if (!opened) {
        std::fprintf(stderr, "%s\n", opened.error().message.c_str());
        return 2;
    }
    const auto spool = std::move(opened).value();
    EventDictionary names = sample_dictionary();
    names.boot = settings.boot;
    if (const Status written = spool->write_dictionary(names); !written) {
        std::fprintf(stderr, "%s\n", written.error().message.c_str());
        return 2;
    }
    const auto runner = start_sink(*spool, argv[2]);
    const std::uint64_t appended =
        feed(*spool, std::strtoull(argv[3], nullptr, 10), settings.boot, signals);
    spool->close();
    runner->stop(kDrain);
    const SinkReport report = runner->report();
    const SpoolStats stats = spool->stats();
    std::uint64_t lost = 0;
    for (const std::uint64_t count : stats.lost_by_cause) {
        lost += count;
    }
    std::printf(
        "{\"appended\":%llu,\"lost\":%llu,\"behind\":%llu,\"delivered\":%llu,\"retried\":%llu,"
        "\"restarts\":%llu,\"dead_letters\":%llu}\n",
        static_cast<unsigned long long>(appended),
        static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(report.behind),
        static_cast<unsigned long long>(report.sink.delivered),
        static_cast<unsigned long long>(report.sink.retried),
        static_cast<unsigned long long>(report.sink.restarts),
        static_cast<unsigned long long>(report.sink.dead_letters)
    );
    return 0;
}
