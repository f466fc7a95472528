// SPDX-License-Identifier: Apache-2.0
// The one bounds-checked way in and out of the binary files of the spool. Integers are in host
// order: a spool is read on the machine that wrote it, and every file's mark refuses one of another
// byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace sallyport::exporters {

/// Written at the head of every binary file; reads as something else under the other byte order.
inline constexpr std::uint32_t kByteOrderMark = 0x01020304U;

inline std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Reads forward; once something did not fit, ok() is false for good and every value is zero or
/// empty.
class ByteReader {
public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

    template <class T>
    requires std::is_integral_v<T>
    [[nodiscard]] T get() noexcept {
        T out = 0;
        const std::span<const std::uint8_t> from = take(sizeof(T));
        if (!from.empty()) {
            std::memcpy(&out, from.data(), sizeof(T));
        }
        return out;
    }
    /// The next `size` bytes, or an empty span when there are fewer.
    [[nodiscard]] std::span<const std::uint8_t> take(std::size_t size) noexcept {
        if (!ok_ || size > bytes_.size()) {
            ok_ = false;
            return {};
        }
        const auto out = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return out;
    }
    /// A text written by put_text().
    [[nodiscard]] std::string text() {
        const auto from = take(get<std::uint32_t>());
        return {reinterpret_cast<const char*>(from.data()), from.size()};
    }
    /// A count of things that take at least `bytes_each` each: fails when the rest cannot hold
    /// them, so that a damaged count never asks for memory.
    [[nodiscard]] std::size_t count(std::size_t bytes_each) noexcept {
        const std::size_t out = get<std::uint32_t>();
        if (ok_ && out > bytes_.size() / bytes_each) {
            ok_ = false;
        }
        return ok_ ? out : 0;
    }
    void fail() noexcept { ok_ = false; }
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] std::size_t left() const noexcept { return bytes_.size(); }

private:
    std::span<const std::uint8_t> bytes_;
    bool ok_ = true;
};

template <class T>
requires std::is_integral_v<T>
void put(std::string& out, T value) {
    std::array<char, sizeof(T)> bytes{};
    std::memcpy(bytes.data(), &value, sizeof(T));
    out.append(bytes.data(), bytes.size());
}

inline void put_text(std::string& out, std::string_view text) {
    put(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

}  // namespace sallyport::exporters
