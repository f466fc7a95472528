// SPDX-License-Identifier: Apache-2.0
// Where a command reads and writes, and how it says how it went.
#pragma once

#include "gateway/model/result.h"

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

namespace sallyport::cli {

/// Exit codes, a promise of the interface.
enum class Exit : std::uint8_t {
    done = 0,
    said_no = 1,      ///< the answer is no: problems found, refused, degraded
    wrong_use = 2,    ///< the command line; for `status`: the gateway is down
    not_reached = 3,  ///< no gateway answers
};

enum class Format : std::uint8_t { table, json, compact };

/// Streams of one invocation; tests bring their own. Not owned.
struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool colour = false;  ///< out_is_terminal, and neither --no-color nor NO_COLOR

    /// Text in a colour when there is colour, else as it is.
    [[nodiscard]] std::string red(const std::string& text) const;
    [[nodiscard]] std::string green(const std::string& text) const;
    [[nodiscard]] std::string yellow(const std::string& text) const;
    [[nodiscard]] std::string bold(const std::string& text) const;
};

/// One problem a line on standard error.
void print_problems(const Console& console, const Problems& problems);

/// Takes terminal control characters out of text that came from the network or from objects.
std::string printable(std::string_view text);

}  // namespace sallyport::cli
