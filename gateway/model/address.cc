// SPDX-License-Identifier: Apache-2.0
#include "gateway/model/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace sallyport {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    // inet_pton wants a terminated string; the longest legal text is 45 characters (RFC 4291).
    std::array<char, 46> buffer{};
    if (text.empty() || text.size() >= buffer.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    text.copy(buffer.data(), text.size());
    IpAddress out;
    if (inet_pton(AF_INET, buffer.data(), out.bytes.data()) == 1) {
        out.family = IpFamily::v4;
        return out;
    }
    out.bytes = {};
    if (inet_pton(AF_INET6, buffer.data(), out.bytes.data()) == 1) {
        out.family = IpFamily::v6;
        return out;
    }
    return std::nullopt;
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    if (family == IpFamily::none) {
        return {};
    }
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes.data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    IpPrefix out{*address, static_cast<std::uint8_t>(address->bits())};
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned length = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (error != std::errc{} || end != digits.data() + digits.size() ||
            length > address->bits()) {
            return std::nullopt;
        }
        out.length = static_cast<std::uint8_t>(length);
    }
    return out;
}

IpPrefix IpPrefix::canonical() const noexcept {
    IpPrefix out = *this;
    for (unsigned i = 0; i < 16; ++i) {
        const unsigned first_bit = i * 8;
        if (first_bit >= length) {
            out.address.bytes[i] = 0;
        } else if (first_bit + 8 > length) {
            out.address.bytes[i] &= static_cast<std::uint8_t>(0xFF00U >> (length - first_bit));
        }
    }
    return out;
}

bool IpPrefix::contains(const IpAddress& other) const noexcept {
    if (other.family != address.family) {
        return false;
    }
    const std::size_t whole = std::min<std::size_t>(length / 8, address.bytes.size());
    if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) {
        return false;
    }
    const unsigned rest = length % 8;
    const unsigned differ =
        rest == 0 || whole == address.bytes.size() ? 0U : address.bytes[whole] ^ other.bytes[whole];
    return differ >> (8 - rest) == 0;
}

std::string IpPrefix::text() const {
    return address.text() + '/' + std::to_string(length);
}

}  // namespace sallyport
