// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses and prefixes as values. Bytes are kept in network order.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

enum class IpFamily : std::uint8_t { none = 0, v4 = 4, v6 = 6 };

/// An address of either family; IPv4 uses the first four bytes, the rest is zero.
/// Trivially copyable: crosses rings and enters the spool as part of Event.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    IpFamily family = IpFamily::none;

    static IpAddress v4(std::uint32_t host_order) noexcept {
        IpAddress out;
        out.family = IpFamily::v4;
        out.bytes = {
            static_cast<std::uint8_t>(host_order >> 24U),
            static_cast<std::uint8_t>(host_order >> 16U),
            static_cast<std::uint8_t>(host_order >> 8U),
            static_cast<std::uint8_t>(host_order)};
        return out;
    }
    /// From four bytes in network order, read from memory as one integer.
    static IpAddress v4_raw(std::uint32_t raw) noexcept {
        // All sixteen bytes in one store: a copy that loads more than the last store wrote waits
        // until every store before it has reached the cache.
        const std::array<std::uint64_t, 2> words{raw, 0};
        IpAddress out;
        out.family = IpFamily::v4;
        std::memcpy(out.bytes.data(), words.data(), sizeof words);
        return out;
    }
    /// From sixteen bytes in network order.
    static IpAddress v6(const std::uint8_t* bytes16) noexcept {
        IpAddress out;
        out.family = IpFamily::v6;
        std::memcpy(out.bytes.data(), bytes16, 16);
        return out;
    }
    /// Text as inet_pton takes it: strict dotted decimal (no leading zeros) or RFC 4291.
    static std::optional<IpAddress> parse(std::string_view text);

    [[nodiscard]] bool is_v4() const noexcept { return family == IpFamily::v4; }
    [[nodiscard]] bool is_v6() const noexcept { return family == IpFamily::v6; }
    /// IPv4 in host order; 0 for other families.
    [[nodiscard]] std::uint32_t v4_host() const noexcept {
        return is_v4() ? (std::uint32_t{bytes[0]} << 24U) | (std::uint32_t{bytes[1]} << 16U) |
                             (std::uint32_t{bytes[2]} << 8U) | bytes[3]
                       : 0;
    }
    /// IPv4 in network order as one integer.
    [[nodiscard]] std::uint32_t v4_raw() const noexcept {
        std::uint32_t raw = 0;
        std::memcpy(&raw, bytes.data(), 4);
        return raw;
    }
    [[nodiscard]] unsigned bits() const noexcept { return is_v4() ? 32 : is_v6() ? 128 : 0; }
    /// Canonical text (RFC 5952 for IPv6); "" for none.
    [[nodiscard]] std::string text() const;

    /// As two words and a byte: comparing the array member by member calls memcmp, once a lookup.
    friend bool operator==(const IpAddress& a, const IpAddress& b) noexcept {
        std::array<std::uint64_t, 2> x{};
        std::array<std::uint64_t, 2> y{};
        std::memcpy(x.data(), a.bytes.data(), sizeof x);
        std::memcpy(y.data(), b.bytes.data(), sizeof y);
        return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0 && a.family == b.family;
    }
    friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;
};
static_assert(sizeof(IpAddress) == 17);

/// An address and a prefix length; bits below the length are zero when made by parse() or
/// canonical().
struct IpPrefix {
    IpAddress address;
    std::uint8_t length = 0;

    /// "a.b.c.d/len", "v6/len" or a bare address (full length). Host bits may be set: see
    /// canonical().
    static std::optional<IpPrefix> parse(std::string_view text);
    [[nodiscard]] IpPrefix canonical() const noexcept;
    [[nodiscard]] bool contains(const IpAddress& other) const noexcept;
    [[nodiscard]] std::string text() const;
    friend bool operator==(const IpPrefix&, const IpPrefix&) noexcept = default;
    friend auto operator<=>(const IpPrefix&, const IpPrefix&) noexcept = default;
};

}  // namespace sallyport

template <>
struct std::hash<sallyport::IpAddress> {
    // For control-side containers of addresses an operator wrote; tables keyed by packets use
    // FlowHash.
    std::size_t operator()(const sallyport::IpAddress& a) const noexcept {
        return std::hash<std::string_view>{}(
            std::string_view(reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size())
        );
    }
};
