// SPDX-License-Identifier: Apache-2.0
// Addresses, prefixes and address:port pairs of all feeds.
//
// Theory of operation, IPv4. `occupancy` has a bit for each /24; it is set when a host, a prefix or
// a pair is listed inside. An address whose bit is clear (all but a few percent of what is asked,
// and the 2 MiB stay in the cache) is done. Else:
//
//   hosts   hash table, one line            1.2.3.4
//   ports   hash table, one line            1.2.3.4:443
//   ranges  all prefixes up to /31, cut into disjoint ranges when compiled:
//
//           10.0.0.0/8      |-------------------------|
//           10.9.0.0/16             |-------|
//           starts          ^       ^       ^         ^
//           refs            {/8}    {/16,/8}{/8}      none
//
//           v4_index by the upper 16 bits narrows the binary search to a few entries.
//
// IPv6. A hash by the upper 32 bits says which prefix lengths occur below; each is one probe of the
// hash by (masked address, length), the longest first. Prefixes shorter than /32 are few and have
// one mask for all. The NAT64 prefix 64:ff9b::/96 (RFC 6052) and v4-mapped addresses are asked as
// IPv4 too.
#pragma once

#include "classifier/fingerprint_table.h"
#include "classifier/indicator_pool.h"
#include "gateway/model/address.h"
#include "gateway/model/keyed_hash.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace sallyport::classifier {

inline constexpr std::size_t kOccupancyBytes = (1U << 24U) / 8;  ///< one bit a /24
inline constexpr std::size_t kV4IndexEntries = (1U << 16U) + 1;
inline constexpr unsigned kV6BlockBits = 32;

/// The IPv4 address inside a v4-mapped (RFC 4291 2.5.5.2) or NAT64 (RFC 6052 2.1) one.
std::optional<IpAddress> embedded_v4(const IpAddress& address) noexcept;

/// Fingerprints of the tables' keys.
std::uint64_t host_fingerprint(const HashKey& key, std::uint32_t v4) noexcept;
std::uint64_t pair_fingerprint(
    const HashKey& key, const IpAddress& address, std::uint16_t port
) noexcept;
std::uint64_t block_fingerprint(const HashKey& key, const IpAddress& v6) noexcept;
/// `v6` with all but its first `length` bits taken as zero.
std::uint64_t prefix_fingerprint(const HashKey& key, const IpAddress& v6, unsigned length) noexcept;

/// The sections an AddressSet reads; checked by threat_image.h.
struct AddressTables {
    HashKey key;
    std::span<const std::uint8_t> occupancy;  ///< kOccupancyBytes or empty
    FingerprintTable hosts;
    FingerprintTable ports;
    std::span<const std::uint32_t> index;  ///< kV4IndexEntries or empty
    std::span<const std::uint32_t> starts;
    std::span<const RangeRecord> ranges;
    FingerprintTable v6_prefixes;
    FingerprintTable v6_blocks;
    std::span<const LengthMask> v6_lengths;
    std::uint32_t v6_short_lengths = 0;
};

class AddressSet {
public:
    AddressSet() = default;
    explicit AddressSet(const AddressTables& tables) noexcept : t_(tables) {}

    /// Calls `visit(target, prefix length)`, the most specific first: address:port, address, then
    /// prefixes by falling length. `port` 0 asks for no pair. Allocates nothing.
    template <class Visit>
    void walk(const IpAddress& address, std::uint16_t port, Visit&& visit) const noexcept {
        if (address.is_v4()) {
            walk_v4(address, port, visit);
        } else if (address.is_v6()) {
            walk_v6(address, port, visit);
            if (const auto inner = embedded_v4(address)) {
                walk_v4(*inner, port, visit);
            }
        }
    }

    /// Has the line fetched that walk() of an IPv4 address reads first.
    void prefetch(const IpAddress& address) const noexcept {
        if (address.is_v4() && !t_.occupancy.empty()) {
            __builtin_prefetch(&t_.occupancy[address.v4_host() >> 11U]);
        }
    }

private:
    template <class Visit>
    void walk_v4(const IpAddress& address, std::uint16_t port, Visit& visit) const noexcept;
    template <class Visit>
    void walk_v6(const IpAddress& address, std::uint16_t port, Visit& visit) const noexcept;
    template <class Visit>
    void visit_pair(const IpAddress& address, std::uint16_t port, Visit& visit) const noexcept;
    template <class Visit>
    void visit_v6_prefix(const IpAddress& address, unsigned length, Visit& visit) const noexcept;
    [[nodiscard]] const RangeRecord* range_of(std::uint32_t v4) const noexcept;

    AddressTables t_;
};

