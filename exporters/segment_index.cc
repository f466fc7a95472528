// SPDX-License-Identifier: Apache-2.0
#include "exporters/segment_index.h"

#include "exporters/byte_io.h"
#include "exporters/crc32c.h"
#include "exporters/segment_file.h"

#include <algorithm>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kMagic{"SPLYIDX\1", 8};
/// Far above what one segment's worth of boots, generations and workers can give.
constexpr std::uint64_t kIndexBytesMax = 16U << 20U;
constexpr std::size_t kDictionaryBytes = 12;
constexpr std::size_t kRangeBytes = 34;

}  // namespace

void SegmentIndex::add(const Event& event) {
    ++by_class[static_cast<std::size_t>(class_of(event.kind))];
    const std::pair names{event.boot, event.generation};
    if (!dictionaries.contains(names)) {
        dictionaries.insert(names);
    }
    const auto [at, fresh] = sequences.try_emplace(
        {event.boot, event.worker},
        LossRange{event.boot, event.worker, event.sequence, event.sequence, 1}
    );
    if (!fresh) {
        LossRange& range = at->second;
        range.first_sequence = std::min(range.first_sequence, event.sequence);
        range.last_sequence = std::max(range.last_sequence, event.sequence);
        ++range.count;
    }
}

void SegmentIndex::write(std::string& out) const {
    const std::size_t start = out.size();
    out.append(kMagic);
    put(out, kByteOrderMark);
    for (const std::uint64_t records : by_class) {
        put(out, records);
    }
    put(out, static_cast<std::uint32_t>(dictionaries.size()));
    for (const auto& [boot, generation] : dictionaries) {
        put(out, boot);
        put(out, generation);
    }
    put(out, static_cast<std::uint32_t>(sequences.size()));
    for (const auto& [key, range] : sequences) {
        put(out, range.boot);
        put(out, range.worker);
        put(out, range.first_sequence);
        put(out, range.last_sequence);
        put(out, range.count);
    }
    put(out, crc32c(0, bytes_of(std::string_view(out).substr(start))));
}

std::optional<SegmentIndex> SegmentIndex::parse(std::span<const std::uint8_t> bytes) {
    ByteReader reader(bytes);
    if (!std::ranges::equal(reader.take(kMagic.size()), bytes_of(kMagic)) ||
        reader.get<std::uint32_t>() != kByteOrderMark) {
        return std::nullopt;
    }
    SegmentIndex out;
    for (std::uint64_t& records : out.by_class) {
        records = reader.get<std::uint64_t>();
    }
    for (std::size_t left = reader.count(kDictionaryBytes); left > 0; --left) {
        const auto boot = reader.get<std::uint64_t>();
        out.dictionaries.emplace(boot, reader.get<std::uint32_t>());
    }
    for (std::size_t left = reader.count(kRangeBytes); left > 0; --left) {
        LossRange range;
        range.boot = reader.get<std::uint64_t>();
        range.worker = reader.get<std::uint16_t>();
        range.first_sequence = reader.get<std::uint64_t>();
        range.last_sequence = reader.get<std::uint64_t>();
        range.count = reader.get<std::uint64_t>();
        out.sequences.insert_or_assign({range.boot, range.worker}, range);
    }
    const auto crc = reader.get<std::uint32_t>();
    if (!reader.ok() || reader.left() != 0 || crc != crc32c(0, bytes.first(bytes.size() - 4))) {
        return std::nullopt;
    }
    return out;
}

std::optional<SegmentIndex> SegmentIndex::load(
    const std::string& directory, std::uint64_t first_number
) {
    const auto bytes = read_file(index_path(directory, first_number), kIndexBytesMax);
    return bytes ? parse(bytes_of(*bytes)) : std::nullopt;
}

SegmentIndex SegmentIndex::scan(
    const std::string& directory, std::uint64_t first_number, std::uint64_t from
) {
    SegmentIndex out;
    const auto file = SegmentFile::open(directory, first_number);
    RecordView view;
    Event event;
    while (file && file->next(view)) {
        if (view.number >= from && unpack_event(view.payload, event)) {
            out.add(event);
        }
    }
    return out;
}

}  // namespace sallyport::exporters
