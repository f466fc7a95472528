// SPDX-License-Identifier: Apache-2.0
#include "classifier/threat_builder.h"

#include "classifier/threat_image.h"

#include <algorithm>
#include <utility>

namespace sallyport::classifier {
namespace {

std::vector<std::uint8_t> confidences_of(const std::vector<FeedNames>& feeds) {
    std::vector<std::uint8_t> out;
    out.reserve(feeds.size());
    for (const FeedNames& feed : feeds) {
        out.push_back(feed.confidence);
    }
    return out;
}

template <class Container>
std::span<const std::byte> bytes_of(const Container& container) {
    return std::as_bytes(std::span(container));
}

}  // namespace

ThreatBuilder::ThreatBuilder(
    const std::vector<FeedNames>& feeds, const HashKey& name_key, const HashKey& address_key
)
    : pool_(confidences_of(feeds)),
      names_(name_key),
      addresses_(address_key) {
    header_.name_key[0] = name_key.k0;
    header_.name_key[1] = name_key.k1;
    header_.address_key[0] = address_key.k0;
    header_.address_key[1] = address_key.k1;
    for (const FeedNames& feed : feeds) {
        FeedRecord record;
        record.name_offset = add_string(feed.name);
        record.name_size = static_cast<std::uint32_t>(feed.name.size());
        record.category_offset = add_string(feed.category);
        record.category_size = static_cast<std::uint32_t>(feed.category.size());
        record.action = static_cast<std::uint8_t>(feed.action);
        record.confidence = std::min<std::uint8_t>(feed.confidence, 100);
        feeds_.push_back(record);
    }
}

std::uint32_t ThreatBuilder::add_string(std::string_view text) {
    const auto offset = static_cast<std::uint32_t>(strings_.size());
    strings_ += text;
    return offset;
}

std::uint16_t ThreatBuilder::add_file(std::string_view path) {
    files_.push_back({add_string(path), static_cast<std::uint32_t>(path.size())});
    return static_cast<std::uint16_t>(files_.size() - 1);
}

std::uint32_t ThreatBuilder::add_record(
    IndicatorType type, const Origin& origin, std::uint8_t length
) {
    IndicatorRecord record;
    record.line = origin.line;
    record.file = origin.file;
    record.feed = origin.feed;
    record.type = static_cast<std::uint8_t>(type);
    record.action = static_cast<std::uint8_t>(origin.action);
    record.prefix_length = length;
    ++feeds_[origin.feed].indicators;
    return pool_.add(record);
}

void ThreatBuilder::add_name(IndicatorType type, std::string_view name, const Origin& origin) {
    ++header_.name_count;
    header_.name_actions |= 1U << static_cast<unsigned>(origin.action);
    names_.add(name, add_record(type, origin, 0));
}

void ThreatBuilder::add_prefix(const IpPrefix& prefix, const Origin& origin) {
    ++header_.address_count;
    const bool host = prefix.length == prefix.address.bits();
    const IndicatorType type = host ? IndicatorType::address : IndicatorType::prefix;
    addresses_.add(prefix, add_record(type, origin, prefix.length));
}

void ThreatBuilder::add_pair(const IpAddress& address, std::uint16_t port, const Origin& origin) {
    ++header_.address_count;
    const auto length = static_cast<std::uint8_t>(address.bits());
    addresses_.add_pair(address, port, add_record(IndicatorType::address_port, origin, length));
}

void ThreatBuilder::add_pattern(const PatternText& pattern, const Origin& origin) {
    ++header_.name_count;
    header_.name_actions |= 1U << static_cast<unsigned>(origin.action);
    const std::uint32_t id = add_record(IndicatorType::pattern, origin, 0);
    patterns_.push_back({std::string(pattern.text), pattern.kind, id});
}

std::vector<std::uint64_t> ThreatBuilder::indicators_by_feed() const {
    std::vector<std::uint64_t> out;
    for (const FeedRecord& feed : feeds_) {
        out.push_back(feed.indicators);
    }
    return out;
}

Status ThreatBuilder::finish(const std::array<std::uint8_t, 16>& content_hash, const Write& write) {
    const BuiltNames names = names_.build(pool_);
    const BuiltAddresses addresses = addresses_.build(pool_);
    std::vector<PatternRecord> patterns;
    for (const PatternEntry& pattern : patterns_) {
        PatternRecord record;
        record.text_offset = add_string(pattern.text);
        record.text_size = static_cast<std::uint32_t>(pattern.text.size());
        record.indicator = pattern.indicator;
        record.kind = static_cast<std::uint8_t>(pattern.kind);
        patterns.push_back(record);
    }
    header_.indicator_count = pool_.records().size();
    for (std::size_t feed = 0; feed < feeds_.size(); ++feed) {
        feeds_[feed].indicators -= pool_.dropped()[feed];
        header_.indicator_count -= pool_.dropped()[feed];
    }
    header_.content_hash = content_hash;
    header_.names_probe_max = names.table.probe_max;
    header_.v4_probe_max = addresses.hosts.probe_max;
    header_.ports_probe_max = addresses.ports.probe_max;
    header_.v6_probe_max = addresses.v6_prefixes.probe_max;
    header_.v6_blocks_probe_max = addresses.v6_blocks.probe_max;
    header_.v6_short_lengths = addresses.v6_short_lengths;
    if (std::max(
            {names.table.probe_max,
             addresses.hosts.probe_max,
             addresses.ports.probe_max,
             addresses.v6_prefixes.probe_max,
             addresses.v6_blocks.probe_max}
        ) > kProbeMax) {
        return Error{"the tables came out too uneven to be searched; compile again"};
    }
    std::array<std::span<const std::byte>, kSectionCount> sections;
    const auto put = [&sections](Section id, std::span<const std::byte> bytes) {
        sections[static_cast<std::size_t>(id)] = bytes;
    };
    put(Section::strings, bytes_of(strings_));
    put(Section::feeds, bytes_of(feeds_));
    put(Section::files, bytes_of(files_));
    put(Section::indicators, bytes_of(pool_.records()));
    put(Section::lists, bytes_of(pool_.lists()));
    put(Section::patterns, bytes_of(patterns));
    put(Section::names, bytes_of(names.table.buckets));
    put(Section::names_filter, bytes_of(names.filter));
    put(Section::v4_occupancy, bytes_of(addresses.occupancy));
    put(Section::v4_hosts, bytes_of(addresses.hosts.buckets));
    put(Section::v4_index, bytes_of(addresses.index));
    put(Section::v4_starts, bytes_of(addresses.starts));
    put(Section::v4_refs, bytes_of(addresses.ranges));
    put(Section::v6_prefixes, bytes_of(addresses.v6_prefixes.buckets));
    put(Section::v6_blocks, bytes_of(addresses.v6_blocks.buckets));
    put(Section::v6_lengths, bytes_of(addresses.v6_lengths));
    put(Section::ports, bytes_of(addresses.ports.buckets));
    if (!write_image(header_, sections, write)) {
        return Error{"the threat database could not be written"};
    }
    return Done{};
}

}  // namespace sallyport::classifier
