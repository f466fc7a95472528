// SPDX-License-Identifier: Apache-2.0
#include "exporters/json_writer.h"

#include <cassert>
#include <charconv>

namespace sallyport::exporters {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void append_escape(std::uint32_t unit, std::string& out) {
    const char text[6] = {
        '\\',
        'u',
        kHex[(unit >> 12U) & 0xFU],
        kHex[(unit >> 8U) & 0xFU],
        kHex[(unit >> 4U) & 0xFU],
        kHex[unit & 0xFU]};
    out.append(text, sizeof(text));
}

/// True when the byte can stand in a JSON text as it is.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> out{};
    for (std::size_t c = 0x20; c < 0x7F; ++c) {
        out[c] = c != '"' && c != '\\' && c != '<';
    }
    return out;
}();

/// Code points that change how a line looks or where it ends: C1 controls, soft hyphen, Arabic
/// letter mark, zero width and directional marks, line and paragraph separators, embeddings,
/// isolates, BOM.
bool is_deceptive(std::uint32_t c) {
    return (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

struct Decoded {
    std::uint32_t code_point = 0;
    std::size_t bytes = 0;  ///< 0: not UTF-8
};

/// One code point as RFC 3629 section 4 allows it: shortest form, no surrogates, at most U+10FFFF.
Decoded decode_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t lead = byte(0);
    const std::size_t size = lead < 0x80              ? 1
                             : (lead & 0xE0U) == 0xC0 ? 2
                             : (lead & 0xF0U) == 0xE0 ? 3
                             : (lead & 0xF8U) == 0xF0 ? 4
                                                      : 0;
    if (size == 0 || size > text.size()) {
        return {};
    }
    if (size == 1) {
        return {lead, 1};
    }
    std::uint32_t code_point = lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) {
            return {};
        }
        code_point = (code_point << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<std::uint32_t, 5> kLowest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < kLowest[size] || code_point > 0x10FFFF || surrogate) {
        return {};
    }
    return {code_point, size};
}

void append_special(std::string_view text, const Decoded& decoded, std::string& out) {
    switch (decoded.code_point) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    if (decoded.bytes == 1 || is_deceptive(decoded.code_point)) {
        append_escape(decoded.code_point, out);
    } else {
        out.append(text.substr(0, decoded.bytes));
    }
}

}  // namespace

void append_json_text(std::string_view text, std::string& out) {
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && kPlain[static_cast<unsigned char>(text[plain])]) {
            ++plain;
        }
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) {
            return;
        }
        const Decoded decoded = decode_utf8(text);
        if (decoded.bytes == 0) {
            append_escape(0xFFFD, out);
            text.remove_prefix(1);
        } else {
            append_special(text, decoded, out);
            text.remove_prefix(decoded.bytes);
        }
    }
}

JsonWriter::JsonWriter(std::string& out) : out_(out) {
    push('{', '}', out_.size(), true);
}

void JsonWriter::finish() {
    assert(depth_ == 1);
    out_ += '}';
    depth_ = 0;
}

void JsonWriter::push(char begin, char end, std::size_t start, bool parent_empty) {
    assert(depth_ < kDepthMax);
    levels_[depth_++] = {start, true, parent_empty, end};
    out_ += begin;
}

void JsonWriter::separate() {
    if (!levels_[depth_ - 1].empty) {
        out_ += ',';
    }
    levels_[depth_ - 1].empty = false;
}

void JsonWriter::member(std::string_view key) {
    separate();
    out_ += '"';
    out_.append(key);
    out_ += "\":";
}

void JsonWriter::open(std::string_view key) {
    const std::size_t start = out_.size();
    const bool parent_empty = levels_[depth_ - 1].empty;
    member(key);
    push('{', '}', start, parent_empty);
}

void JsonWriter::open_array(std::string_view key) {
    const std::size_t start = out_.size();
    const bool parent_empty = levels_[depth_ - 1].empty;
    member(key);
    push('[', ']', start, parent_empty);
}

void JsonWriter::open_element() {
    const std::size_t start = out_.size();
    const bool parent_empty = levels_[depth_ - 1].empty;
    separate();
    push('{', '}', start, parent_empty);
}

void JsonWriter::close() {
    assert(depth_ > 1);
    const Level level = levels_[--depth_];
    if (level.empty) {
        out_.resize(level.start);
        levels_[depth_ - 1].empty = level.parent_empty;
    } else {
        out_ += level.end;
    }
}

void JsonWriter::text(std::string_view key, std::string_view value) {
    if (value.empty()) {
        return;
    }
    member(key);
    out_ += '"';
    append_json_text(value, out_);
    out_ += '"';
}

void JsonWriter::number(std::string_view key, std::uint64_t value) {
    member(key);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    out_.append(digits, static_cast<std::size_t>(end - digits));
}

void JsonWriter::tenths(std::string_view key, std::uint64_t value_times_ten) {
    number(key, value_times_ten / 10);
    out_ += '.';
    out_ += static_cast<char>('0' + value_times_ten % 10);
}

void JsonWriter::boolean(std::string_view key, bool value) {
    member(key);
    out_ += value ? "true" : "false";
}

void JsonWriter::element(std::string_view value) {
    if (value.empty()) {
        return;
    }
    separate();
    out_ += '"';
    append_json_text(value, out_);
    out_ += '"';
}

void JsonWriter::list(std::string_view key, std::string_view value) {
    open_array(key);
    element(value);
    close();
}

}  // namespace sallyport::exporters
