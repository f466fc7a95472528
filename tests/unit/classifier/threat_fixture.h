// SPDX-License-Identifier: Apache-2.0
// Threat databases made in a test, entry by entry.
#pragma once

#include "classifier/threat_builder.h"
#include "classifier/threat_database.h"
#include "classifier/threat_image.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::classifier {

/// Bytes that start at a cache line, as check_image() wants them.
class ImageBytes {
public:
    explicit ImageBytes(const std::vector<std::byte>& bytes)
        : size_(bytes.size()),
          lines_((bytes.size() + 63) / 64) {
        std::memcpy(lines_.data(), bytes.data(), bytes.size());
    }
    [[nodiscard]] std::span<std::byte> bytes() {
        return {reinterpret_cast<std::byte*>(lines_.data()), size_};
    }

private:
    struct alignas(64) Line {
        std::array<std::byte, 64> bytes;
    };
    std::size_t size_;
    std::vector<Line> lines_;
};

struct MadeFeed {
    std::string name;
    FeedAction action = FeedAction::deny;
    std::uint8_t confidence = 50;
};

/// Lines are numbered in the order of the calls, over all feeds.
class MadeDatabase {
public:
    explicit MadeDatabase(const std::vector<MadeFeed>& feeds) {
        for (const MadeFeed& feed : feeds) {
            names_.push_back({feed.name, "test", feed.action, feed.confidence});
        }
        builder_ = std::make_unique<ThreatBuilder>(names_, HashKey{1, 2}, HashKey{3, 4});
        for (const MadeFeed& feed : feeds) {
            builder_->add_file(feed.name + ".txt");
        }
    }

    MadeDatabase& name(std::uint16_t feed, IndicatorType type, std::string_view text) {
        builder_->add_name(type, text, origin(feed));
        return *this;
    }
    MadeDatabase& suffix(std::uint16_t feed, std::string_view text) {
        return name(feed, IndicatorType::suffix, text);
    }
    MadeDatabase& name_with(std::uint16_t feed, FeedAction action, std::string_view text) {
        Origin at = origin(feed);
        at.action = action;
        builder_->add_name(IndicatorType::suffix, text, at);
        return *this;
    }
    MadeDatabase& prefix(std::uint16_t feed, std::string_view text) {
        builder_->add_prefix(IpPrefix::parse(text)->canonical(), origin(feed));
        return *this;
    }
    MadeDatabase& pair(std::uint16_t feed, std::string_view address, std::uint16_t port) {
        builder_->add_pair(*IpAddress::parse(address), port, origin(feed));
        return *this;
    }
    MadeDatabase& pattern(std::uint16_t feed, std::string_view text, PatternKind kind) {
        builder_->add_pattern({text, kind}, origin(feed));
        return *this;
    }

    std::vector<std::byte> image() {
        std::vector<std::byte> out;
        const Status done = builder_->finish({1, 2, 3}, [&out](std::span<const std::byte> bytes) {
            out.insert(out.end(), bytes.begin(), bytes.end());
            return true;
        });
        EXPECT_TRUE(done.ok());
        return out;
    }
    std::shared_ptr<const ThreatDatabase> open(const std::string& cache = "") {
        write(image());
        auto opened = ThreatDatabase::open(path(), cache);
        EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
        return opened.ok() ? opened.value() : ThreatDatabase::empty();
    }
    void write(const std::vector<std::byte>& bytes) const {
        std::ofstream out(path(), std::ios::binary);
        out.write(
            reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
        );
    }
    [[nodiscard]] std::string path() const { return directory_.file("threats.db"); }
    [[nodiscard]] std::string directory() const { return directory_.path().string(); }

private:
    Origin origin(std::uint16_t feed) { return {feed, feed, ++line_, names_[feed].action}; }

    test::TemporaryDirectory directory_;
    std::vector<FeedNames> names_;
    std::unique_ptr<ThreatBuilder> builder_;
    std::uint32_t line_ = 0;
};

/// "feed:type@detail" of each match, in order, separated by blanks.
inline std::string text_of(const ThreatDatabase& database, const ThreatMatches& matches) {
    std::string out;
    for (std::size_t i = 0; i < matches.size; ++i) {
        const ThreatMatch& match = matches.items[i];
        out += (out.empty() ? "" : " ") + database.feeds()[match.feed].name + ":" +
               std::string(name_of(match.type)) + "@" + std::to_string(match.detail);
    }
    return out;
}

inline std::string ask_name(
    const ThreatDatabase& database, std::string_view name, hs_scratch* scratch = nullptr
) {
    ThreatMatches matches;
    database.match_name(name, scratch, matches);
    EXPECT_FALSE(matches.match_error);
    return text_of(database, matches);
}

inline std::string ask_address(
    const ThreatDatabase& database, std::string_view address, std::uint16_t port = 0
) {
    ThreatMatches matches;
    database.match_address(*IpAddress::parse(address), port, matches);
    return text_of(database, matches);
}

}  // namespace sallyport::classifier
