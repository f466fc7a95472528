// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/command_line.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <unistd.h>

int main(int argc, char** argv) {
    using namespace sallyport;  // NOLINT(google-build-using-namespace)
    const bool out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
    const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
    const bool colour = out_is_terminal && (no_colour == nullptr || *no_colour == '\0');
    const cli::Console console{
        std::cin, std::cout, std::cerr, out_is_terminal, ::isatty(STDERR_FILENO) == 1, colour};
    try {
        return cli::run_command_line(
            {argv + 1, argv + argc}, {control::run_gateway, control::run_replay}, console
        );
    } catch (const std::exception& error) {
        std::cerr << "sallyport: " << error.what() << '\n';
        return static_cast<int>(cli::Exit::said_no);
    }
}
