// SPDX-License-Identifier: Apache-2.0
#include "feeds/line_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sallyport::feeds {
namespace {

constexpr std::size_t kBufferBytes = 256U << 10U;
static_assert(kBufferBytes > 2 * kLineBytesMax);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

LineReader::~LineReader() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

Status LineReader::open(const std::string& path) {
    path_ = path;
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status = {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) {
        return Error{std::generic_category().message(errno)};
    }
    if (!S_ISREG(status.st_mode)) {
        return Error{"not a regular file"};
    }
    buffer_.resize(kBufferBytes);
    if (!fill() && !error_.empty()) {
        return Error{error_};
    }
    if (std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) {
        begin_ = kByteOrderMark.size();
    }
    return Done{};
}

// Moves what is unread to the front and reads behind it. False when nothing came.
bool LineReader::fill() {
    if (at_end_) {
        return false;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    ssize_t got = 0;
    do {
        got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        at_end_ = true;
        if (got < 0) {
            error_ = std::generic_category().message(errno);
        }
        return false;
    }
    const auto size = static_cast<std::size_t>(got);
    if (take_) {
        take_({buffer_.data() + end_, size});
    }
    end_ += size;
    bytes_read_ += size;
    return true;
}

std::string_view LineReader::head() {
    return {buffer_.data() + begin_, std::min(end_ - begin_, kLineBytesMax)};
}

bool LineReader::skip_all() {
    do {
        begin_ = end_;
    } while (fill());
    return error_.empty();
}

LineReader::Next LineReader::next(std::string_view& text) {
    std::size_t scanned = 0;
    while (true) {
        const char* const from = buffer_.data() + begin_;
        const std::size_t have = end_ - begin_;
        const void* newline =
            have > scanned ? memchr(from + scanned, '\n', have - scanned) : nullptr;
        if (newline != nullptr) {
            const auto size = static_cast<std::size_t>(static_cast<const char*>(newline) - from);
            ++line_;
            begin_ += size + 1;
            text = {from, std::min(size, kLineBytesMax)};
            if (size > kLineBytesMax) {
                return Next::too_long;
            }
            if (text.ends_with('\r')) {
                text.remove_suffix(1);
            }
            return Next::line;
        }
        if (have > kLineBytesMax && end_ == buffer_.size()) {
            // Keep the beginning, to say which line it was; forget the rest piece by piece.
            end_ = begin_ + kLineBytesMax + 1;
        }
        scanned = end_ - begin_;
        if (fill()) {
            continue;
        }
        if (!error_.empty()) {
            return Next::failed;
        }
        if (scanned == 0) {
            return Next::end;
        }
        ++line_;
        text = {buffer_.data() + begin_, std::min(scanned, kLineBytesMax)};
        begin_ = end_;
        return scanned > kLineBytesMax ? Next::too_long : Next::line;
    }
}

}  // namespace sallyport::feeds
