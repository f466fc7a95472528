// SPDX-License-Identifier: Apache-2.0
// csv: columns found by their header, never by position, since feeds add columns (ThreatFox's
// is_compromised came later). What real feeds do (reference/feeds.md 1.2): the header is a comment
// (URLhaus, ThreatFox, SSLBL) or not (Feodo); all fields are quoted; a space stands between comma
// and quote (ThreatFox); quoted tags hold commas; `# END` closes the file; "None" is no value.
#include "feeds/format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

namespace sallyport::feeds {
namespace {

// Headers of the column that holds the indicator, the more telling first.
constexpr std::array<std::string_view, 13> kValueHeaders{
    "ioc_value",
    "indicator",
    "ioc",
    "dst_ip",
    "url",
    "domain",
    "hostname",
    "host",
    "ip",
    "ip_address",
    "ipaddress",
    "cidr",
    "value"};
constexpr std::array<std::string_view, 3> kTypeHeaders{"ioc_type", "indicator_type", "type"};
constexpr std::array<std::string_view, 2> kPortHeaders{"dst_port", "port"};
/// A row of more columns is no feed's; its rest is not looked at.
constexpr std::size_t kColumnsMax = 256;

std::string_view trim_spaces(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The fields of a row (RFC 4180, with spaces around quotes); false when a quote is not closed or
// followed by something else.
bool split_row(std::string_view row, char delimiter, std::vector<std::string>& fields) {
    fields.clear();
    while (fields.size() < kColumnsMax) {
        const auto first = row.find_first_not_of(' ');
        if (first == std::string_view::npos || row[first] != '"') {
            const auto end = row.find(delimiter);
            fields.emplace_back(trim_spaces(row.substr(0, end)));
            if (end == std::string_view::npos) {
                return true;
            }
            row.remove_prefix(end + 1);
            continue;
        }
        std::string& field = fields.emplace_back();
        std::size_t at = first + 1;
        for (;; ++at) {
            if (at >= row.size()) {
                return false;
            }
            if (row[at] == '"') {
                if (at + 1 >= row.size() || row[at + 1] != '"') {
                    break;
                }
                ++at;  // a doubled quote is one
            }
            field += row[at];
        }
        row.remove_prefix(at + 1);
        const auto next = row.find_first_not_of(' ');
        if (next == std::string_view::npos) {
            return true;
        }
        if (row[next] != delimiter) {
            return false;
        }
        row.remove_prefix(next + 1);
    }
    return true;
}

std::string folded(std::string_view text) {
    std::string out(trim(text));
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

std::optional<std::size_t> find_column(
    const std::vector<std::string>& header, std::string_view wanted
) {
    const std::string name = folded(wanted);
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (folded(header[i]) == name) {
            return i;
        }
    }
    return std::nullopt;
}

/// "3" is the third column, whatever its header.
std::optional<std::size_t> column_number(std::string_view text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0 ||
        number > kColumnsMax) {
        return std::nullopt;
    }
    return number - 1;
}

template <std::size_t Count>
std::optional<std::size_t> choose_column(
    const std::vector<std::string>& header,
    const std::string& configured,
    const std::array<std::string_view, Count>& known
) {
    if (!configured.empty()) {
        const auto number = column_number(configured);
        return number ? number : find_column(header, configured);
    }
    for (const std::string_view name : known) {
        if (const auto column = find_column(header, name)) {
            return column;
        }
    }
    return std::nullopt;
}

// Kinds of indicators that other tools match.
bool is_other_type(std::string_view type) {
    constexpr std::array<std::string_view, 5> kOther{"md5", "sha", "hash", "email", "ja3"};
    const std::string name = folded(type);
    return std::ranges::any_of(kOther, [&name](std::string_view part) {
        return name.find(part) != std::string::npos;
    });
}

bool is_nothing(std::string_view value) {
    const std::string name = folded(value);
    return name.empty() || name == "none" || name == "null" || name == "n/a" || name == "-";
}

class CsvFormat final : public Format {
public:
    explicit CsvFormat(const CsvColumns& columns)
        : columns_(columns),
          delimiter_(csv_delimiter(columns)) {
        if (const auto number = column_number(columns.value)) {
            value_ = number;  // needs no header
            type_ = column_number(columns.type);
            port_ = column_number(columns.port);
        }
    }

