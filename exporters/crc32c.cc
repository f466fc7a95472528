// SPDX-License-Identifier: Apache-2.0
#include "exporters/crc32c.h"

#include <array>
#include <cstring>

namespace sallyport::exporters {
namespace {

/// 0x1EDC6F41 with its bits reversed, as a CRC that shifts right wants it.
constexpr std::uint32_t kPolynomial = 0x82F63B78U;

constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value >> 1U) ^ ((value & 1U) != 0 ? kPolynomial : 0);
        }
        out[i] = value;
    }
    return out;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(
    std::uint32_t crc, std::span<const std::uint8_t> bytes
) noexcept {
    std::uint64_t state = ~crc;
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    auto narrow = static_cast<std::uint32_t>(state);
    for (; left > 0; --left, ++at) {
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    }
    return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::uint8_t> bytes) noexcept {
    std::uint32_t state = ~crc;
    for (const std::uint8_t byte : bytes) {
        state = (state >> 8U) ^ kTable[(state ^ byte) & 0xFFU];
    }
    return ~state;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::uint8_t> bytes) noexcept {
#if defined(__x86_64__)
    static const bool kFast = __builtin_cpu_supports("sse4.2") != 0;
    if (kFast) {
        return crc32c_sse42(crc, bytes);
    }
#endif
    return crc32c_portable(crc, bytes);
}

}  // namespace sallyport::exporters
