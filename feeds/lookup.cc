// SPDX-License-Identifier: Apache-2.0
#include "feeds/lookup.h"

#include "feeds/normalise.h"

#include <algorithm>

namespace sallyport::feeds {
namespace {

using classifier::ThreatDatabase;

std::string with_port(const IpAddress& address, std::uint16_t port) {
    const std::string text = address.text();
    return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(port);
}

LookupHit describe(const ThreatDatabase& database, const ThreatMatch& match) {
    LookupHit hit;
    const FeedNames& feed = database.feeds()[match.feed];
    hit.feed = feed.name;
    hit.category = feed.category;
    hit.action = match.action;
    hit.confidence = match.confidence;
    hit.type = match.type;
    classifier::IndicatorOrigin origin = database.origin(match);
    hit.path = std::move(origin.path);
    hit.line = origin.line;
    return hit;
}

// The indicator's text is not in the database: it is the part of what was asked that matched.
LookupHit describe_address(
    const ThreatDatabase& database,
    const ThreatMatch& match,
    const IpAddress& address,
    std::uint16_t port
) {
    LookupHit hit = describe(database, match);
    hit.indicator = match.type == IndicatorType::address_port ? with_port(address, port)
                    : match.type == IndicatorType::prefix
                        ? IpPrefix{address, match.detail}.canonical().text()
                        : address.text();
    return hit;
}

void find_address(
    const ThreatDatabase& database,
    const IpPrefix& asked,
    std::uint16_t port,
    std::vector<LookupHit>& hits
) {
    const auto add = [&](std::uint16_t asked_port, bool pairs_only) {
        for (const ThreatMatch& match : database.every_match(asked.address, asked_port)) {
            const bool holds_all = match.detail <= asked.length;
            if (holds_all && (!pairs_only || match.type == IndicatorType::address_port)) {
                hits.push_back(describe_address(database, match, asked.address, asked_port));
            }
        }
    };
    add(port, false);
    if (port == 0 && asked.length == asked.address.bits()) {
        for (unsigned every = 1; every <= 65535; ++every) {
            add(static_cast<std::uint16_t>(every), true);
        }
    }
}

Status find_name(
    const ThreatDatabase& database, std::string_view name, std::vector<LookupHit>& hits
) {
    const Result<classifier::Scratch> scratch = database.make_scratch();
    if (!scratch) {
        return scratch.error();
    }
    ThreatMatches probe;
    database.match_name(name, scratch.value().get(), probe);
    for (const ThreatMatch& match : database.every_match(name, scratch.value().get())) {
        LookupHit hit = describe(database, match);
        if (match.type == IndicatorType::pattern) {
            hit.indicator = database.patterns()[match.indicator];
        } else {
            hit.indicator = name.substr(match.detail);
            if (match.type == IndicatorType::subdomains) {
                hit.indicator.insert(0, "*.");
            }
        }
        hits.push_back(std::move(hit));
    }
    if (probe.match_error) {
        return Error{
            "Hyperscan failed to scan the name, so patterns may be missing from the answer"};
    }
    return Done{};
}

}  // namespace

Result<std::vector<LookupHit>> lookup(const ThreatDatabase& database, std::string_view value) {
    NormaliseRules rules;
    rules.names_exact = true;
    rules.slashes_quote_expressions = false;
    const Normalised asked = normalise(value, rules);
    const std::string shown = "\"" + std::string(value.substr(0, 300)) + "\"";
    if (asked.outcome != Outcome::indicator || asked.indicator.type == IndicatorType::pattern) {
        return Error{shown + " is not an address, a prefix, address:port, a name or a URL"};
    }
    std::vector<LookupHit> hits;
    const Indicator& what = asked.indicator;
    if (what.text.empty()) {
        find_address(database, what.prefix, what.port, hits);
    } else if (const Status found = find_name(database, what.text, hits); !found) {
        return found.error();
    }
    return hits;
}

}  // namespace sallyport::feeds
