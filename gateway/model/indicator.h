// SPDX-License-Identifier: Apache-2.0
// One entry of a threat feed, and what a lookup answers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// What a feed's match asks for. Order is strength: allow beats deny beats alert at equal
/// specificity.
enum class FeedAction : std::uint8_t { alert = 0, deny = 1, allow = 2 };

enum class IndicatorType : std::uint8_t {
    none = 0,
    address = 1,       ///< one host
    prefix = 2,        ///< a network
    address_port = 3,  ///< host and destination port
    domain = 4,        ///< exactly this name
    suffix = 5,        ///< this name and everything below it
    subdomains = 6,    ///< everything below this name, not itself
    pattern = 7,       ///< matched by Hyperscan
};

constexpr std::string_view name_of(FeedAction a) noexcept {
    constexpr std::array<std::string_view, 3> kNames{"alert", "deny", "allow"};
    return kNames[static_cast<std::size_t>(a) % kNames.size()];
}
constexpr std::string_view name_of(IndicatorType t) noexcept {
    constexpr std::array<std::string_view, 8> kNames{
        "none", "address", "prefix", "address_port", "domain", "suffix", "subdomains", "pattern"};
    return kNames[static_cast<std::size_t>(t) % kNames.size()];
}

/// One feed that holds the destination. Trivially copyable: it is stored in Event.
struct ThreatMatch {
    std::uint16_t feed =
        0;  ///< index into the threat database's feeds (and EventDictionary::feeds)
    IndicatorType type = IndicatorType::none;
    FeedAction action = FeedAction::alert;
    /// prefix: its length; address_port: unused; domain, suffix, subdomains: offset in the
    /// looked-up name at which the indicator's text starts; pattern: unused.
    std::uint8_t detail = 0;
    std::uint8_t confidence = 0;  ///< 0..100 as configured for the feed
    std::uint16_t reserved = 0;
    std::uint32_t indicator =
        0;  ///< pattern: index into EventDictionary::patterns; else its id in the database
};
static_assert(sizeof(ThreatMatch) == 12);

inline constexpr std::size_t kThreatMatchesMax = 8;

/// The matches of one lookup or of one flow, strongest first; `total` counts those that did not fit
/// too.
struct ThreatMatches {
    std::array<ThreatMatch, kThreatMatchesMax> items{};
    std::uint8_t size = 0;
    std::uint8_t total = 0;    ///< saturates at 255
    bool match_error = false;  ///< a scan failed: decide by the exception rule, never as "no match"

    void add(const ThreatMatch& match) noexcept {
        if (total < 255) {
            ++total;
        }
        if (size < kThreatMatchesMax) {
            items[size++] = match;
        }
    }
    [[nodiscard]] bool empty() const noexcept { return size == 0; }
};

}  // namespace sallyport
