// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson and Bernstein; the reduced-round variant that hash tables of several
// languages use): a keyed hash for tables whose keys an attacker can choose. The flow table's own
// hash is in gateway/dataplane/flow_hash.h.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sallyport {

struct HashKey {
    std::uint64_t k0 = 0;
    std::uint64_t k1 = 0;
};

/// Fresh random key from the kernel.
HashKey random_hash_key();

inline std::uint64_t siphash13(const HashKey& key, const void* data, std::size_t size) noexcept {
    std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575ULL;
    std::uint64_t v1 = key.k1 ^ 0x646f72616e646f6dULL;
    std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261ULL;
    std::uint64_t v3 = key.k1 ^ 0x7465646279746573ULL;
    const auto round = [&]() noexcept {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    };
    const auto* bytes = static_cast<const unsigned char*>(data);
    std::size_t left = size;
    for (; left >= 8; left -= 8, bytes += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes, 8);
        v3 ^= word;
        round();
        v0 ^= word;
    }
    std::uint64_t last = 0;
    if (size >= 8 && left != 0) {
        // The word that ends with the data, less what was read already: memcpy of a variable size
        // is a call.
        std::memcpy(&last, bytes + left - 8, 8);
        last >>= 64U - 8 * left;
    } else {
        for (std::size_t i = 0; i < left; ++i) {
            last |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
        }
    }
    last |= static_cast<std::uint64_t>(size) << 56U;
    v3 ^= last;
    round();
    v0 ^= last;
    v2 ^= 0xff;
    round();
    round();
    round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace sallyport
