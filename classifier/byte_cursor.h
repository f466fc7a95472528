// SPDX-License-Identifier: Apache-2.0
// The one way parsers read bytes that somebody else wrote. A read that does not fit returns false,
// moves nothing and leaves its output alone, so a parser is a chain of reads without offset
// arithmetic:
//
//   if (!cursor.read_u16(type) || !cursor.read_u16(size) || !cursor.take(size, data)) {
//       return malformed;
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::classifier {

/// Walks a span of bytes it does not own; integers are big endian (network order). A value type: a
/// copy is a bookmark. No allocation, never throws; one thread an instance.
class ByteCursor {
public:
    constexpr ByteCursor() noexcept = default;
    constexpr explicit ByteCursor(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

    [[nodiscard]] constexpr std::size_t remaining() const noexcept {
        return bytes_.size() - position_;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return remaining() == 0; }
    /// Bytes read so far: the offset of the next byte in the span given at construction.
    [[nodiscard]] constexpr std::size_t position() const noexcept { return position_; }
    /// What has not been read yet.
    [[nodiscard]] constexpr std::span<const std::uint8_t> rest() const noexcept {
        return bytes_.subspan(position_);
    }

    [[nodiscard]] constexpr bool read_u8(std::uint8_t& out) noexcept {
        if (empty()) {
            return false;
        }
        out = bytes_[position_++];
        return true;
    }
    [[nodiscard]] constexpr bool read_u16(std::uint16_t& out) noexcept {
        return read_bytes<2>(out);
    }
    /// Three bytes into the low end of 32 bits, as TLS writes lengths.
    [[nodiscard]] constexpr bool read_u24(std::uint32_t& out) noexcept {
        return read_bytes<3>(out);
    }
    [[nodiscard]] constexpr bool read_u32(std::uint32_t& out) noexcept {
        return read_bytes<4>(out);
    }

    [[nodiscard]] constexpr bool skip(std::size_t count) noexcept {
        if (count > remaining()) {
            return false;
        }
        position_ += count;
        return true;
    }
    /// The next `count` bytes as a cursor of their own, which cannot see past them.
    [[nodiscard]] constexpr bool take(std::size_t count, ByteCursor& out) noexcept {
        if (count > remaining()) {
            return false;
        }
        out = ByteCursor(bytes_.subspan(position_, count));
        position_ += count;
        return true;
    }
    /// A vector as TLS writes it: its size in one byte (two, for take_u16) and then its bytes.
    /// Nothing is read when either is cut.
    [[nodiscard]] constexpr bool take_u8(ByteCursor& out) noexcept {
        ByteCursor ahead = *this;
        std::uint8_t count = 0;
        if (!ahead.read_u8(count) || !ahead.take(count, out)) {
            return false;
        }
        *this = ahead;
        return true;
    }
    [[nodiscard]] constexpr bool take_u16(ByteCursor& out) noexcept {
        ByteCursor ahead = *this;
        std::uint16_t count = 0;
        if (!ahead.read_u16(count) || !ahead.take(count, out)) {
            return false;
        }
        *this = ahead;
        return true;
    }

private:
    template <unsigned kBytes, class Integer>
    [[nodiscard]] constexpr bool read_bytes(Integer& out) noexcept {
        if (kBytes > remaining()) {
            return false;
        }
        std::uint32_t value = 0;
        for (unsigned i = 0; i < kBytes; ++i) {
            value = (value << 8U) | bytes_[position_ + i];
        }
        out = static_cast<Integer>(value);
        position_ += kBytes;
        return true;
    }

    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
};

}  // namespace sallyport::classifier
