// SPDX-License-Identifier: Apache-2.0
// Appends one JSON document to a string: no tree, no allocation beyond the string's own. Objects
// and arrays that stay empty leave no trace, and neither do empty texts: "unknown" is said by
// absence.
//
// Every text is made safe for whoever reads the line raw (K13): what is not UTF-8 becomes U+FFFD;
// control characters, the directional marks that reorder text on a screen, line separators and '<'
// are written as \uXXXX. A JSON parser gives back the same text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::exporters {

/// `text` between quotes' insides, as above.
void append_json_text(std::string_view text, std::string& out);

class JsonWriter {
public:
    /// Opens the outermost object.
    explicit JsonWriter(std::string& out);
    /// Closes it. Everything else must be closed.
    void finish();

    void open(std::string_view key);        ///< object member
    void open_array(std::string_view key);  ///< array member
    void open_element();                    ///< object inside an array
    void close();                           ///< the innermost of the three above

    void text(std::string_view key, std::string_view value);
    void number(std::string_view key, std::uint64_t value);
    /// With one digit behind the point.
    void tenths(std::string_view key, std::uint64_t value_times_ten);
    void boolean(std::string_view key, bool value);
    void element(std::string_view value);  ///< text inside an array
    /// An array of one text.
    void list(std::string_view key, std::string_view value);

private:
    static constexpr std::size_t kDepthMax = 12;
    struct Level {
        std::size_t start = 0;  ///< size of out_ before it was opened
        bool empty = true;
        bool parent_empty = true;
        char end = '}';
    };
    void separate();
    void member(std::string_view key);
    void push(char begin, char end, std::size_t start, bool parent_empty);

    std::string& out_;
    std::array<Level, kDepthMax> levels_;
    std::size_t depth_ = 0;
};

}  // namespace sallyport::exporters
