// SPDX-License-Identifier: Apache-2.0
// Vectors from two other implementations: OpenSSL's SIPHASH with c-rounds 1 and d-rounds 3 (key and
// input 00 01 02...), and CPython's hash() of bytes under PYTHONHASHSEED=0 (a key of zeros).
#include "gateway/model/keyed_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sallyport {
namespace {

TEST(KeyedHash, VectorsOfOpenssl) {
    const HashKey key{0x0706050403020100ULL, 0x0F0E0D0C0B0A0908ULL};
    std::array<std::uint8_t, 64> input{};
    for (std::size_t i = 0; i < input.size(); ++i) {
        input[i] = static_cast<std::uint8_t>(i);
    }
    struct Vector {
        std::size_t size;
        std::uint64_t hash_bytes;  // as printed: first byte on the left
    };
    for (const Vector& vector : {
             Vector{0, 0xDCC40F055801ACABULL},
             Vector{1, 0x93CA577DF39BF4C9ULL},
             Vector{7, 0x4011B19B987D92D3ULL},
             Vector{8, 0x8E9A298D11959036ULL},
             Vector{9, 0xE43D066CB38EA425ULL},
             Vector{15, 0x5699512A6DD820D3ULL},
             Vector{63, 0xA8B3BBB76290199DULL},
         }) {
        EXPECT_EQ(siphash13(key, input.data(), vector.size), __builtin_bswap64(vector.hash_bytes))
            << vector.size;
    }
}

TEST(KeyedHash, VectorsOfCpython) {
    const auto hash = [](std::string_view text) { return siphash13({}, text.data(), text.size()); };
    EXPECT_EQ(hash("a"), 0x407448D2B89B1813ULL);
    EXPECT_EQ(hash("abcdefgh"), 0x3F7B849C0B8E35EAULL);
}

TEST(KeyedHash, KeyAndSizeMatter) {
    const std::array<char, 16> zeros{};
    EXPECT_NE(siphash13({1, 2}, zeros.data(), 8), siphash13({1, 3}, zeros.data(), 8));
    EXPECT_NE(siphash13({1, 2}, zeros.data(), 8), siphash13({2, 2}, zeros.data(), 8));
    EXPECT_NE(siphash13({1, 2}, zeros.data(), 8), siphash13({1, 2}, zeros.data(), 9));
}

TEST(KeyedHash, KeysAreFresh) {
    const HashKey one = random_hash_key();
    const HashKey two = random_hash_key();
    EXPECT_FALSE(one.k0 == two.k0 && one.k1 == two.k1);
}

}  // namespace
}  // namespace sallyport
