// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/console.h"

namespace sallyport::cli {
namespace {

std::string painted(bool colour, const char* code, const std::string& text) {
    return colour ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

}  // namespace

std::string Console::red(const std::string& text) const {
    return painted(colour, "31", text);
}
std::string Console::green(const std::string& text) const {
    return painted(colour, "32", text);
}
std::string Console::yellow(const std::string& text) const {
    return painted(colour, "33", text);
}
std::string Console::bold(const std::string& text) const {
    return painted(colour, "1", text);
}

void print_problems(const Console& console, const Problems& problems) {
    for (const Problem& problem : problems) {
        console.err << printable(problem.text()) << '\n';
    }
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7F ? '?' : c;
    }
    return out;
}

}  // namespace sallyport::cli
