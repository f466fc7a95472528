// SPDX-License-Identifier: Apache-2.0
#include "classifier/address_set.h"

#include <algorithm>
#include <tuple>

namespace sallyport::classifier {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> kNat64Prefix{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};

void append_range(BuiltAddresses& out, std::uint64_t start, const RangeRecord& record) {
    if (start > 0xFFFFFFFFU) {
        return;  // the last range ends with the address space
    }
    const auto first = static_cast<std::uint32_t>(start);
    if (!out.starts.empty() && out.starts.back() == first) {
        out.ranges.back() = record;
        return;
    }
    out.starts.push_back(first);
    out.ranges.push_back(record);
}

}  // namespace

std::optional<IpAddress> embedded_v4(const IpAddress& address) noexcept {
    if (!address.is_v6() ||
        (std::memcmp(address.bytes.data(), kMappedPrefix.data(), kMappedPrefix.size()) != 0 &&
         std::memcmp(address.bytes.data(), kNat64Prefix.data(), kNat64Prefix.size()) != 0)) {
        return std::nullopt;
    }
    std::uint32_t raw = 0;
    std::memcpy(&raw, address.bytes.data() + kMappedPrefix.size(), sizeof raw);
    return IpAddress::v4_raw(raw);
}

std::uint64_t host_fingerprint(const HashKey& key, std::uint32_t v4) noexcept {
    return fingerprint_of(siphash13(key, &v4, sizeof v4));
}

std::uint64_t pair_fingerprint(
    const HashKey& key, const IpAddress& address, std::uint16_t port
) noexcept {
    std::array<std::uint8_t, 18> bytes{};
    const std::size_t size = address.is_v4() ? 4 : 16;
    std::memcpy(bytes.data(), address.bytes.data(), size);
    std::memcpy(bytes.data() + size, &port, sizeof port);
    return fingerprint_of(siphash13(key, bytes.data(), size + sizeof port));
}

std::uint64_t block_fingerprint(const HashKey& key, const IpAddress& v6) noexcept {
    return fingerprint_of(siphash13(key, v6.bytes.data(), kV6BlockBits / 8));
}

std::uint64_t prefix_fingerprint(
    const HashKey& key, const IpAddress& v6, unsigned length
) noexcept {
    std::array<std::uint8_t, 17> bytes{};
    const unsigned whole = length / 8;
    std::memcpy(bytes.data(), v6.bytes.data(), whole);
    if (length % 8 != 0) {
        bytes[whole] = static_cast<std::uint8_t>(v6.bytes[whole] & (0xFF00U >> (length % 8)));
    }
    bytes[16] = static_cast<std::uint8_t>(length);
    return fingerprint_of(siphash13(key, bytes.data(), bytes.size()));
}

const RangeRecord* AddressSet::range_of(std::uint32_t v4) const noexcept {
    if (t_.index.empty()) {
        return nullptr;
    }
    const auto* begin = t_.starts.data() + t_.index[v4 >> 16U];
    const auto* end = t_.starts.data() + t_.index[(v4 >> 16U) + 1];
    const auto at = static_cast<std::size_t>(std::upper_bound(begin, end, v4) - t_.starts.data());
    if (at == 0 || t_.ranges[at - 1].target.ref == kNoRef) {
        return nullptr;
    }
    return &t_.ranges[at - 1];
}

void AddressSetBuilder::occupy(std::uint32_t v4, unsigned length) {
    occupancy_.resize(kOccupancyBytes);
    const std::uint32_t first = v4 >> 8U;
    const std::uint32_t count = length >= 24 ? 1 : 1U << (24 - length);
    for (std::uint32_t net = first; net < first + count; ++net) {
        occupancy_[net >> 3U] = static_cast<std::uint8_t>(occupancy_[net >> 3U] | 1U << (net & 7U));
    }
}

LengthMask& AddressSetBuilder::block_of(const IpAddress& address) {
    return v6_blocks_[block_fingerprint(key_, address)];
}

