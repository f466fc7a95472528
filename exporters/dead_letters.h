// SPDX-License-Identifier: Apache-2.0
// Documents that no broker will ever take, in a file of their own, one a line. One thread.
#pragma once

#include "gateway/model/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::exporters {

class DeadLetters {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    /// Without a path letters are only counted.
    explicit DeadLetters(std::string path) : path_(std::move(path)) {}

    /// Keeps a document until write() has brought it to disk. `token` is the caller's.
    void add(std::uint64_t token, std::string_view document);
    /// Tokens of the letters that are on disk now. What could not be written stays, and is tried
    /// again a second later.
    std::vector<std::uint64_t> write(SteadyTime now);
    /// Forgets what is not written yet.
    void clear();

    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// Why the last write failed; empty when it did not.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    struct Letter {
        std::uint64_t token = 0;
        std::string document;
    };
    [[nodiscard]] Status append(const std::string& document) const;

    const std::string path_;
    std::deque<Letter> waiting_;
    std::size_t bytes_ = 0;  ///< of the documents that wait
    SteadyTime retry_at_{};
    std::string error_;
};

}  // namespace sallyport::exporters
