// SPDX-License-Identifier: Apache-2.0
// Feeds written by a test and read back.
#pragma once

#include "classifier/threat_database.h"
#include "feeds/compiler.h"
#include "feeds/feed.h"
#include "feeds/lookup.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::feeds {

class FeedTest : public ::testing::Test {
protected:
    FeedSource feed(
        const std::string& name, std::string_view content, FeedAction action = FeedAction::deny
    ) {
        FeedSource source;
        source.name = name;
        source.path = directory_.file(name + ".txt");
        source.action = action;
        write(source.path, content);
        return source;
    }
    static void write(const std::string& path, std::string_view content) {
        std::ofstream out(path, std::ios::binary);
        out.write(content.data(), static_cast<std::streamsize>(content.size()));
    }

    /// Reads and remembers the indicators as text, in order: "type text", joined by ", ".
    FeedReport read(const FeedSource& source, const NeverBlock& never_block = {}) {
        given_.clear();
        FeedReaderHooks hooks;
        hooks.indicator = [this](const Indicator& indicator, const Place&) {
            given_ += (given_.empty() ? "" : ", ") + text_of(indicator);
        };
        return read_feed(source, never_block, hooks);
    }
    static std::string text_of(const Indicator& indicator) {
        std::string out(name_of(indicator.type));
        out += ' ';
        if (!indicator.text.empty()) {
            out += indicator.text;
        } else if (indicator.type == IndicatorType::address_port) {
            out += indicator.prefix.address.text() + " " + std::to_string(indicator.port);
        } else {
            out += indicator.prefix.text();
        }
        return out + (indicator.alert_only ? " alert" : "");
    }

    std::shared_ptr<const classifier::ThreatDatabase> compiled(
        const std::vector<FeedSource>& sources, const CompileOptions& options = {}
    ) {
        Problems problems;
        const auto report = compile(sources, output(), problems, options);
        EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
        const auto opened = classifier::ThreatDatabase::open(output(), "");
        EXPECT_TRUE(opened.ok()) << (opened.ok() ? "" : opened.error().message);
        return opened.ok() ? opened.value() : classifier::ThreatDatabase::empty();
    }
    [[nodiscard]] std::string output() const { return directory_.file("threats.db"); }

    /// "feed type indicator action line" of each hit, joined by "; ".
    static std::string found(const classifier::ThreatDatabase& database, std::string_view value) {
        const auto hits = lookup(database, value);
        if (!hits) {
            return hits.error().message;
        }
        std::string out;
        for (const LookupHit& hit : hits.value()) {
            out += (out.empty() ? "" : "; ") + hit.feed + " " + std::string(name_of(hit.type)) +
                   " " + hit.indicator + " " + std::string(name_of(hit.action)) + " " +
                   std::to_string(hit.line);
        }
        return out;
    }

    test::TemporaryDirectory directory_;
    std::string given_;
};

inline std::uint64_t count_of(const FeedReport& report, IndicatorType type) {
    return report.indicators[static_cast<std::size_t>(type)];
}
inline std::uint64_t skips_of(const FeedReport& report, SkipReason reason) {
    const auto found = report.skipped.find(name_of(reason));
    return found == report.skipped.end() ? 0 : found->second;
}

}  // namespace sallyport::feeds
