// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/time_text.h"

#include "gateway/config/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace sallyport::cli {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Reads exactly `digits` digits at the front.
bool take_number(std::string_view& text, std::size_t digits, int& out) {
    if (text.size() < digits) {
        return false;
    }
    const char* end = text.data() + digits;
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    if (error != std::errc{} || stop != end || text.front() == '-') {
        return false;
    }
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// `.123456789` to nanoseconds; further digits are cut.
bool take_fraction(std::string_view& text, std::uint64_t& nanoseconds) {
    if (!take(text, ".")) {
        return true;
    }
    std::uint64_t unit = kSecond / 10;
    std::size_t digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        nanoseconds += unit * static_cast<std::uint64_t>(text.front() - '0');
        unit /= 10;
        ++digits;
        text.remove_prefix(1);
    }
    return digits != 0;
}

/// `Z` or `+02:00`, in seconds to take off.
bool take_offset(std::string_view& text, int& seconds) {
    if (take(text, "Zz")) {
        return true;
    }
    if (text.empty() || (text.front() != '+' && text.front() != '-')) {
        return false;
    }
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (!take_number(text, 2, hours) || !take(text, ":") || !take_number(text, 2, minutes) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

std::optional<WallNanoseconds> parse_rfc3339(std::string_view text) {
    std::tm when{};
    std::uint64_t fraction = 0;
    int offset = 0;
    const bool shaped = take_number(text, 4, when.tm_year) && take(text, "-") &&
                        take_number(text, 2, when.tm_mon) && take(text, "-") &&
                        take_number(text, 2, when.tm_mday) && take(text, "Tt ") &&
                        take_number(text, 2, when.tm_hour) && take(text, ":") &&
                        take_number(text, 2, when.tm_min) && take(text, ":") &&
                        take_number(text, 2, when.tm_sec) && take_fraction(text, fraction) &&
                        take_offset(text, offset) && text.empty();
    const bool ranged = when.tm_year >= 1970 && when.tm_year <= 2261 && when.tm_mon >= 1 &&
                        when.tm_mon <= 12 && when.tm_mday >= 1 && when.tm_mday <= 31 &&
                        when.tm_hour <= 23 && when.tm_min <= 59 && when.tm_sec <= 60;
    if (!shaped || !ranged) {
        return std::nullopt;
    }
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    const int day = when.tm_mday;
    const std::time_t seconds = ::timegm(&when) - offset;
    if (when.tm_mday != day || seconds < 0) {
        return std::nullopt;  // 31 February came out as another day
    }
    return static_cast<std::uint64_t>(seconds) * kSecond + fraction;
}

}  // namespace

std::optional<WallNanoseconds> parse_time(std::string_view text, WallNanoseconds now) {
    if (const auto ago = config::parse_duration(text)) {
        const auto milliseconds = static_cast<std::uint64_t>(ago->count());
        return milliseconds < now / 1'000'000 ? now - milliseconds * 1'000'000 : 1;
    }
    return parse_rfc3339(text);
}

std::string time_text(WallNanoseconds time) {
    if (time == 0) {
        return "-";
    }
    const auto seconds = static_cast<std::time_t>(time / kSecond);
    std::tm when{};
    ::gmtime_r(&seconds, &when);
    std::array<char, 32> buffer{};
    const std::size_t size =
        std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &when);
    return std::string(buffer.data(), size);
}

}  // namespace sallyport::cli
