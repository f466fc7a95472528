// SPDX-License-Identifier: Apache-2.0
// From the text of one feed entry to an indicator in canonical form. The only place that knows how
// people write addresses, names and URLs (reference/feeds.md section 3); formats only cut lines up.
#pragma once

#include "feeds/indicator.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::feeds {

/// What the format knows about a value beside its text.
struct ValueHint {
    /// A name means only itself (hosts files).
    bool exact = false;
    /// A destination port from another column; 0: none.
    std::uint16_t port = 0;
};

struct NormaliseRules {
    bool names_exact = false;             ///< a bare name is a domain, not a suffix
    bool wildcard_includes_apex = false;  ///< `*.d` is a suffix, not subdomains
    /// `/x/` is a regular expression (plain), not a path (maltrail).
    bool slashes_quote_expressions = true;
    /// An entry with regular expression characters is one without being quoted (maltrail).
    bool bare_expressions = false;
};

enum class Outcome : std::uint8_t { indicator, skipped, bad };

struct Normalised {
    Outcome outcome = Outcome::bad;
    SkipReason skip = SkipReason::empty_value;
    Indicator indicator;
    std::string problem;  ///< what is wrong with a bad value, without the value

    static Normalised skipped(SkipReason reason);
    static Normalised bad(std::string problem);
};

/// Takes any bytes. Does not ask the guard rails.
Normalised normalise(std::string_view raw, const NormaliseRules& rules, const ValueHint& hint = {});

/// Undoes the usual ways of making an indicator unclickable: hxxp, [.], (dot), [:] and the like.
std::string refang(std::string_view text);

/// `text` without white space at both ends.
std::string_view trim(std::string_view text) noexcept;

}  // namespace sallyport::feeds
