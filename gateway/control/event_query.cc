// SPDX-License-Identifier: Apache-2.0
#include "gateway/control/event_query.h"

#include <charconv>
#include <optional>

namespace sallyport::control {
namespace {

constexpr std::size_t kLastMax = 1'000'000;  // record numbers kept in memory while looking

std::optional<std::uint64_t> number(const std::string& text) {
    std::uint64_t out = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    return error == std::errc{} && stop == end && !text.empty() ? std::optional(out) : std::nullopt;
}

std::optional<FilterTerm> term_of(const std::string& text) {
    FilterTerm term;
    const std::size_t start = !text.empty() && text.front() == '!' ? 1 : 0;
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    term.negated = start == 1;
    term.name = text.substr(start, colon - start);
    term.value = text.substr(colon + 1);
    return term;
}

/// Takes one parameter that is no filter; the error says what was expected.
Status take(const std::string& name, const std::string& value, EventQuery& out) {
    const auto parsed = number(value);
    const std::string shown = name + "=" + value.substr(0, 60);
    if (name == "follow" && parsed && *parsed <= 1) {
        out.follow = *parsed == 1;
    } else if (name == "last" && parsed && *parsed <= kLastMax) {
        out.last = *parsed;
    } else if (name == "since" && parsed) {
        out.since = *parsed;
    } else if (name == "until" && parsed) {
        out.until = *parsed;
    } else {
        return Error{
            shown +
            " is not understood, expected follow=0|1, last=0-1000000, since=NS, "
            "until=NS or f=NAME:VALUE"};
    }
    return Done{};
}

std::string encoded(const std::string& text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4U];
            out += kHex[byte & 0xFU];
        }
    }
    return out;
}

}  // namespace

Result<EventQuery> parse_event_query(const Parameters& parameters) {
    EventQuery out;
    std::vector<FilterTerm> terms;
    for (const auto& [name, value] : parameters) {
        if (name == "f") {
            const auto term = term_of(value);
            if (!term) {
                return Error{"f=" + value.substr(0, 60) + " is no filter, expected f=NAME:VALUE"};
            }
            terms.push_back(*term);
        } else if (parameters.count(name) > 1) {
            return Error{name.substr(0, 60) + " is given twice, expected once"};
        } else if (Status taken = take(name, value, out); !taken) {
            return taken.error();
        }
    }
    Result<EventFilter> filter = EventFilter::make(terms);
    if (!filter) {
        return filter.error();
    }
    out.filter = std::move(filter).value();
    return out;
}

std::string event_query_path(const EventQuery& query) {
    std::string out = "/v1/events?follow=";
    out += query.follow ? "1" : "0";
    if (query.last) {
        out += "&last=" + std::to_string(*query.last);
    }
    if (query.since != 0) {
        out += "&since=" + std::to_string(query.since);
    }
    if (query.until != 0) {
        out += "&until=" + std::to_string(query.until);
    }
    for (const FilterTerm& term : query.filter.terms()) {
        out += "&f=" + encoded((term.negated ? "!" : "") + term.name + ":" + term.value);
    }
    return out;
}

}  // namespace sallyport::control
