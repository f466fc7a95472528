// SPDX-License-Identifier: Apache-2.0
// Internet checksums (RFC 1071) and their incremental update (RFC 1624). Sums are over 16-bit words
// as they lie in memory: the result is right in either byte order, so nothing is swapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sallyport::dataplane {

inline std::uint16_t fold_sum(std::uint64_t sum) noexcept {
    sum = (sum & 0xFFFFFFFFU) + (sum >> 32U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(sum);
}

/// One's complement sum of `bytes`, unfolded; an odd last byte is padded with zero.
inline std::uint64_t raw_sum(std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t sum = 0;
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data() + i, 4);
        sum += word;
    }
    std::uint32_t last = 0;
    std::memcpy(&last, bytes.data() + i, bytes.size() - i);
    return sum + last;
}

inline std::uint16_t checksum_of(std::uint64_t sum) noexcept {
    return static_cast<std::uint16_t>(~fold_sum(sum));
}

/// What changing one 32-bit word from `old_raw` to `new_raw` adds to a sum (RFC 1624 equation 3: ~m
/// + m').
inline std::uint64_t delta32(std::uint32_t old_raw, std::uint32_t new_raw) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(~old_raw)) + new_raw;
}
inline std::uint64_t delta16(std::uint16_t old_raw, std::uint16_t new_raw) noexcept {
    return static_cast<std::uint64_t>(static_cast<std::uint16_t>(~old_raw)) + new_raw;
}

/// HC' = ~(~HC + delta) for a delta already folded to 16 bits.
inline std::uint16_t update_checksum(std::uint16_t checksum, std::uint32_t delta) noexcept {
    std::uint32_t sum = static_cast<std::uint16_t>(~checksum) + delta;
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace sallyport::dataplane
