// SPDX-License-Identifier: Apache-2.0
#include "gateway/model/domain_name.h"

#include "gateway/model/facts.h"

#include <array>

namespace sallyport {
namespace {

constexpr std::size_t kLabelBytesMax = 63;  // RFC 1035 section 2.3.4

// Lower case of each byte, 0 for bytes that no host name holds.
constexpr auto kFold = [] {
    std::array<char, 256> out{};
    for (int c = 'a'; c <= 'z'; ++c) {
        out[static_cast<std::size_t>(c)] = static_cast<char>(c);
        out[static_cast<std::size_t>(c - 'a' + 'A')] = static_cast<char>(c);
    }
    for (int c = '0'; c <= '9'; ++c) {
        out[static_cast<std::size_t>(c)] = static_cast<char>(c);
    }
    out['-'] = '-';
    out['_'] = '_';
    return out;
}();

}  // namespace

CanonicalName canonicalise(std::string_view text, std::span<char> out) noexcept {
    if (!text.empty() && text.back() == '.') {
        text.remove_suffix(1);
    }
    if (text.empty()) {
        return {};
    }
    if (text.size() > kNameBytesMax || text.size() > out.size()) {
        return {0, true};
    }
    CanonicalName result{text.size(), false};
    std::size_t label = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '.') {
            result.invalid |= label == 0 || label > kLabelBytesMax;
            label = 0;
            out[i] = '.';
            continue;
        }
        ++label;
        const char folded = kFold[static_cast<unsigned char>(c)];
        result.invalid |= folded == 0;
        out[i] = folded != 0 ? folded : c;
    }
    result.invalid |= label == 0 || label > kLabelBytesMax;
    return result;
}

std::string canonical_name(std::string_view text) {
    std::array<char, 256> buffer{};
    const CanonicalName name = canonicalise(text, buffer);
    return name.invalid ? std::string{} : std::string(buffer.data(), name.size);
}

bool is_or_below(std::string_view name, std::string_view parent) noexcept {
    if (!name.ends_with(parent)) {
        return false;
    }
    return name.size() == parent.size() || parent.empty() ||
           name[name.size() - parent.size() - 1] == '.';
}

}  // namespace sallyport
