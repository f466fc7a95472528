// SPDX-License-Identifier: Apache-2.0
// Domain names as they are compared: one canonical form for DNS, SNI, Host, feeds and policy.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sallyport {

/// Result of canonicalise(): size 0 means "not a name".
struct CanonicalName {
    std::size_t size = 0;
    bool invalid =
        false;  ///< holds bytes outside letters, digits, '-', '_', '.', or a bad label length
};

/// Writes the canonical form of `text` to `out` (at least 254 bytes): lower case, one final dot
/// removed. Labels are 1..63 bytes, the whole at most 253. `_` is allowed (RFC 2181 section 11).
/// Anything else is kept as it is and flagged invalid; longer input gives size 0 and invalid. No
/// allocation; any thread.
CanonicalName canonicalise(std::string_view text, std::span<char> out) noexcept;

/// The same on the control side; empty when not a valid name.
std::string canonical_name(std::string_view text);

/// True when `name` is `parent` or below it, at a label boundary. Both canonical.
bool is_or_below(std::string_view name, std::string_view parent) noexcept;

}  // namespace sallyport
