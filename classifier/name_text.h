// SPDX-License-Identifier: Apache-2.0
// From the bytes of a name in a packet to the one text that feeds, policies and events compare.
#pragma once

#include "gateway/model/facts.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::classifier {

/// Builds the text of one name (the canonical form of gateway/model/domain_name.h) label by label.
///
/// - Letters become lower case. Letters, digits, '-' and '_' are legal. Anything else makes the
///   name invalid but stays readable: printable bytes as they are, the others, a backslash, and a
///   dot inside a label as \DDD (three decimal digits, RFC 1035 section 5.1).
/// - A text longer than kNameBytesMax keeps its rightmost labels behind a dot that stands for what
///   was left out. Such a name is invalid and equals no indicator, while everything at or above
///   the labels that were kept still matches: an escape cannot push a name off a deny list.
///
/// Lives on the stack of one parser call (about 1 KiB, not zeroed). No allocation, never throws.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): text_ is not zeroed on purpose.
class NameText {
public:
    /// Appends one label of 0..63 bytes as it stands in a DNS message (RFC 1035 section 3.1). An
    /// empty or longer label makes the name invalid.
    void add_label(std::span<const std::uint8_t> label) noexcept;
    /// Replaces what is there by a whole name written with dots (SNI, Host); one final dot is
    /// dropped.
    void assign(std::span<const std::uint8_t> text) noexcept;
    void mark_invalid() noexcept { invalid_ = true; }

    [[nodiscard]] bool invalid() const noexcept { return invalid_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Writes the text to `out`, which must have room for kNameBytesMax bytes, or for all of the
    /// name if that is less; returns the bytes written. A name that had to be shortened becomes
    /// invalid.
    std::size_t copy_to(std::span<char> out) noexcept;
    /// Stores name, size, source and validity.
    void store(NameSource source, Facts& facts) noexcept;

private:
    /// Four characters for each byte of the longest name on the wire (255 octets, RFC 1035 2.3.4).
    static constexpr std::size_t kTextBytesMax = 1024;

    void append_escaped(std::uint8_t byte) noexcept;

    std::array<char, kTextBytesMax> text_;  // not zeroed: only [0, size_) is ever read
    std::size_t size_ = 0;
    std::size_t labels_ = 0;
    bool invalid_ = false;
    bool shortened_ = false;
};

}  // namespace sallyport::classifier
