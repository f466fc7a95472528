// SPDX-License-Identifier: Apache-2.0
// Layout of the threat database's file: a header, then sections of plain records that refer to one
// another by index. No pointers, so the file is used as it is read.
//
//   +--------+---------+-------+-------+------------+-------+-----+------------------------------+
//   | header | strings | feeds | files | indicators | lists | ... | names, addresses: see Section |
//   +--------+---------+-------+-------+------------+-------+-----+------------------------------+
//    each section starts at a multiple of 64 bytes (a cache line, so a bucket is one line)
//
// The file is a local cache in the machine's byte order, written by feeds/compiler.h and checked by
// threat_image.h. It is not an exchange format.
#pragma once

#include "gateway/model/indicator.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sallyport::classifier {

inline constexpr std::array<char, 8> kImageMagic{'S', 'P', 'T', 'H', 'R', 'E', 'A', 'T'};
/// Raised with every change of a record or of a hash: an older file is refused and compiled again.
inline constexpr std::uint32_t kImageVersion = 2;
inline constexpr std::uint32_t kByteOrderMark = 0x01020304U;
inline constexpr std::size_t kSectionAlignment = 64;
/// A larger file is refused unread: some ten times what all public feeds together give.
inline constexpr std::uint64_t kImageBytesMax = 8ULL << 30U;

enum class Section : std::uint32_t {
    strings,       ///< bytes; names of feeds and files, texts of patterns
    feeds,         ///< FeedRecord
    files,         ///< FileRecord
    indicators,    ///< IndicatorRecord by indicator id
    lists,         ///< u32: indicator ids, strongest first; the last of a list carries kListBit
    patterns,      ///< PatternRecord by ThreatMatch::indicator of pattern matches
    names,         ///< TableBucket: suffix_hash.h
    names_filter,  ///< u64: suffix_hash.h; at least one when there are names
    v4_occupancy,  ///< one bit a /24: something is listed inside it; empty when nothing is
    v4_hosts,      ///< TableBucket, key: address
    v4_index,      ///< u32 by the upper 16 bits: first entry of v4_starts at or after them; 65 537
    v4_starts,     ///< u32, ascending: first address of a range in which the same prefixes hold
    v4_refs,       ///< RangeRecord for each of v4_starts
    v6_prefixes,   ///< TableBucket, key: masked address and length
    v6_blocks,     ///< TableBucket, key: upper 32 bits; the ref is an index into v6_lengths
    v6_lengths,    ///< LengthMask: which prefix lengths occur in a /32 block
    ports,         ///< TableBucket, key: address and port
    count_
};
inline constexpr std::size_t kSectionCount = static_cast<std::size_t>(Section::count_);

struct SectionPlace {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

struct ImageHeader {
    std::array<char, 8> magic = kImageMagic;
    std::uint32_t version = kImageVersion;
    std::uint32_t byte_order = kByteOrderMark;
    std::uint64_t file_size = 0;
    /// XXH3-128 of the whole file with these sixteen bytes zero.
    std::array<std::uint8_t, 16> checksum{};
    /// What the feeds held (feeds::inputs_hash), independent of the keys below.
    std::array<std::uint8_t, 16> content_hash{};
    /// Keys of the hashes, drawn for each compilation, so that nobody outside can aim at a bucket.
    std::array<std::uint64_t, 2> name_key{};
    std::array<std::uint64_t, 2> address_key{};
    std::uint64_t indicator_count = 0;   ///< without repeats
    std::uint64_t name_count = 0;        ///< names, suffixes and patterns among them
    std::uint64_t address_count = 0;     ///< addresses, prefixes and address:port pairs among them
    std::uint32_t v6_short_lengths = 0;  ///< bit n: some IPv6 prefix has length n, 0 < n < 32
    /// Bit n: some name, suffix or pattern has FeedAction n.
    std::uint32_t name_actions = 0;
    /// Longest walk of each table, in buckets beyond the first.
    std::uint32_t names_probe_max = 0;
    std::uint32_t v4_probe_max = 0;
    std::uint32_t v6_probe_max = 0;
    std::uint32_t v6_blocks_probe_max = 0;
    std::uint32_t ports_probe_max = 0;
    std::uint32_t reserved = 0;
    std::array<SectionPlace, kSectionCount> sections{};
};
static_assert(std::is_trivially_copyable_v<ImageHeader>);
static_assert(sizeof(ImageHeader) == 416);
static_assert(offsetof(ImageHeader, checksum) == 24);

struct FeedRecord {
    std::uint32_t name_offset = 0;
    std::uint32_t name_size = 0;
    std::uint32_t category_offset = 0;
    std::uint32_t category_size = 0;
    std::uint64_t indicators = 0;
    std::uint8_t action = 0;
    std::uint8_t confidence = 0;  ///< 0..100
    std::array<std::uint8_t, 6> reserved{};
};
static_assert(sizeof(FeedRecord) == 32);

struct FileRecord {
    std::uint32_t path_offset = 0;
    std::uint32_t path_size = 0;
};

/// Where an indicator stands in which feed: what "why was this blocked?" is answered from.
struct IndicatorRecord {
    std::uint32_t line = 0;  ///< from 1
    std::uint16_t file = 0;
    std::uint16_t feed = 0;
    std::uint8_t type = 0;  ///< IndicatorType
    std::uint8_t action =
        0;  ///< FeedAction; may be weaker than the feed's (a URL's host only alerts)
    std::uint8_t prefix_length = 0;
    std::uint8_t reserved = 0;
};
static_assert(sizeof(IndicatorRecord) == 12);

enum class PatternKind : std::uint8_t { wildcard = 0, expression = 1 };

struct PatternRecord {
    std::uint32_t text_offset = 0;
    std::uint32_t text_size = 0;
    std::uint32_t indicator = 0;
    std::uint8_t kind = 0;  ///< PatternKind
    std::array<std::uint8_t, 3> reserved{};
};
static_assert(sizeof(PatternRecord) == 16);

/// An indicator id, or with kListBit an offset into the lists, or none.
using Ref = std::uint32_t;
inline constexpr Ref kNoRef = 0xFFFFFFFFU;
inline constexpr Ref kListBit = 0x80000000U;

/// What a key leads to. A single indicator stands here whole, so that a hit costs no further line.
struct Target {
    Ref ref = kNoRef;
    std::uint16_t feed = 0;
    std::uint8_t type = 0;   ///< IndicatorType of a single indicator
    std::uint8_t flags = 0;  ///< bits 0-1 FeedAction of a single indicator; bit 2 kHasChildren
};
inline constexpr std::uint8_t kActionMask = 0x03;
inline constexpr std::uint8_t kHasChildren = 0x04;
static_assert(sizeof(Target) == 8);

struct TableEntry {
    std::uint64_t fingerprint = 0;  ///< keyed hash of the key; 0 marks a free place
    Target target;
};
static_assert(sizeof(TableEntry) == 16);

struct alignas(64) TableBucket {
    std::array<TableEntry, 4> entries{};
};
static_assert(sizeof(TableBucket) == 64);

struct RangeRecord {
    Target target;
    std::uint32_t prefix_length = 0;  ///< of a single indicator
};
static_assert(sizeof(RangeRecord) == 12);

/// Bit n-1 of the 128: some prefix has length n.
struct LengthMask {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};

}  // namespace sallyport::classifier
