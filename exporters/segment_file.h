// SPDX-License-Identifier: Apache-2.0
// Reads one segment from its file, past damage, and while it is still being written. Used by
// recovery, by readers and by whoever must know what a segment holds. One thread.
#pragma once

#include "exporters/segment_format.h"
#include "exporters/spool_files.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

namespace sallyport::exporters {

class SegmentFile {
public:
    /// Null when the file is gone. A damaged header gives a segment without records (usable() is
    /// false).
    static std::unique_ptr<SegmentFile> open(
        const std::string& directory, std::uint64_t first_number
    );

    /// The next record with a number below `end`; numbers rise. False at the end of what can be
    /// read now; asking again finds what was appended since. The view is valid until the next call.
    ///
    /// Who reads what is still being written passes the number of the first record that is not
    /// committed: behind it a write may fail, be cut off and be followed by another one, so nothing
    /// of it is given out, nor kept in the buffer.
    bool next(RecordView& out, std::uint64_t end = kNoEnd);
    /// The last call of next() met a record that was not below `end`.
    [[nodiscard]] bool at_end() const noexcept { return at_end_; }

    static constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();

    [[nodiscard]] bool usable() const noexcept { return usable_; }
    [[nodiscard]] std::uint64_t first_number() const noexcept { return first_number_; }
    /// Just past the last good record: where recovery cuts.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
    /// Bytes between good records that held none.
    [[nodiscard]] std::uint64_t skipped_bytes() const noexcept { return skipped_bytes_; }
    [[nodiscard]] std::uint64_t file_bytes() const noexcept;

private:
    SegmentFile(FileDescriptor fd, std::uint64_t first_number);
    /// Bytes of the file from offset_ on: at least kRecordBytesMax, or all there are.
    [[nodiscard]] std::span<const std::uint8_t> window();
    /// Moves offset_ to the next good record behind damage.
    bool resynchronise();

    FileDescriptor fd_;
    std::uint64_t first_number_;
    std::uint32_t seed_ = 0;
    bool usable_ = false;
    std::uint64_t offset_ = 0;
    std::uint64_t next_number_;
    std::uint64_t skipped_bytes_ = 0;
    std::uint64_t hopeless_bytes_ =
        0;  ///< file size at which no good record was found behind offset_
    // A vector would be cleared first.
    std::unique_ptr<std::uint8_t[]> buffer_;  // NOLINT(modernize-avoid-c-arrays)
    std::uint64_t buffer_at_ = 0;             ///< file offset of buffer_
    std::size_t buffer_used_ = 0;
    std::uint64_t buffer_end_ = 0;  ///< records below it were committed when the buffer was read
    std::uint64_t end_ = kNoEnd;    ///< of the call under way
    bool at_end_ = false;
};

}  // namespace sallyport::exporters
