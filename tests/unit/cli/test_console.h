// SPDX-License-Identifier: Apache-2.0
// A console of strings.
#pragma once

#include "gateway/cli/console.h"

#include <sstream>
#include <string>

namespace sallyport::cli {

struct TestConsole {
    explicit TestConsole(const std::string& input = "") : in(input) {}
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Console console{in, out, err};
};

}  // namespace sallyport::cli
