// SPDX-License-Identifier: Apache-2.0
// What a reload of feeds costs: reading and compiling the whole set (time and peak memory), the
// hash that tells whether it is needed, and opening the result.
#include "classifier/threat_database.h"
#include "feeds/compiler.h"
#include "tests/bench/feeds_input.h"

#include <chrono>
#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using sallyport::Problems;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void print_report(const sallyport::feeds::CompileReport& report) {
    const sallyport::feeds::FeedReport& feed = report.feeds.front();
    std::printf(
        "lines %lu  bad %lu  indicators %lu  repeats %lu  file %.1f MB\n",
        feed.lines,
        feed.bad_lines,
        report.indicators,
        feed.repeats,
        static_cast<double>(report.file_bytes) / 1e6
    );
    for (std::size_t type = 1; type < feed.indicators.size(); ++type) {
        const auto name = name_of(static_cast<sallyport::IndicatorType>(type));
        std::printf(
            "  %-13.*s %8lu\n", static_cast<int>(name.size()), name.data(), feed.indicators[type]
        );
    }
    for (const auto& [reason, count] : feed.skipped) {
        std::printf("  skipped %-16s %8lu\n", reason.c_str(), count);
    }
}

// In a process of its own, so that its peak memory is its own.
int compile_in_child(const sallyport::feeds::FeedSource& source, const std::string& output) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        Problems problems;
        const auto start = Clock::now();
        sallyport::feeds::CompileOptions options;
        options.pattern_cache = output + ".cache";
        const auto report = sallyport::feeds::compile({source}, output, problems, options);
        const double seconds = seconds_since(start);
        if (!report) {
            std::printf("refused: %s\n", report.error().message.c_str());
            std::fflush(stdout);
            _exit(1);
        }
        print_report(report.value());
        std::printf("compile          %8.2f s    (aim: 5 s)\n", seconds);
        std::fflush(stdout);
        _exit(0);
    }
    int status = 0;
    struct rusage usage = {};
    wait4(child, &status, 0, &usage);
    std::printf(
        "processor time   %8.2f s\n",
        static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
            static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    );
    std::printf(
        "peak memory      %8.0f MiB  (aim: 1024 MiB)\n",
        static_cast<double>(usage.ru_maxrss) / 1024.0
    );
    return status;
}

}  // namespace

int main() {
    sallyport::bench::FeedsInput input;
    sallyport::bench::fill(input);
    std::printf("set: %s\n", input.real ? "maltrail trails/static" : "made up");
    const std::string output = input.directory.file("threats.db");
    if (compile_in_child(input.source, output) != 0) {
        return 1;
    }
    const auto hash_start = Clock::now();
    const std::string hash = sallyport::feeds::inputs_hash({input.source});
    std::printf("inputs_hash      %8.3f s\n", seconds_since(hash_start));
    for (int round = 0; round < 3; ++round) {
        const auto start = Clock::now();
        const auto database =
            sallyport::classifier::ThreatDatabase::open(output, output + ".cache");
        const double seconds = seconds_since(start);
        if (!database || database.value()->content_hash() != hash) {
            std::printf("open failed\n");
            return 1;
        }
        std::printf("open             %8.3f s    (aim: 0.5 s)\n", seconds);
    }
    return 0;
}
