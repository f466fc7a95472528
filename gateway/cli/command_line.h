// SPDX-License-Identifier: Apache-2.0
// The command line: what may stand on it, and which command it calls.
#pragma once

#include "gateway/cli/console.h"
#include "gateway/control/gateway.h"
#include "gateway/control/replay.h"

#include <string>
#include <vector>

namespace sallyport::cli {

/// Commands that need the dataplane are handed in, so that tests of the command line do without it.
struct Entries {
    int (*run)(const control::RunOptions& options);
    int (*replay)(const control::ReplayOptions& options);
};

/// `arguments` without the program's name. Returns the exit code.
int run_command_line(
    const std::vector<std::string>& arguments, const Entries& entries, Console console
);

}  // namespace sallyport::cli
