// SPDX-License-Identifier: Apache-2.0
// What an event costs behind the worker: into the spool, out of it, and as text.
//   export_bench [DIRECTORY]      the spool goes below DIRECTORY (default: the system's for
//   temporary files)
#include "exporters/community_id.h"
#include "exporters/ecs_encoder.h"
#include "exporters/envelope.h"
#include "exporters/flat_encoder.h"
#include "exporters/spool.h"
#include "tests/unit/exporters/samples.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sallyport;
using namespace sallyport::exporters;

double seconds_of(const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_row(const char* what, double count, double seconds, const char* note = "") {
    std::printf(
        "%-44s %10.0f /s %9.0f ns  %s\n", what, count / seconds, seconds / count * 1e9, note
    );
}

[[noreturn]] void give_up(const Error& error) {
    std::fprintf(stderr, "export_bench: %s\n", error.message.c_str());
    std::exit(1);  // NOLINT(concurrency-mt-unsafe): nothing else runs
}

std::unique_ptr<Spool> fresh_spool(const std::string& directory) {
    std::filesystem::remove_all(directory);
    SpoolSettings settings;
    settings.directory = directory;
    settings.boot = kBoot;
    settings.sinks = {"bench"};
    auto opened = Spool::open(settings);
    if (!opened) {
        give_up(opened.error());
    }
    auto spool = std::move(opened).value();
    if (const Status named = spool->write_dictionary(sample_dictionary()); !named) {
        give_up(named.error());
    }
    return spool;
}

void measure_append(const std::string& directory, std::size_t burst, bool urgent) {
    const std::size_t total = urgent ? 2000 : 1'000'000;
    const auto spool = fresh_spool(directory);
    const std::vector<Event> events(burst, urgent ? sample_threat() : sample_flow_end());
    const double seconds = seconds_of([&] {
        for (std::size_t done = 0; done < total; done += burst) {
            spool->append(events);
        }
        spool->commit();
    });
    const SpoolStats stats = spool->stats();
    const std::string what = std::string("append and commit, ") + (urgent ? "threat" : "flow") +
                             ", bursts of " + std::to_string(burst);
    const std::string note =
        std::to_string(std::lround(static_cast<double>(stats.bytes) / seconds / 1e6)) + " MB/s, " +
        std::to_string(stats.commits) + " commits";
    print_row(what.c_str(), static_cast<double>(total), seconds, note.c_str());
}

void measure_read(const std::string& directory) {
    const auto spool = fresh_spool(directory);
    const std::vector<Event> events(1000, sample_flow_end());
    for (int i = 0; i < 500; ++i) {
        spool->append(events);
    }
    spool->commit();
    const auto reader = std::move(spool->reader("bench")).value();
    Event event;
    std::uint64_t number = 0;
    std::size_t count = 0;
    const double seconds = seconds_of([&] {
        while (reader->next(event, number)) {
            ++count;
        }
    });
    print_row("read", static_cast<double>(count), seconds);
}

void measure_encode(const char* what, Encoder& encoder, const Event& event) {
    constexpr std::size_t kCount = 200'000;
    const EventDictionary names = sample_dictionary();
    std::string out;
    std::size_t bytes = 0;
    const double seconds = seconds_of([&] {
        for (std::size_t i = 0; i < kCount; ++i) {
            out.clear();
            encoder.encode(event, names, out);
            bytes += out.size();
        }
    });
    const std::string note = std::to_string(bytes / kCount) + " bytes";
    print_row(what, kCount, seconds, note.c_str());
}

void measure_envelope() {
    constexpr std::size_t kCount = 200'000;
    const EventDictionary names = sample_dictionary();
    EnvelopeMaker maker("ecs/9.4.0");
    Envelope envelope;
    const Event event = sample_flow_end();
    print_row("Kafka key and headers, flow", kCount, seconds_of([&] {
                  for (std::size_t i = 0; i < kCount; ++i) {
                      maker.make(event, names, envelope);
                  }
              }));
}

void measure_community_id() {
    constexpr std::size_t kCount = 500'000;
    CommunityId id;
    FlowTuple tuple{address("10.42.3.17"), address("192.0.2.80"), 6, 48120, 443};
    std::size_t bytes = 0;
    const double seconds = seconds_of([&] {
        for (std::size_t i = 0; i < kCount; ++i) {
            tuple.source_port = static_cast<std::uint16_t>(i);
            bytes += id.of(tuple).size();
        }
    });
    print_row("Community ID", kCount, seconds, bytes == kCount * 30 ? "" : "wrong length");
}

}  // namespace

int main(int argc, char** argv) {
    const std::string parent = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
    const std::string directory = parent + "/sallyport-export-bench";
    measure_append(directory, 1000, false);
    measure_append(directory, 64, false);
    measure_append(directory, 1, true);
    measure_read(directory);
    std::filesystem::remove_all(directory);
    EcsEncoder ecs;
    FlatEncoder flat;
    measure_encode("ECS, flow end", ecs, sample_flow_end());
    measure_encode("ECS, threat match", ecs, sample_threat());
    measure_encode("flat, flow end", flat, sample_flow_end());
    measure_envelope();
    measure_community_id();
    return 0;
}
