// SPDX-License-Identifier: Apache-2.0
// One entry of a feed in canonical form, and the closed list of reasons for which an entry is
// passed over.
#pragma once

#include "classifier/threat_format.h"
#include "gateway/model/address.h"
#include "gateway/model/indicator.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::feeds {

using classifier::PatternKind;

struct Indicator {
    IndicatorType type = IndicatorType::none;
    IpPrefix prefix;  ///< address, prefix and address_port: canonical; a host has the full length
    std::uint16_t port = 0;  ///< address_port
    std::string text;  ///< domain, suffix, subdomains: the canonical name; pattern: as written
    PatternKind pattern = PatternKind::wildcard;
    /// The entry says less than the whole host is bad (a page on it), so it may only alert.
    bool alert_only = false;
    /// An exception inside a feed that otherwise denies or alerts.
    bool allow = false;
};

// Name, help. The name is what reports and metrics say.
#define SALLYPORT_SKIP_REASONS(X)                                                         \
    X(guarded_address, "private, loopback, multicast or another range no feed may touch") \
    X(guarded_part, "a prefix that holds such a range; the range was cut out of it")      \
    X(never_block, "on the list of what is never blocked here")                           \
    X(too_wide, "a prefix wider than the feed may block")                                 \
    X(public_suffix, "a top-level domain or public suffix; see allow_public_suffixes")    \
    X(local_name, "localhost and other names of a hosts file's preamble")                 \
    X(redirect, "a hosts line that points to a real address does not block")              \
    X(url_path, "a path without a host: not seen in encrypted traffic")                   \
    X(file_hash, "the hash of a file: not seen on the wire")                              \
    X(other_type, "a kind of indicator this gateway does not match")                      \
    X(scoped_address, "an address with a scope is local to one host")                     \
    X(empty_value, "a row without a value")

enum class SkipReason : std::uint8_t {
#define X(name, help) name,
    SALLYPORT_SKIP_REASONS(X)
#undef X
        count_
};

inline constexpr std::size_t kSkipReasonCount = static_cast<std::size_t>(SkipReason::count_);

constexpr std::string_view name_of(SkipReason reason) noexcept {
    constexpr std::array<std::string_view, kSkipReasonCount + 1> kNames{
#define X(name, help) #name,
        SALLYPORT_SKIP_REASONS(X)
#undef X
            ""};
    return kNames[static_cast<std::size_t>(reason)];
}

constexpr std::string_view help_of(SkipReason reason) noexcept {
    constexpr std::array<std::string_view, kSkipReasonCount + 1> kTexts{
#define X(name, help) help,
        SALLYPORT_SKIP_REASONS(X)
#undef X
            ""};
    return kTexts[static_cast<std::size_t>(reason)];
}

}  // namespace sallyport::feeds
