// SPDX-License-Identifier: Apache-2.0
#include "exporters/segment_format.h"

#include "exporters/byte_io.h"
#include "exporters/crc32c.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kMagic{"SPLYSPL\0", 8};
/// Raised whenever the record or the layout of Event changes.
constexpr std::uint32_t kVersion = 1;

template <class T>
T load(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
    T out = 0;
    std::memcpy(&out, bytes.data() + at, sizeof(T));
    return out;
}

IpAddress checked(IpAddress address) noexcept {
    const bool known = address.family == IpFamily::v4 || address.family == IpFamily::v6;
    return known ? address : IpAddress{};
}

}  // namespace

void append_segment_header(const SegmentHeader& header, std::string& out) {
    const std::size_t start = out.size();
    out.append(kMagic);
    put(out, kVersion);
    put(out, kByteOrderMark);
    put(out, static_cast<std::uint32_t>(kEventHeadBytes));
    put(out, static_cast<std::uint32_t>(sizeof(Event)));
    put(out, header.first_number);
    put(out, header.salt);
    put(out, crc32c(0, bytes_of(std::string_view(out).substr(start))));
}

std::optional<SegmentHeader> parse_segment_header(std::span<const std::uint8_t> bytes) noexcept {
    ByteReader reader(bytes);
    const auto magic = reader.take(kMagic.size());
    if (!std::ranges::equal(magic, bytes_of(kMagic))) {
        return std::nullopt;
    }
    const bool ours = reader.get<std::uint32_t>() == kVersion &&
                      reader.get<std::uint32_t>() == kByteOrderMark &&
                      reader.get<std::uint32_t>() == kEventHeadBytes &&
                      reader.get<std::uint32_t>() == sizeof(Event);
    SegmentHeader out;
    out.first_number = reader.get<std::uint64_t>();
    out.salt = reader.get<std::uint64_t>();
    const auto crc = reader.get<std::uint32_t>();
    if (!ours || !reader.ok() || crc != crc32c(0, bytes.first(kSegmentHeaderBytes - 4))) {
        return std::nullopt;
    }
    return out;
}

std::uint32_t crc_seed(std::uint64_t salt) noexcept {
    std::array<std::uint8_t, sizeof(salt)> bytes{};
    std::memcpy(bytes.data(), &salt, sizeof(salt));
    return crc32c(0, bytes);
}

RecordState parse_record(
    std::span<const std::uint8_t> bytes, std::uint32_t seed, RecordView& out
) noexcept {
    if (bytes.size() < kRecordHeaderBytes) {
        return RecordState::incomplete;
    }
    const std::size_t size = load<std::uint32_t>(bytes, 0);
    const std::uint8_t event_class = bytes[16];
    if (size < kPayloadBytesMin || size > kPayloadBytesMax || event_class >= kEventClassCount) {
        return RecordState::damaged;
    }
    if (bytes.size() < kRecordHeaderBytes + size) {
        return RecordState::incomplete;
    }
    const std::uint32_t crc =
        crc32c(crc32c(seed, bytes.first(4)), bytes.subspan(8, kRecordHeaderBytes - 8 + size));
    if (crc != load<std::uint32_t>(bytes, 4)) {
        return RecordState::damaged;
    }
    out.number = load<std::uint64_t>(bytes, 8);
    out.event_class = static_cast<EventClass>(event_class);
    out.payload = bytes.subspan(kRecordHeaderBytes, size);
    out.bytes = kRecordHeaderBytes + size;
    return RecordState::ok;
}

std::size_t record_bytes(const Event& event) noexcept {
    return kRecordBytesMin + std::min<std::size_t>(event.text_size, event.text.size()) +
           std::min<std::size_t>(event.data_size, event.data.size());
}

void append_record(const Event& event, std::uint64_t number, std::uint32_t seed, std::string& out) {
    const std::size_t text_size = std::min<std::size_t>(event.text_size, event.text.size());
    const std::size_t data_size = std::min<std::size_t>(event.data_size, event.data.size());
    const std::size_t start = out.size();
    put(out, static_cast<std::uint32_t>(kEventHeadBytes + text_size + data_size));
    put(out, std::uint32_t{0});
    put(out, number);
    put(out, static_cast<std::uint8_t>(class_of(event.kind)));
    // Places of `matches` that are not in use hold what an earlier event left there.
    const auto* head = reinterpret_cast<const char*>(&event);
    const std::size_t matches_end =
        offsetof(Event, matches) +
        std::min<std::size_t>(event.match_size, event.matches.size()) * sizeof(ThreatMatch);
    constexpr std::size_t kMatchesEnd = offsetof(Event, matches) + sizeof(Event::matches);
    out.append(head, matches_end);
    out.append(kMatchesEnd - matches_end, '\0');
    out.append(head + kMatchesEnd, kEventHeadBytes - kMatchesEnd);
    out.append(event.text.data(), text_size);
    out.append(reinterpret_cast<const char*>(event.data.data()), data_size);
    const auto record = bytes_of(std::string_view(out).substr(start));
    const std::uint32_t crc = crc32c(crc32c(seed, record.first(4)), record.subspan(8));
    std::memcpy(out.data() + start + 4, &crc, sizeof(crc));
}

bool unpack_event(std::span<const std::uint8_t> payload, Event& out) noexcept {
    if (payload.size() < kEventHeadBytes) {
        return false;
    }
    out = Event{};
    std::memcpy(static_cast<void*>(&out), payload.data(), kEventHeadBytes);
    const std::size_t text_size = out.text_size;
    const std::size_t data_size = out.data_size;
    if (text_size > out.text.size() || data_size > out.data.size() ||
        payload.size() != kEventHeadBytes + text_size + data_size) {
        return false;
    }
    std::memcpy(out.text.data(), payload.data() + kEventHeadBytes, text_size);
    std::memcpy(out.data.data(), payload.data() + kEventHeadBytes + text_size, data_size);
    out.match_size = std::min<std::uint8_t>(out.match_size, kThreatMatchesMax);
    out.source = checked(out.source);
    out.destination = checked(out.destination);
    out.nat = checked(out.nat);
    return true;
}

std::optional<std::size_t> find_record(
    std::span<const std::uint8_t> bytes,
    std::size_t from,
    std::uint32_t seed,
    std::uint64_t low,
    std::uint64_t high
) noexcept {
    for (std::size_t at = from; at + kRecordBytesMin <= bytes.size(); ++at) {
        const auto number = load<std::uint64_t>(bytes, at + 8);
        if (number < low || number >= high) {
            continue;  // almost always: the CRC is computed for a handful of places only
        }
        RecordView view;
        if (parse_record(bytes.subspan(at), seed, view) == RecordState::ok) {
            return at;
        }
    }
    return std::nullopt;
}

}  // namespace sallyport::exporters