    bool line(std::string_view text, ValueSink& sink) override {
        if (text.starts_with('#')) {
            if (!seen_data_) {
                take_header(text.substr(std::min(text.find_first_not_of("# "), text.size())));
            }
            return false;
        }
        if (!seen_data_) {
            seen_data_ = true;
            if (!fits_header(text) && take_header(text)) {
                return false;
            }
            if (!value_) {
                sink.refuse(missing_column());
                return true;
            }
        }
        row(text, sink);
        return true;
    }

private:
    [[nodiscard]] std::string missing_column() const {
        return columns_.value.empty() ? "no header names a column with indicators (url, domain, "
                                        "ip, dst_ip, ioc_value, "
                                        "indicator...); say which with csv.value"
                                      : "no header names the column \"" + columns_.value + "\"";
    }

    bool take_header(std::string_view text) {
        if (text.find(delimiter_) == std::string_view::npos || !split_row(text, delimiter_, row_)) {
            return false;
        }
        const auto value = choose_column(row_, columns_.value, kValueHeaders);
        if (!value || (column_number(columns_.value) && !is_csv_header(text, {}))) {
            return false;
        }
        header_columns_ = row_.size();
        value_ = value;
        type_ = choose_column(row_, columns_.type, kTypeHeaders);
        port_ = choose_column(row_, columns_.port, kPortHeaders);
        return true;
    }

    // A row that may say "domain" as its type is no second header.
    bool fits_header(std::string_view text) {
        return header_columns_ != 0 && split_row(text, delimiter_, row_) &&
               row_.size() == header_columns_;
    }

    void row(std::string_view text, ValueSink& sink) {
        if (!split_row(text, delimiter_, row_)) {
            sink.bad(text, "a quote that is not closed");
            return;
        }
        if (*value_ >= row_.size()) {
            sink.bad(
                text,
                "a row of " + std::to_string(row_.size()) + " columns, the value is in column " +
                    std::to_string(*value_ + 1)
            );
            return;
        }
        const std::string& value = row_[*value_];
        if (is_nothing(value)) {
            sink.skip(SkipReason::empty_value);
            return;
        }
        if (type_ && *type_ < row_.size() && is_other_type(row_[*type_])) {
            sink.skip(SkipReason::other_type);
            return;
        }
        ValueHint hint;
        if (port_ && *port_ < row_.size() && !is_nothing(row_[*port_])) {
            const std::string& port = row_[*port_];
            unsigned number = 0;
            const auto [end, error] =
                std::from_chars(port.data(), port.data() + port.size(), number);
            if (error != std::errc{} || end != port.data() + port.size() || number == 0 ||
                number > 65535) {
                sink.bad(port, "not a port");
                return;
            }
            hint.port = static_cast<std::uint16_t>(number);
        }
        sink.value(value, hint);
    }

    CsvColumns columns_;
    char delimiter_;
    std::optional<std::size_t> value_;
    std::optional<std::size_t> type_;
    std::optional<std::size_t> port_;
    std::vector<std::string> row_;
    std::size_t header_columns_ = 0;  ///< of the header found; 0: none yet
    bool seen_data_ = false;
};

}  // namespace

char csv_delimiter(const CsvColumns& columns) noexcept {
    if (columns.delimiter == "tab") {
        return '\t';
    }
    return columns.delimiter.empty() ? ',' : columns.delimiter.front();
}

bool is_csv_header(std::string_view line, const CsvColumns& columns) {
    const auto first = line.find_first_not_of("# ");
    if (first == std::string_view::npos) {
        return false;
    }
    line.remove_prefix(first);
    std::vector<std::string> fields;
    if (line.find(csv_delimiter(columns)) == std::string_view::npos ||
        !split_row(line, csv_delimiter(columns), fields)) {
        return false;
    }
    if (!columns.value.empty() && !column_number(columns.value)) {
        return find_column(fields, columns.value).has_value();
    }
    return std::ranges::any_of(kValueHeaders, [&fields](std::string_view name) {
        return find_column(fields, name).has_value();
    });
}

std::unique_ptr<Format> make_csv_format(const CsvColumns& columns) {
    return std::make_unique<CsvFormat>(columns);
}

}  // namespace sallyport::feeds
