// SPDX-License-Identifier: Apache-2.0
// Integers as they stand in packets. The types refuse to mix with host integers by accident.
#pragma once

#include <bit>
#include <cstdint>

namespace sallyport {

constexpr std::uint16_t byte_swap(std::uint16_t v) noexcept {
    return __builtin_bswap16(v);
}
constexpr std::uint32_t byte_swap(std::uint32_t v) noexcept {
    return __builtin_bswap32(v);
}
constexpr std::uint64_t byte_swap(std::uint64_t v) noexcept {
    return __builtin_bswap64(v);
}

/// A big-endian (network order) unsigned integer, trivially copyable, same size as its host twin.
template <class T>
class BigEndian {
public:
    constexpr BigEndian() noexcept = default;
    explicit constexpr BigEndian(T host) noexcept : raw_(swap(host)) {}
    [[nodiscard]] constexpr T host() const noexcept { return swap(raw_); }
    /// The bytes as they lie in memory, for hashing and checksums.
    [[nodiscard]] constexpr T raw() const noexcept { return raw_; }
    static constexpr BigEndian from_raw(T raw) noexcept {
        BigEndian out;
        out.raw_ = raw;
        return out;
    }
    friend constexpr bool operator==(BigEndian, BigEndian) noexcept = default;

private:
    static constexpr T swap(T v) noexcept {
        if constexpr (std::endian::native == std::endian::little) {
            return byte_swap(v);
        } else {
            return v;
        }
    }
    T raw_ = 0;
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4);

}  // namespace sallyport
