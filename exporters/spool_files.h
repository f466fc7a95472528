// SPDX-License-Identifier: Apache-2.0
// The files of a spool's directory and the few calls that touch them:
//
//   segment-<first record number, 16 hex>         records (segment_format.h)
//   segment-<...>.index                           what a closed segment holds (segment_index.h)
//   dictionary-<boot, 16 hex>-<generation, 10>    names behind ids (dictionary_store.h)
//   cursor-<sink>                                 one line: how far a sink has got
//   reserve                                       blocks kept for threat and audit when the disk is
//   full lock                                          held by the one process that writes
#pragma once

#include "gateway/model/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::exporters {

/// Owns a file descriptor.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// The system calls of the spool's writer that can fail for want of room or by a bad disk. Negative
/// errno on failure. Tests bring one that fails where they say.
class SpoolIo {
public:
    SpoolIo() = default;
    SpoolIo(const SpoolIo&) = delete;
    SpoolIo& operator=(const SpoolIo&) = delete;
    virtual ~SpoolIo() = default;
    /// Creates or empties `path` for writing and asks for `preallocate_bytes` of blocks beforehand.
    virtual int create(const std::string& path, std::uint64_t preallocate_bytes);
    /// Writes all of `bytes` at `offset`; on failure some of them may be in the file.
    virtual int write(int fd, std::string_view bytes, std::uint64_t offset);
    /// fdatasync.
    virtual int sync(int fd);
    /// Replaces `path` as a whole: temporary file, fsync, rename, fsync of the folder.
    virtual int replace(const std::string& path, std::string_view bytes);
};

struct SpoolListing {
    std::vector<std::uint64_t> segments;  ///< first numbers, ascending
    std::vector<std::pair<std::uint64_t, std::uint32_t>> dictionaries;  ///< (boot, generation)
    std::vector<std::string> cursors;                                   ///< names of sinks
};
SpoolListing list_spool(const std::string& directory);

std::string segment_path(const std::string& directory, std::uint64_t first_number);
std::string index_path(const std::string& directory, std::uint64_t first_number);
std::string dictionary_path(
    const std::string& directory, std::uint64_t boot, std::uint32_t generation
);
std::string cursor_path(const std::string& directory, std::string_view sink);
/// Letters, digits, '-', '_' and '.', 1 to 64 of them: what a sink may be called.
bool is_sink_name(std::string_view name) noexcept;

/// The record number in a ledger: the first one its sink has not delivered. Nothing when the ledger
/// is absent or damaged: then the sink begins with the oldest record, because doubles can be
/// removed and holes cannot.
std::optional<std::uint64_t> read_cursor(const std::string& directory, std::string_view sink);
Status write_cursor(
    SpoolIo& io, const std::string& directory, std::string_view sink, std::uint64_t number
);

/// The whole file, or nothing when it cannot be read or is larger than `bytes_max`.
std::optional<std::string> read_file(const std::string& path, std::uint64_t bytes_max);
std::uint64_t file_bytes(const std::string& path) noexcept;
/// "cannot create /x/y: No space left on device".
std::string describe(std::string_view what, std::string_view path, int error);

}  // namespace sallyport::exporters