template <class Visit>
void AddressSet::visit_pair(const IpAddress& address, std::uint16_t port, Visit& visit)
    const noexcept {
    if (port == 0 || t_.ports.empty()) {
        return;
    }
    if (const Target* target = t_.ports.find(pair_fingerprint(t_.key, address, port))) {
        visit(*target, address.bits());
    }
}

template <class Visit>
void AddressSet::walk_v4(const IpAddress& address, std::uint16_t port, Visit& visit)
    const noexcept {
    const std::uint32_t host = address.v4_host();
    const std::uint32_t net = host >> 8U;
    if (t_.occupancy.empty() || ((t_.occupancy[net >> 3U] >> (net & 7U)) & 1U) == 0) {
        return;
    }
    visit_pair(address, port, visit);
    if (!t_.hosts.empty()) {
        if (const Target* target = t_.hosts.find(host_fingerprint(t_.key, host))) {
            visit(*target, 32U);
        }
    }
    if (const RangeRecord* range = range_of(host)) {
        visit(range->target, unsigned{range->prefix_length});
    }
}

template <class Visit>
void AddressSet::visit_v6_prefix(const IpAddress& address, unsigned length, Visit& visit)
    const noexcept {
    if (const Target* target = t_.v6_prefixes.find(prefix_fingerprint(t_.key, address, length))) {
        visit(*target, length);
    }
}

template <class Visit>
void AddressSet::walk_v6(const IpAddress& address, std::uint16_t port, Visit& visit)
    const noexcept {
    const Target* block =
        t_.v6_blocks.empty() ? nullptr : t_.v6_blocks.find(block_fingerprint(t_.key, address));
    if (block != nullptr) {
        visit_pair(address, port, visit);
        LengthMask mask = t_.v6_lengths[block->ref];
        for (; mask.high != 0; mask.high &= ~std::bit_floor(mask.high)) {
            visit_v6_prefix(address, 64U + static_cast<unsigned>(std::bit_width(mask.high)), visit);
        }
        for (; mask.low != 0; mask.low &= ~std::bit_floor(mask.low)) {
            visit_v6_prefix(address, static_cast<unsigned>(std::bit_width(mask.low)), visit);
        }
    }
    for (std::uint32_t left = t_.v6_short_lengths; left != 0; left &= ~std::bit_floor(left)) {
        visit_v6_prefix(address, static_cast<unsigned>(std::bit_width(left)) - 1, visit);
    }
}

/// What AddressSetBuilder makes: the sections by name, and the header's fields.
struct BuiltAddresses {
    std::vector<std::uint8_t> occupancy;
    BuiltTable hosts;
    BuiltTable ports;
    std::vector<std::uint32_t> index;
    std::vector<std::uint32_t> starts;
    std::vector<RangeRecord> ranges;
    BuiltTable v6_prefixes;
    BuiltTable v6_blocks;
    std::vector<LengthMask> v6_lengths;
    std::uint32_t v6_short_lengths = 0;
};

/// Collects addresses and prefixes. Control side. Addresses are folded (embedded_v4) and prefixes
/// canonical before they come here.
class AddressSetBuilder {
public:
    explicit AddressSetBuilder(const HashKey& key) : key_(key) {}

    /// A host when the length is full, else a network; 0 < length.
    void add(const IpPrefix& prefix, std::uint32_t id);
    void add_pair(const IpAddress& address, std::uint16_t port, std::uint32_t id);
    BuiltAddresses build(IndicatorPool& pool);

private:
    struct V4Prefix {
        std::uint32_t first = 0;
        std::uint8_t length = 0;
        std::uint32_t id = 0;
    };
    struct OpenRange {
        std::uint64_t end = 0;
        RangeRecord record;
        std::vector<std::uint32_t> ids;  ///< of the prefix and of all that hold it, longest first
    };

    void occupy(std::uint32_t v4, unsigned length);
    LengthMask& block_of(const IpAddress& address);
    void build_ranges(IndicatorPool& pool, BuiltAddresses& out);
    void build_index(BuiltAddresses& out) const;
    void build_blocks(BuiltAddresses& out);

    HashKey key_;
    std::vector<std::uint8_t> occupancy_;
    std::vector<KeyedIndicator> hosts_;
    std::vector<KeyedIndicator> ports_;
    std::vector<V4Prefix> v4_prefixes_;
    std::vector<KeyedIndicator> v6_prefixes_;
    std::unordered_map<std::uint64_t, LengthMask> v6_blocks_;  ///< by fingerprint of the /32
    std::uint32_t v6_short_lengths_ = 0;
};

}  // namespace sallyport::classifier
