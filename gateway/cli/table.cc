// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace sallyport::cli {
namespace {

constexpr std::size_t kGap = 2;

bool is_count(const std::string& text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9' &&
           text.find_first_of(":/ -") == std::string::npos &&
           std::count(text.begin(), text.end(), '.') < 2;
}

/// Characters on a screen, as far as UTF-8 tells: continuation bytes take no place.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

std::string scaled(double value, double step, const std::array<const char*, 6>& units) {
    std::size_t unit = 0;
    while (value >= step && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    std::array<char, 32> buffer{};
    const char* format = unit == 0     ? "%.0f%s"
                         : value < 10  ? "%.2f%s"
                         : value < 100 ? "%.1f%s"
                                       : "%.0f%s";
    // NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of four literals
    const int size = std::snprintf(buffer.data(), buffer.size(), format, value, units[unit]);
    return std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
    cells.resize(heading_.size());
    rows_.push_back(std::move(cells));
}

void Table::print(std::ostream& out) const {
    std::vector<std::size_t> widths;
    std::vector<bool> right;
    for (std::size_t i = 0; i < heading_.size(); ++i) {
        std::size_t width = width_of(heading_[i]);
        bool numbers = !rows_.empty();
        for (const auto& row : rows_) {
            width = std::max(width, width_of(row[i]));
            numbers = numbers && (row[i].empty() || is_count(row[i]));
        }
        widths.push_back(width);
        right.push_back(numbers);
    }
    const auto print_row = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string space(widths[i] - width_of(cells[i]), ' ');
            line += right[i] ? space + cells[i] : cells[i] + space;
            line += std::string(kGap, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out << line << '\n';
    };
    print_row(heading_);
    for (const auto& row : rows_) {
        print_row(row);
    }
}

void Table::print_markdown(std::ostream& out) const {
    const auto print_row = [&](const std::vector<std::string>& cells) {
        out << '|';
        for (const std::string& cell : cells) {
            out << ' ';
            for (const char c : cell) {
                out << (c == '|' ? "\\|" : std::string(1, c));
            }
            out << " |";
        }
        out << '\n';
    };
    print_row(heading_);
    print_row(std::vector<std::string>(heading_.size(), "---"));
    for (const auto& row : rows_) {
        print_row(row);
    }
}

std::string short_count(std::uint64_t value) {
    return scaled(static_cast<double>(value), 1000.0, {"", "k", "M", "G", "T", "P"});
}

std::string short_bytes(std::uint64_t value) {
    return scaled(static_cast<double>(value), 1024.0, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
}

std::string short_seconds(std::uint64_t seconds) {
    const std::array<std::pair<std::uint64_t, char>, 4> units{
        {{86'400, 'd'}, {3'600, 'h'}, {60, 'm'}, {1, 's'}}};
    std::string out;
    std::size_t shown = 0;
    for (const auto& [size, unit] : units) {
        if (seconds >= size && shown < 2) {
            out += std::to_string(seconds / size) + unit;
            seconds %= size;
            ++shown;
        } else if (shown == 1) {
            break;  // "1d" rather than "1d5s"
        }
    }
    return out.empty() ? "0s" : out;
}

}  // namespace sallyport::cli
