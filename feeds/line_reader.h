// SPDX-License-Identifier: Apache-2.0
// A file as lines, in bounded memory whatever its bytes: a line of 1 GiB costs kLineBytesMax.
#pragma once

#include "gateway/model/result.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::feeds {

/// The longest entry of a real feed is an expression of 575 bytes; the longest CSV row (ThreatFox,
/// with tags and reference) stays below 4 KiB.
inline constexpr std::size_t kLineBytesMax = 64U << 10U;

class LineReader {
public:
    enum class Next : std::uint8_t {
        line,
        too_long,  ///< longer than kLineBytesMax; `text` holds its beginning
        end,
        failed,  ///< see error()
    };

    LineReader() = default;
    LineReader(const LineReader&) = delete;
    LineReader& operator=(const LineReader&) = delete;
    ~LineReader();

    /// A regular file only: nothing that could block or never end.
    Status open(const std::string& path);
    /// The next line without LF or CRLF, valid until the next call. The byte order mark of UTF-8 is
    /// passed over.
    Next next(std::string_view& text);
    /// The first bytes of the file (up to 64 KiB), before the first next().
    std::string_view head();

    /// Reads to the end without looking. False on an error.
    bool skip_all();

    /// Told every piece of the file as it is read.
    void on_bytes(std::function<void(std::string_view)> take) { take_ = std::move(take); }
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
    [[nodiscard]] std::size_t line_number() const { return line_; }  ///< of the last line, from 1
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    bool fill();

    int fd_ = -1;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  ///< unread bytes are [begin_, end_)
    std::size_t end_ = 0;
    std::uint64_t bytes_read_ = 0;
    std::size_t line_ = 0;
    bool at_end_ = false;
    std::string path_;
    std::string error_;
    std::function<void(std::string_view)> take_;
};

}  // namespace sallyport::feeds
