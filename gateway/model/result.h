// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or the reason there is none. Standard library only (std::expected is C++23).
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sallyport {

/// One thing wrong with something a person wrote: where, and what was expected.
/// Printed as `path:line:column: message`; line and column count from 1, 0 means "the file as a
/// whole".
struct Problem {
    std::string path;
    std::size_t line = 0;
    std::size_t column = 0;
    std::string message;

    [[nodiscard]] std::string text() const {
        std::string out = path;
        if (line != 0) {
            out += ':' + std::to_string(line);
            if (column != 0) {
                out += ':' + std::to_string(column);
            }
        }
        return out.empty() ? message : out + ": " + message;
    }
};

using Problems = std::vector<Problem>;

/// Why an operation on the environment failed; `message` has place, value and expectation.
struct Error {
    std::string message;
};

template <class T>
class [[nodiscard]] Result {
public:
    // `return value;` and `return Error{...};` are the point.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

private:
    std::variant<T, Error> state_;
};

/// Result of an operation with nothing to return.
struct Done {};
using Status = Result<Done>;

}  // namespace sallyport
