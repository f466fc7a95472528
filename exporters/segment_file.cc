// SPDX-License-Identifier: Apache-2.0
#include "exporters/segment_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sallyport::exporters {
namespace {

/// Some 700 records a system call; small enough to stay in the second-level cache.
constexpr std::size_t kBufferBytes = 256U << 10U;

std::size_t read_at(int fd, std::span<std::uint8_t> into, std::uint64_t offset) {
    std::size_t got = 0;
    while (got < into.size()) {
        const ssize_t size =
            pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            break;  // an unreadable block is treated like damage: what follows may still be good
        }
        got += static_cast<std::size_t>(size);
    }
    return got;
}

}  // namespace

std::unique_ptr<SegmentFile> SegmentFile::open(
    const std::string& directory, std::uint64_t first_number
) {
    FileDescriptor fd(
        ::open(segment_path(directory, first_number).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)
    );
    if (!fd.valid()) {
        return nullptr;
    }
    return std::unique_ptr<SegmentFile>(new SegmentFile(std::move(fd), first_number));
}

SegmentFile::SegmentFile(FileDescriptor fd, std::uint64_t first_number)
    : fd_(std::move(fd)),
      first_number_(first_number),
      next_number_(first_number) {
    buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(kBufferBytes);
}

std::uint64_t SegmentFile::file_bytes() const noexcept {
    struct stat info {};
    return fstat(fd_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::span<const std::uint8_t> SegmentFile::window() {
    const std::uint64_t end = buffer_at_ + buffer_used_;
    if (offset_ < buffer_at_ || offset_ + kRecordBytesMax > end) {
        buffer_at_ = offset_;
        buffer_used_ = read_at(fd_.get(), {buffer_.get(), kBufferBytes}, offset_);
        buffer_end_ = end_;
    }
    const auto from = static_cast<std::size_t>(offset_ - buffer_at_);
    return {buffer_.get() + from, buffer_used_ - from};
}

bool SegmentFile::next(RecordView& out, std::uint64_t end) {
    end_ = end;
    at_end_ = false;
    if (!usable_) {
        // The header may still be on its way when the file has just been created.
        const auto header = parse_segment_header(window());
        if (!header || header->first_number != first_number_) {
            return false;
        }
        usable_ = true;
        seed_ = crc_seed(header->salt);
        offset_ = kSegmentHeaderBytes;
    }
    bool read_anew = false;
    for (;;) {
        const RecordState state = parse_record(window(), seed_, out);
        const bool good = state == RecordState::ok && out.number >= next_number_;
        const bool trusted = good && out.number < buffer_end_;
        if (trusted && out.number < end) {
            offset_ += out.bytes;
            next_number_ = out.number + 1;
            return true;
        }
        if (!trusted && !std::exchange(read_anew, true)) {
            buffer_used_ = 0;  // it may hold what has been cut off and written again since
            continue;
        }
        if (good) {
            buffer_used_ = 0;
            at_end_ = true;
            return false;
        }
        if (window().empty() || !resynchronise()) {
            return false;
        }
    }
}

bool SegmentFile::resynchronise() {
    const std::uint64_t size = file_bytes();
    if (size == hopeless_bytes_) {
        return false;
    }
    const std::uint64_t high = first_number_ + size / kRecordBytesMin + 1;
    const std::uint64_t from = offset_;
    for (std::uint64_t at = from; at < size;) {
        offset_ = at;
        const auto bytes = window();
        const auto found = find_record(bytes, at == from ? 1 : 0, seed_, next_number_, high);
        if (found) {
            offset_ = at + *found;
            skipped_bytes_ += offset_ - from;
            return true;
        }
        if (bytes.size() <= kRecordBytesMax) {
            break;  // that was the end of the file
        }
        at +=
            bytes.size() - kRecordBytesMax;  // a record may begin in the last bytes of this window
    }
    offset_ = from;
    hopeless_bytes_ = size;
    return false;
}

}  // namespace sallyport::exporters