void AddressSetBuilder::add(const IpPrefix& prefix, std::uint32_t id) {
    const unsigned length = prefix.length;
    if (prefix.address.is_v4()) {
        const std::uint32_t first = prefix.address.v4_host();
        occupy(first, length);
        if (length == 32) {
            hosts_.push_back({host_fingerprint(key_, first), id});
        } else {
            v4_prefixes_.push_back({first, prefix.length, id});
        }
        return;
    }
    v6_prefixes_.push_back({prefix_fingerprint(key_, prefix.address, length), id});
    if (length < kV6BlockBits) {
        v6_short_lengths_ |= 1U << length;
        return;
    }
    LengthMask& mask = block_of(prefix.address);
    (length > 64 ? mask.high : mask.low) |= 1ULL << ((length - 1) % 64);
}

void AddressSetBuilder::add_pair(const IpAddress& address, std::uint16_t port, std::uint32_t id) {
    ports_.push_back({pair_fingerprint(key_, address, port), id});
    if (address.is_v4()) {
        occupy(address.v4_host(), 32);
    } else {
        block_of(address);
    }
}

void AddressSetBuilder::build_ranges(IndicatorPool& pool, BuiltAddresses& out) {
    std::ranges::sort(v4_prefixes_, [](const V4Prefix& a, const V4Prefix& b) {
        return std::tie(a.first, a.length, a.id) < std::tie(b.first, b.length, b.id);
    });
    std::vector<OpenRange> open;  // nested, the innermost last
    const auto close_until = [&](std::uint64_t limit) {
        while (!open.empty() && open.back().end <= limit) {
            const std::uint64_t end = open.back().end;
            open.pop_back();
            append_range(out, end, open.empty() ? RangeRecord{} : open.back().record);
        }
    };
    for (std::size_t i = 0; i < v4_prefixes_.size();) {
        const V4Prefix prefix = v4_prefixes_[i];
        std::vector<std::uint32_t> ids;
        for (; i < v4_prefixes_.size() && v4_prefixes_[i].first == prefix.first &&
               v4_prefixes_[i].length == prefix.length;
             ++i) {
            ids.push_back(v4_prefixes_[i].id);
        }
        close_until(prefix.first);
        ids = pool.ranked(ids);
        if (!open.empty()) {
            ids.insert(ids.end(), open.back().ids.begin(), open.back().ids.end());
        }
        const std::uint64_t end = std::uint64_t{prefix.first} + (1ULL << (32U - prefix.length));
        const RangeRecord record{pool.intern(ids), prefix.length};
        append_range(out, prefix.first, record);
        open.push_back({end, record, std::move(ids)});
    }
    close_until(1ULL << 32U);
    v4_prefixes_ = {};
}

void AddressSetBuilder::build_index(BuiltAddresses& out) const {
    if (out.starts.empty()) {
        return;
    }
    out.index.resize(kV4IndexEntries);
    std::size_t at = 0;
    for (std::size_t block = 0; block + 1 < kV4IndexEntries; ++block) {
        while (at < out.starts.size() && out.starts[at] >> 16U < block) {
            ++at;
        }
        out.index[block] = static_cast<std::uint32_t>(at);
    }
    out.index.back() = static_cast<std::uint32_t>(out.starts.size());
}

void AddressSetBuilder::build_blocks(BuiltAddresses& out) {
    std::vector<TableEntry> entries;
    entries.reserve(v6_blocks_.size());
    for (const auto& [fingerprint, mask] : v6_blocks_) {
        Target target;
        target.ref = static_cast<Ref>(out.v6_lengths.size());
        out.v6_lengths.push_back(mask);
        entries.push_back({fingerprint, target});
    }
    out.v6_blocks = build_table(entries);
    out.v6_short_lengths = v6_short_lengths_;
}

BuiltAddresses AddressSetBuilder::build(IndicatorPool& pool) {
    BuiltAddresses out;
    out.hosts = build_table(table_entries(hosts_, pool));
    hosts_ = {};
    out.ports = build_table(table_entries(ports_, pool));
    ports_ = {};
    out.v6_prefixes = build_table(table_entries(v6_prefixes_, pool));
    v6_prefixes_ = {};
    build_ranges(pool, out);
    build_index(out);
    build_blocks(out);
    out.occupancy = std::move(occupancy_);
    return out;
}

}  // namespace sallyport::classifier
