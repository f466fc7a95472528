// SPDX-License-Identifier: Apache-2.0
// A segment of the spool as a damaged disk may give it back, and the sidecar of one.
#include "exporters/segment_format.h"
#include "exporters/segment_index.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

using namespace sallyport;
using namespace sallyport::exporters;

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

/// Walks the records as a reader does and checks that it always gets forward.
void walk(std::span<const std::uint8_t> bytes, std::uint32_t seed, std::uint64_t first_number) {
    const std::uint64_t high = first_number + bytes.size() / kRecordBytesMin + 1;
    std::size_t at = 0;
    while (at < bytes.size()) {
        RecordView view;
        if (parse_record(bytes.subspan(at), seed, view) == RecordState::ok) {
            require(view.bytes >= kRecordBytesMin && view.bytes <= kRecordBytesMax);
            Event event;
            if (unpack_event(view.payload, event)) {
                require(record_bytes(event) == view.bytes);
            }
            at += view.bytes;
            continue;
        }
        const auto found = find_record(bytes, at + 1, seed, first_number, high);
        if (!found) {
            return;
        }
        require(*found > at);
        at = *found;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(data, size);
    if (const auto header = parse_segment_header(bytes)) {
        walk(bytes.subspan(kSegmentHeaderBytes), crc_seed(header->salt), header->first_number);
    }
    walk(bytes, crc_seed(0), 1);
    if (const auto index = SegmentIndex::parse(bytes)) {
        std::string again;
        index->write(again);
        require(again.size() <= size);
    }
    return 0;
}
