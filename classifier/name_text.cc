// SPDX-License-Identifier: Apache-2.0
#include "classifier/name_text.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace sallyport::classifier {
namespace {

constexpr std::size_t kLabelBytesMax = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t kEscapeBytes = 4;     // \DDD

// Lower case of the bytes a name may hold, 0 for all others.
constexpr auto kFold = [] {
    std::array<char, 256> out{};
    for (unsigned c = 'a'; c <= 'z'; ++c) {
        out[c] = static_cast<char>(c);
        out[c - 'a' + 'A'] = static_cast<char>(c);
    }
    for (unsigned c = '0'; c <= '9'; ++c) {
        out[c] = static_cast<char>(c);
    }
    out['-'] = '-';
    out['_'] = '_';
    return out;
}();

}  // namespace

void NameText::append_escaped(std::uint8_t byte) noexcept {
    invalid_ = true;
    const bool printable = byte > ' ' && byte < 0x7F;
    if (printable && byte != '\\' && byte != '.') {
        text_[size_++] = static_cast<char>(byte);
        return;
    }
    text_[size_++] = '\\';
    text_[size_++] = static_cast<char>('0' + byte / 100);
    text_[size_++] = static_cast<char>('0' + byte / 10 % 10);
    text_[size_++] = static_cast<char>('0' + byte % 10);
}

void NameText::add_label(std::span<const std::uint8_t> label) noexcept {
    invalid_ |= label.empty() || label.size() > kLabelBytesMax;
    // One check a label covers its separator and every byte escaped. Callers bound the whole to 255
    // octets, so this only speaks when one of them forgets to.
    if (text_.size() - size_ < 1 + label.size() * kEscapeBytes) {
        invalid_ = true;
        shortened_ = true;
        return;
    }
    if (labels_++ != 0) {
        text_[size_++] = '.';
    }
    for (const std::uint8_t byte : label) {
        const char folded = kFold[byte];
        if (folded != 0) [[likely]] {
            text_[size_++] = folded;
        } else {
            append_escaped(byte);
        }
    }
}

void NameText::assign(std::span<const std::uint8_t> text) noexcept {
    size_ = 0;
    labels_ = 0;
    invalid_ = false;
    shortened_ = false;
    if (text.empty()) {
        return;
    }
    if (text.back() == '.') {
        text = text.first(text.size() - 1);
        invalid_ = text.empty();  // "." names nothing
    }
    if (text.size() > kNameBytesMax) {
        text = text.last(kNameBytesMax);
        invalid_ = true;
        shortened_ = true;
    }
    while (!text.empty()) {
        const void* const dot = std::memchr(text.data(), '.', text.size());
        if (dot == nullptr) {
            add_label(text);
            return;
        }
        const auto size =
            static_cast<std::size_t>(static_cast<const std::uint8_t*>(dot) - text.data());
        add_label(text.first(size));
        text = text.subspan(size + 1);
        if (text.empty()) {
            add_label(text);  // a second final dot: an empty label
        }
    }
}

std::size_t NameText::copy_to(std::span<char> out) noexcept {
    const std::size_t room = std::min(out.size(), kNameBytesMax);
    std::string_view text(text_.data(), size_);
    if (!shortened_ && text.size() <= room) [[likely]] {
        std::memcpy(out.data(), text.data(), text.size());
        return text.size();
    }
    invalid_ = true;
    if (room == 0) {
        return 0;
    }
    // From the first label boundary that leaves the rest small enough. Dots inside labels are
    // escaped, so each dot is a boundary; a single label too long for `room` is cut itself.
    text.remove_prefix(text.size() > room ? text.size() - room : 0);
    const std::size_t dot = text.find('.');
    if (dot != std::string_view::npos) {
        text.remove_prefix(dot + 1);
    } else if (text.size() == room) {
        text.remove_prefix(1);
    }
    out[0] = '.';
    std::memcpy(out.data() + 1, text.data(), text.size());
    return text.size() + 1;
}

void NameText::store(NameSource source, Facts& facts) noexcept {
    facts.name_size = static_cast<std::uint8_t>(copy_to(facts.name));
    facts.name_invalid = invalid_;
    facts.name_source = source;
}

}  // namespace sallyport::classifier
