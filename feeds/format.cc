// SPDX-License-Identifier: Apache-2.0
#include "feeds/format.h"

#include "gateway/model/address.h"

#include <array>

namespace sallyport::feeds {
namespace {

constexpr std::array<std::string_view, 5> kNames{"auto", "plain", "hosts", "csv", "maltrail"};
constexpr std::size_t kLinesLookedAt = 200;

// An address, white space, then something else than a number (a list's hit count).
bool is_hosts_line(std::string_view line) {
    const auto space = line.find_first_of(" \t");
    if (space == std::string_view::npos || !IpAddress::parse(line.substr(0, space))) {
        return false;
    }
    const std::string_view rest = trim(without_comment(line.substr(space)));
    return !rest.empty() && rest.find_first_not_of("0123456789") != std::string_view::npos &&
           rest.front() != '#' && rest.front() != ';';
}

}  // namespace

NormaliseRules Format::rules(const FeedSource& source) const {
    NormaliseRules rules;
    rules.names_exact = source.names_exact;
    rules.wildcard_includes_apex = source.wildcard_includes_apex;
    return rules;
}

std::span<const std::string_view> format_names() noexcept {
    return kNames;
}

std::unique_ptr<Format> make_format(std::string_view name, const FeedSource& source) {
    if (name == "plain") {
        return make_plain_format();
    }
    if (name == "hosts") {
        return make_hosts_format();
    }
    if (name == "csv") {
        return make_csv_format(source.csv);
    }
    if (name == "maltrail") {
        return make_maltrail_format();
    }
    return nullptr;
}

std::string_view detect_format(std::string_view head, const FeedSource& source) {
    std::size_t data = 0;
    std::size_t hosts = 0;
    bool header_above = false;
    const char delimiter = csv_delimiter(source.csv);
    for (std::size_t seen = 0; seen < kLinesLookedAt && !head.empty(); ++seen) {
        const auto end = head.find('\n');
        const std::string_view line = trim(head.substr(0, end));
        head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
        if (line.empty()) {
            continue;
        }
        const bool comment = line.starts_with('#') || line.starts_with(';');
        if (comment && line.find("Maltrail developers") != std::string_view::npos) {
            return "maltrail";
        }
        // A header stands above the data, commented or not.
        if (data == 0 && is_csv_header(line, source.csv)) {
            if (!comment) {
                return "csv";
            }
            header_above = true;
        }
        if (!comment) {
            if (header_above && data == 0 && line.find(delimiter) != std::string_view::npos) {
                return "csv";
            }
            ++data;
            hosts += is_hosts_line(line) ? 1 : 0;
        }
    }
    return hosts * 2 > data ? "hosts" : "plain";
}

std::string_view without_comment(std::string_view text) noexcept {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if ((text[i] == '#' || text[i] == ';') && (text[i - 1] == ' ' || text[i - 1] == '\t')) {
            return trim(text.substr(0, i));
        }
    }
    return text;
}

}  // namespace sallyport::feeds
