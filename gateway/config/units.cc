// SPDX-License-Identifier: Apache-2.0
#include "gateway/config/units.h"

#include <array>
#include <charconv>
#include <limits>

namespace sallyport::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: duration_text() takes them in this order.
constexpr std::array kDurationUnits{
    Unit{"d", 86'400'000},
    Unit{"h", 3'600'000},
    Unit{"m", 60'000},
    Unit{"s", 1'000},
    Unit{"ms", 1},
};
constexpr std::array kSizeUnits{
    Unit{"TiB", 1ULL << 40U},
    Unit{"GiB", 1ULL << 30U},
    Unit{"MiB", 1ULL << 20U},
    Unit{"KiB", 1ULL << 10U},
    Unit{"TB", 1'000'000'000'000ULL},
    Unit{"GB", 1'000'000'000ULL},
    Unit{"MB", 1'000'000ULL},
    Unit{"kB", 1'000ULL},
    Unit{"B", 1},
};
constexpr std::size_t kBinarySizeUnits = 4;
constexpr std::uint64_t kMillisecondsMax =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::size_t digits_at_front(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
        ++count;
    }
    return count;
}

std::size_t letters_at_front(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && ((text[count] >= 'a' && text[count] <= 'z') ||
                                   (text[count] >= 'A' && text[count] <= 'Z'))) {
        ++count;
    }
    return count;
}

template <std::size_t N>
const Unit* find_unit(const std::array<Unit, N>& units, std::string_view name) {
    for (const Unit& unit : units) {
        if (unit.name == name) {
            return &unit;
        }
    }
    return nullptr;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    if (text == "0") {
        return std::chrono::milliseconds{0};
    }
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t total = 0;
    while (!text.empty()) {
        const std::size_t digits = digits_at_front(text);
        const auto number = parse_number(text.substr(0, digits));
        text.remove_prefix(digits);
        const std::size_t letters = letters_at_front(text);
        const Unit* unit = find_unit(kDurationUnits, text.substr(0, letters));
        text.remove_prefix(letters);
        std::uint64_t part = 0;
        if (!number || unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &part) ||
            __builtin_add_overflow(total, part, &total) || total > kMillisecondsMax) {
            return std::nullopt;
        }
    }
    return std::chrono::milliseconds{static_cast<std::int64_t>(total)};
}

std::optional<ByteSize> parse_size(std::string_view text) {
    const std::size_t digits = digits_at_front(text);
    const auto number = parse_number(text.substr(0, digits));
    if (!number) {
        return std::nullopt;
    }
    const std::string_view name = text.substr(digits);
    const Unit* unit = find_unit(kSizeUnits, name.empty() ? "B" : name);
    std::uint64_t bytes = 0;
    if (unit == nullptr || __builtin_mul_overflow(*number, unit->factor, &bytes)) {
        return std::nullopt;
    }
    return ByteSize{bytes};
}

std::string duration_text(std::chrono::milliseconds value) {
    auto left = static_cast<std::uint64_t>(value.count());
    if (left == 0) {
        return "0";
    }
    std::string out;
    for (const Unit& unit : kDurationUnits) {
        if (left / unit.factor != 0) {
            out += std::to_string(left / unit.factor);
            out += unit.name;
            left %= unit.factor;
        }
    }
    return out;
}

std::string size_text(ByteSize value) {
    for (std::size_t i = 0; i < kBinarySizeUnits; ++i) {
        const Unit& unit = kSizeUnits[i];
        if (value.bytes != 0 && value.bytes % unit.factor == 0) {
            return std::to_string(value.bytes / unit.factor) + std::string(unit.name);
        }
    }
    return std::to_string(value.bytes);
}

}  // namespace sallyport::config
