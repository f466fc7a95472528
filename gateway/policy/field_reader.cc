// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/field_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sallyport::policy {
namespace {

using Node = FieldReader::Node;

/// Levenshtein distance of two short keys.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] =
                std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string_view nearest(std::string_view key, FieldReader::Keys known) {
    constexpr std::size_t kTypoMax = 3;
    constexpr std::size_t kKeyBytesMax = 64;  // nobody's typo is longer
    std::string_view best;
    std::size_t best_distance = kTypoMax + 1;
    for (const std::string_view candidate : known) {
        const std::size_t d = key.size() > kKeyBytesMax ? best_distance : distance(key, candidate);
        if (d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

bool is_empty_value(const Node& node) {
    return !node.given() || node.text() == "false" || (node.is_string() && node.text().empty()) ||
           ((node.is_list() || node.is_map()) && node.begin() == node.end());
}

bool among(std::string_view key, FieldReader::Keys keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

}  // namespace

std::string indexed(std::string_view field, std::size_t index) {
    return std::string(field) + '[' + std::to_string(index) + ']';
}

std::string member(std::string_view field, std::string_view key) {
    return field.empty() ? std::string(key) : std::string(field) + '.' + std::string(key);
}

bool is_dns_label(std::string_view text) noexcept {
    const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return is_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) noexcept {
    if (text.empty() || text.size() > 253) {
        return false;
    }
    for (;;) {
        const auto dot = text.find('.');
        if (!is_dns_label(text.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

std::string FieldReader::message(std::string_view field, std::string_view text) const {
    std::string out = where_ + std::string(field);
    if (!out.empty()) {
        if (out.back() == '.') {
            out.pop_back();
        }
        out += ": ";
    }
    return out + std::string(text);
}

SourcePlace FieldReader::place(const Node& at) const {
    return {path_, at.place().line, at.place().column};
}

void FieldReader::problem(const Node& at, std::string_view field, std::string_view text) {
    out_.problems.push_back(place(at).problem(message(field, text)));
}

void FieldReader::note(const Node& at, std::string_view field, std::string_view text) {
    out_.notes.push_back(place(at).problem(message(field, text)));
}

void FieldReader::check_keys(
    const Node& map, std::string_view field, Keys known, Keys unsupported
) {
    if (!map.is_map()) {
        return;
    }
    for (const Node child : map) {
        const std::string_view key = child.key();
        if (among(key, known) || (among(key, unsupported) && is_empty_value(child))) {
            continue;
        }
        std::string text =
            among(key, unsupported) ? "is not supported by this version" : "unknown field";
        const std::string_view meant = nearest(key, known);
        if (!among(key, unsupported) && !meant.empty()) {
            text += ", did you mean " + std::string(meant) + '?';
        }
        const identity::TextPlace at = child.key_place();
        out_.problems.push_back(
            {path_, at.line, at.column, message(member(field, key.substr(0, 100)), text)}
        );
    }
}

bool FieldReader::is_list(const Node& node, std::string_view field) {
    if (node.given() && !node.is_list()) {
        problem(node, field, "expected a list");
        return false;
    }
    return true;
}

bool FieldReader::is_map(const Node& node, std::string_view field) {
    if (node.given() && !node.is_map()) {
        problem(node, field, "expected a map");
        return false;
    }
    return true;
}

std::string_view FieldReader::text(const Node& map, std::string_view key, std::string_view field) {
    const Node node = map[key];
    if (node.given() && !node.is_string()) {
        problem(node, member(field, key), "expected a string");
        return {};
    }
    return node.text();
}

std::optional<Selector> FieldReader::selector(
    const Node& map, std::string_view key, std::string_view field
) {
    const std::string_view source = text(map, key, field);
    if (source.empty()) {
        return std::nullopt;
    }
    Result<Selector> parsed = Selector::parse(source);
    if (!parsed) {
        problem(map[key], member(field, key), parsed.error().message);
        return std::nullopt;
    }
    return std::move(parsed).value();
}

std::optional<unsigned> FieldReader::integer(
    const Node& node, std::string_view field, unsigned low, unsigned high
) {
    if (!node.given()) {
        return std::nullopt;
    }
    const std::string_view digits = node.text();
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (node.kind() != Node::Kind::number || error != std::errc{} ||
        end != digits.data() + digits.size() || value < low || value > high) {
        problem(
            node,
            field,
            '"' + std::string(digits.substr(0, 100)) + "\" is not a whole number in " +
                std::to_string(low) + '-' + std::to_string(high)
        );
        return std::nullopt;
    }
    return value;
}

double FieldReader::order(const Node& spec) {
    constexpr double kLast = std::numeric_limits<double>::infinity();
    const Node node = spec["order"];
    if (!node.given()) {
        return kLast;
    }
    const std::string_view digits = node.text();
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (node.kind() != Node::Kind::number || error != std::errc{} ||
        end != digits.data() + digits.size() || !std::isfinite(value)) {
        problem(node, "spec.order", "expected a number");
        return kLast;
    }
    return value;
}

}  // namespace sallyport::policy
