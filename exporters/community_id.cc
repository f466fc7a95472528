// SPDX-License-Identifier: Apache-2.0
#include "exporters/community_id.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <openssl/evp.h>
#include <optional>
#include <tuple>
#include <utility>

namespace sallyport::exporters {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmp6 = 58;
constexpr std::uint8_t kSctp = 132;
/// seed, two addresses, protocol, padding, two ports.
constexpr std::size_t kInputBytesMax = 2 + 2 * 16 + 2 + 2 * 2;
constexpr std::size_t kSha1Bytes = 20;

using TypePair = std::pair<std::uint16_t, std::uint16_t>;
constexpr std::array<TypePair, 10> kIcmpPairs{
    TypePair{8, 0},
    {0, 8},
    {13, 14},
    {14, 13},
    {15, 16},
    {16, 15},
    {10, 9},
    {9, 10},
    {17, 18},
    {18, 17}};
constexpr std::array<TypePair, 12> kIcmp6Pairs{
    TypePair{128, 129},
    {129, 128},
    {133, 134},
    {134, 133},
    {135, 136},
    {136, 135},
    {130, 131},
    {131, 130},
    {139, 140},
    {140, 139},
    {144, 145},
    {145, 144}};

std::optional<std::uint16_t> counterpart(std::uint8_t protocol, std::uint16_t type) {
    const auto find = [type](const auto& pairs) -> std::optional<std::uint16_t> {
        const auto at = std::ranges::find(pairs, type, &TypePair::first);
        return at == pairs.end() ? std::nullopt : std::optional(at->second);
    };
    return protocol == kIcmp ? find(kIcmpPairs) : find(kIcmp6Pairs);
}

class Input {
public:
    void add(const std::uint8_t* bytes, std::size_t size) {
        std::memcpy(bytes_.data() + size_, bytes, size);
        size_ += size;
    }
    void add(std::uint16_t value) {
        const std::uint8_t bytes[2] = {
            static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
        add(bytes, 2);
    }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::array<std::uint8_t, kInputBytesMax> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace

CommunityId::CommunityId(std::uint16_t seed)
    : seed_(seed),
      sha1_(EVP_MD_fetch(nullptr, "SHA1", nullptr)),
      context_(EVP_MD_CTX_new()) {}

CommunityId::~CommunityId() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(sha1_);
}

std::string CommunityId::of(const FlowTuple& tuple) {
    if (tuple.source.family != tuple.destination.family || tuple.source.bits() == 0 ||
        sha1_ == nullptr || context_ == nullptr) {
        return {};
    }
    const bool icmp = tuple.protocol == kIcmp || tuple.protocol == kIcmp6;
    const bool ports =
        icmp || tuple.protocol == kTcp || tuple.protocol == kUdp || tuple.protocol == kSctp;
    std::uint16_t first_port = tuple.source_port;
    std::uint16_t second_port = tuple.destination_port;
    bool one_way = false;
    if (icmp) {
        const auto other = counterpart(tuple.protocol, first_port);
        one_way = !other;
        second_port = other.value_or(second_port);
    }
    const IpAddress* first = &tuple.source;
    const IpAddress* second = &tuple.destination;
    const bool swapped =
        ports ? std::tie(*second, second_port) < std::tie(*first, first_port) : *second < *first;
    if (swapped && !one_way) {
        std::swap(first, second);
        std::swap(first_port, second_port);
    }
    Input input;
    input.add(seed_);
    const std::size_t address_bytes = tuple.source.bits() / 8;
    input.add(first->bytes.data(), address_bytes);
    input.add(second->bytes.data(), address_bytes);
    const std::uint8_t protocol[2] = {tuple.protocol, 0};
    input.add(protocol, 2);
    if (ports) {
        input.add(first_port);
        input.add(second_port);
    }
    std::array<std::uint8_t, kSha1Bytes> digest{};
    if (EVP_DigestInit_ex2(context_, sha1_, nullptr) != 1 ||
        EVP_DigestUpdate(context_, input.data(), input.size()) != 1 ||
        EVP_DigestFinal_ex(context_, digest.data(), nullptr) != 1) {
        return {};
    }
    std::array<std::uint8_t, 32> text{};
    const int size = EVP_EncodeBlock(text.data(), digest.data(), kSha1Bytes);
    std::string out = "1:";
    out.append(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(size));
    return out;
}

}  // namespace sallyport::exporters
