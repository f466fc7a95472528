// SPDX-License-Identifier: Apache-2.0
#include "exporters/spool_files.h"

#include "exporters/byte_io.h"
#include "exporters/crc32c.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kDictionaryPrefix = "dictionary-";
constexpr std::string_view kCursorPrefix = "cursor-";
constexpr std::string_view kCursorMark = "sallyport-cursor 1 ";
constexpr mode_t kFileMode = 0640;
/// A ledger is one line of at most this many bytes.
constexpr std::uint64_t kCursorBytesMax = 128;

std::string formatted(const char* format, auto... values) {
    char text[64];
    const int size = std::snprintf(text, sizeof(text), format, values...);
    return {text, static_cast<std::size_t>(size)};
}

/// The whole text as one number of exactly `digits` digits.
template <class T>
std::optional<T> number_of(std::string_view text, std::size_t digits, int base) {
    T out = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, out, base);
    if (text.size() != digits || error != std::errc{} || at != end) {
        return std::nullopt;
    }
    return out;
}

void note_file(std::string_view name, SpoolListing& out) {
    if (name.starts_with(kSegmentPrefix)) {
        if (const auto first =
                number_of<std::uint64_t>(name.substr(kSegmentPrefix.size()), 16, 16)) {
            out.segments.push_back(*first);
        }
    } else if (name.starts_with(kDictionaryPrefix)) {
        const std::string_view rest = name.substr(kDictionaryPrefix.size());
        if (rest.size() != 27 || rest[16] != '-') {
            return;
        }
        const auto boot = number_of<std::uint64_t>(rest.substr(0, 16), 16, 16);
        const auto generation = number_of<std::uint32_t>(rest.substr(17), 10, 10);
        if (boot && generation) {
            out.dictionaries.emplace_back(*boot, *generation);
        }
    } else if (name.starts_with(kCursorPrefix)) {
        const std::string_view sink = name.substr(kCursorPrefix.size());
        if (is_sink_name(sink)) {
            out.cursors.emplace_back(sink);
        }
    }
}

int write_all(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t wrote = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return wrote < 0 ? -errno : -ENOSPC;
        }
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
        offset += static_cast<std::uint64_t>(wrote);
    }
    return 0;
}

int sync_folder_of(const std::string& path) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    const FileDescriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || fsync(fd.get()) != 0) {
        return -errno;
    }
    return 0;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

int SpoolIo::create(const std::string& path, std::uint64_t preallocate_bytes) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
    if (fd < 0) {
        return -errno;
    }
    // Blocks taken now cannot be missing later; where the file system cannot, writes find out
    // themselves.
    const auto wanted = static_cast<off_t>(preallocate_bytes);
    if (wanted > 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, wanted) != 0 &&
        (errno == ENOSPC || errno == EDQUOT)) {
        const int error = errno;
        close(fd);
        unlink(path.c_str());
        return -error;
    }
    // Without the name on disk the records behind it would be lost with the power.
    if (const int error = sync_folder_of(path); error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

int SpoolIo::write(int fd, std::string_view bytes, std::uint64_t offset) {
    return write_all(fd, bytes, offset);
}

int SpoolIo::sync(int fd) {
    return fdatasync(fd) == 0 ? 0 : -errno;
}

int SpoolIo::replace(const std::string& path, std::string_view bytes) {
    const std::string temporary = path + ".tmp";
    const FileDescriptor fd(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode)
    );
    if (!fd.valid()) {
        return -errno;
    }
    int error = write_all(fd.get(), bytes, 0);
    if (error == 0 && fsync(fd.get()) != 0) {
        error = -errno;
    }
    if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) {
        error = -errno;
    }
    if (error != 0) {
        unlink(temporary.c_str());
        return error;
    }
    return sync_folder_of(path);
}

SpoolListing list_spool(const std::string& directory) {
    SpoolListing out;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
         at.increment(error)) {
        if (std::error_code ignored; at->is_regular_file(ignored)) {
            note_file(at->path().filename().string(), out);
        }
    }
    std::ranges::sort(out.segments);
    std::ranges::sort(out.dictionaries);
    std::ranges::sort(out.cursors);
    return out;
}

std::string segment_path(const std::string& directory, std::uint64_t first_number) {
    return directory + '/' + std::string(kSegmentPrefix) +
           formatted("%016llx", static_cast<unsigned long long>(first_number));
}

std::string index_path(const std::string& directory, std::uint64_t first_number) {
    return segment_path(directory, first_number) + ".index";
}

std::string dictionary_path(
    const std::string& directory, std::uint64_t boot, std::uint32_t generation
) {
    return directory + '/' + std::string(kDictionaryPrefix) +
           formatted("%016llx-%010u", static_cast<unsigned long long>(boot), generation);
}

std::string cursor_path(const std::string& directory, std::string_view sink) {
    return directory + '/' + std::string(kCursorPrefix) + std::string(sink);
}

bool is_sink_name(std::string_view name) noexcept {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, allowed) &&
           !name.ends_with(".tmp");
}

std::optional<std::uint64_t> read_cursor(const std::string& directory, std::string_view sink) {
    const auto text = read_file(cursor_path(directory, sink), kCursorBytesMax);
    // "sallyport-cursor 1 <number, 20 digits> <crc32c of all before, 8 hex>\n"
    const std::size_t body = kCursorMark.size() + 20;
    if (!text || text->size() != body + 10 || !text->starts_with(kCursorMark) ||
        (*text)[body] != ' ' || text->back() != '\n') {
        return std::nullopt;
    }
    const std::string_view view = *text;
    const auto crc = number_of<std::uint32_t>(view.substr(body + 1, 8), 8, 16);
    if (crc != crc32c(0, bytes_of(view.substr(0, body)))) {
        return std::nullopt;
    }
    return number_of<std::uint64_t>(view.substr(kCursorMark.size(), 20), 20, 10);
}

Status write_cursor(
    SpoolIo& io, const std::string& directory, std::string_view sink, std::uint64_t number
) {
    std::string text(kCursorMark);
    text += formatted("%020llu", static_cast<unsigned long long>(number));
    text += formatted(" %08x\n", crc32c(0, bytes_of(text)));
    const std::string path = cursor_path(directory, sink);
    if (const int error = io.replace(path, text); error != 0) {
        return Error{describe("cannot write", path, -error)};
    }
    return Done{};
}

std::optional<std::string> read_file(const std::string& path, std::uint64_t bytes_max) {
    const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!fd.valid() || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        static_cast<std::uint64_t>(info.st_size) > bytes_max) {
        return std::nullopt;
    }
    std::string out(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < out.size()) {
        const ssize_t got =
            pread(fd.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        at += static_cast<std::size_t>(got);
    }
    out.resize(at);
    return out;
}

std::uint64_t file_bytes(const std::string& path) noexcept {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

std::string describe(std::string_view what, std::string_view path, int error) {
    return std::string(what) + ' ' + std::string(path) + ": " +
           std::system_category().message(error);
}

}  // namespace sallyport::exporters
