// SPDX-License-Identifier: Apache-2.0
// How events lie in a segment of the spool. Pure functions of bytes.
//
//   segment = header, record, record, ...
//   header  = {magic[8], u32 version, u32 byte order, u32 head bytes, u32 event bytes,
//              u64 first number, u64 salt, u32 crc32c of all before}                     44 bytes
//   record  = {u32 size, u32 crc32c, u64 number, u8 class, payload[size]}                17 + size
//   payload = the first kEventHeadBytes of Event, its text in use, its data in use
//
// Numbers are dense inside a segment, so that a reader that lost its place finds it again. The CRC
// begins with the segment's random salt: bytes that a workload chose (a name) can never pass for a
// record.
#pragma once

#include "gateway/model/event.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace sallyport::exporters {

inline constexpr std::size_t kSegmentHeaderBytes = 44;
inline constexpr std::size_t kRecordHeaderBytes = 17;
inline constexpr std::size_t kPayloadBytesMin = kEventHeadBytes;
inline constexpr std::size_t kPayloadBytesMax = sizeof(Event);
inline constexpr std::size_t kRecordBytesMin = kRecordHeaderBytes + kPayloadBytesMin;
inline constexpr std::size_t kRecordBytesMax = kRecordHeaderBytes + kPayloadBytesMax;

struct SegmentHeader {
    std::uint64_t first_number = 0;  ///< of the first record; also in the file's name
    std::uint64_t salt = 0;
};

void append_segment_header(const SegmentHeader& header, std::string& out);
/// Nothing when the bytes are no header of this version, byte order and Event layout, or damaged.
std::optional<SegmentHeader> parse_segment_header(std::span<const std::uint8_t> bytes) noexcept;

/// What a CRC of records in a segment with this salt starts from.
std::uint32_t crc_seed(std::uint64_t salt) noexcept;

struct RecordView {
    std::uint64_t number = 0;
    EventClass event_class = EventClass::flow;
    std::span<const std::uint8_t> payload;
    std::size_t bytes = 0;  ///< of the whole record
};

enum class RecordState : std::uint8_t {
    ok,
    incomplete,  ///< could go on behind the end of the bytes
    damaged,
};

RecordState parse_record(
    std::span<const std::uint8_t> bytes, std::uint32_t seed, RecordView& out
) noexcept;

/// Bytes the record of `event` takes.
std::size_t record_bytes(const Event& event) noexcept;
void append_record(const Event& event, std::uint64_t number, std::uint32_t seed, std::string& out);

/// A payload back to an Event; false when its sizes contradict each other. Counts and sizes are
/// brought into their ranges, so that no encoder reads past an array.
bool unpack_event(std::span<const std::uint8_t> payload, Event& out) noexcept;

/// Offset of the first whole record at or after `from` whose number is in [low, high).
std::optional<std::size_t> find_record(
    std::span<const std::uint8_t> bytes,
    std::size_t from,
    std::uint32_t seed,
    std::uint64_t low,
    std::uint64_t high
) noexcept;

}  // namespace sallyport::exporters
