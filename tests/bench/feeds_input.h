// SPDX-License-Identifier: Apache-2.0
// What the feed benchmarks read: the whole maltrail set where the shared data is, else as many
// made-up names and addresses.
#pragma once

#include "feeds/feed.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_directory.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

namespace sallyport::bench {

inline constexpr std::size_t kMadeUpNames = 1'000'000;
inline constexpr std::size_t kMadeUpAddresses = 300'000;

struct FeedsInput {
    test::TemporaryDirectory directory;
    feeds::FeedSource source;
    bool real = false;
};

inline std::string made_up_name(std::mt19937_64& random) {
    constexpr std::string_view kTops[]{"example", "test", "invalid", "localdomain", "xyz"};
    std::string name;
    for (std::size_t length = 6 + random() % 12; length > 0; --length) {
        name += static_cast<char>('a' + random() % 26);
    }
    if (random() % 4 == 0) {
        name += "." + std::string(1, static_cast<char>('a' + random() % 26)) + "-hosting";
    }
    return name + "." + std::string(kTops[random() % std::size(kTops)]);
}

inline void make_up_feed(const std::string& path) {
    std::mt19937_64 random(1);
    std::ofstream out(path);
    for (std::size_t i = 0; i < kMadeUpNames; ++i) {
        out << made_up_name(random) << '\n';
    }
    for (std::size_t i = 0; i < kMadeUpAddresses; ++i) {
        out << IpAddress::v4(0x20000000U + static_cast<std::uint32_t>(random() % 0x60000000U))
                   .text()
            << (i % 8 == 0 ? "\n" : ":443\n");
    }
}

inline void fill(FeedsInput& input) {
    input.source.name = "bench";
    input.source.action = FeedAction::deny;
    input.source.bad_lines_percent_max = 100;
    if (const auto shared = test::shared_data_directory()) {
        const std::string archive = (*shared / "feeds/maltrail/trails-static.tar.xz").string();
        const std::string command =
            "tar -xJf '" + archive + "' -C '" + input.directory.path().string() + "'";
        // Benchmarks are single-threaded here.
        if (std::system(command.c_str()) == 0) {  // NOLINT(concurrency-mt-unsafe,cert-env33-c)
            input.real = true;
            input.source.format = "maltrail";
            input.source.path = input.directory.path().string();
            return;
        }
    }
    input.source.format = "plain";
    input.source.path = input.directory.file("feed.txt");
    make_up_feed(input.source.path);
}

}  // namespace sallyport::bench
