// SPDX-License-Identifier: Apache-2.0
// Keyed hash of a flow key: 64x64->128-bit multiply and fold, twice, with 256 bits of secret drawn
// at start. Linear hashes (CRC32C, Toeplitz) collide for every seed once they collide for one, so
// they may choose a core but never a bucket (performance.md 5.2, N1).
#pragma once

#include "gateway/model/flow_key.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace sallyport::dataplane {

struct FlowHashKey {
    std::array<std::uint64_t, 4> word = {
        0x9E3779B97F4A7C15ULL, 0xC2B2AE3D27D4EB4FULL, 0x165667B19E3779F9ULL, 0x27D4EB2F165667C5ULL};
    /// From the kernel's random source. Every table of a process uses its own.
    static FlowHashKey random();
};

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

inline std::uint64_t flow_hash(const FlowHashKey& key, const FlowKey4& flow) noexcept {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, &flow, 8);
    std::memcpy(&b, reinterpret_cast<const char*>(&flow) + 8, 8);
    const std::uint64_t first = fold_multiply(a ^ key.word[0], b ^ key.word[1]);
    return fold_multiply(first ^ key.word[2], key.word[3]);
}

inline std::uint64_t flow_hash(const FlowHashKey& key, const FlowKey6& flow) noexcept {
    std::uint64_t last = 0;
    std::memcpy(&last, &flow.inside_port, 8);
    const std::uint64_t first =
        fold_multiply(flow.inside[0] ^ key.word[0], flow.inside[1] ^ key.word[1]);
    const std::uint64_t second =
        fold_multiply(flow.outside[0] ^ key.word[2] ^ first, flow.outside[1] ^ key.word[3]);
    return fold_multiply(second ^ key.word[0], last ^ key.word[3]);
}

}  // namespace sallyport::dataplane
