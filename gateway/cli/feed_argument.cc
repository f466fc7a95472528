// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/feed_argument.h"

#include "gateway/config/units.h"

#include <algorithm>
#include <array>
#include <string>

namespace sallyport::cli {
namespace {

constexpr std::array<std::string_view, 8> kKeys{
    "format",
    "action",
    "category",
    "confidence",
    "csv.value",
    "csv.type",
    "csv.port",
    "csv.delimiter"};

/// `,key=` at `at`: the key, or "".
std::string_view key_at(std::string_view text, std::size_t at) {
    for (const std::string_view key : kKeys) {
        if (text.substr(at + 1, key.size()) == key && text.size() > at + 1 + key.size() &&
            text[at + 1 + key.size()] == '=') {
            return key;
        }
    }
    return {};
}

std::size_t next_option(std::string_view text, std::size_t from) {
    std::size_t at = text.find(',', from);
    while (at != std::string_view::npos && key_at(text, at).empty()) {
        at = text.find(',', at + 1);
    }
    return std::min(at, text.size());
}

Status set(config::FeedConfig& feed, std::string_view key, const std::string& value) {
    const std::string shown = std::string(key) + "=" + value;
    if (key == "action") {
        for (const FeedAction action : {FeedAction::alert, FeedAction::deny, FeedAction::allow}) {
            if (value == name_of(action)) {
                feed.action = action;
                return Done{};
            }
        }
        return Error{shown + " is no action, expected alert, deny or allow"};
    }
    if (key == "confidence") {
        const auto number = config::parse_number(value);
        if (!number || *number > 100) {
            return Error{shown + " is outside 0-100"};
        }
        feed.confidence = static_cast<std::uint32_t>(*number);
        return Done{};
    }
    std::string& field = key == "format"      ? feed.format
                         : key == "category"  ? feed.category
                         : key == "csv.value" ? feed.csv.value
                         : key == "csv.type"  ? feed.csv.type
                         : key == "csv.port"  ? feed.csv.port
                                              : feed.csv.delimiter;
    field = value;
    return Done{};
}

}  // namespace

Result<config::FeedConfig> parse_feed_argument(std::string_view text) {
    const std::size_t equal = text.find('=');
    if (equal == 0 || equal == std::string_view::npos) {
        return Error{"\"" + std::string(text) + "\" is no feed, expected NAME=FILE"};
    }
    config::FeedConfig feed;
    feed.name = text.substr(0, equal);
    std::size_t at = next_option(text, equal + 1);
    feed.path = text.substr(equal + 1, at - equal - 1);
    if (feed.path.empty()) {
        return Error{"\"" + std::string(text) + "\" names no file, expected NAME=FILE"};
    }
    while (at < text.size()) {
        const std::string_view key = key_at(text, at);
        const std::size_t start = at + 1 + key.size() + 1;
        at = next_option(text, start);
        if (Status done = set(feed, key, std::string(text.substr(start, at - start))); !done) {
            return Error{"feed " + feed.name + ": " + done.error().message};
        }
    }
    return feed;
}

}  // namespace sallyport::cli
