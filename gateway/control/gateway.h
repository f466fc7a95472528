// SPDX-License-Identifier: Apache-2.0
// `sallyport run`: the gateway from its configuration to its end.
#pragma once

#include <string>

namespace sallyport::control {

struct RunOptions {
    std::string config_path;
};

/// Runs until SIGTERM or SIGINT, then drains: flows end with their events, sinks are flushed within
/// a bound. SIGHUP reloads. Blocks; to be called once, from the main thread, before any other
/// thread exists. Problems go to standard error, one a line. Returns 0 after a clean stop, 1 when
/// the configuration was refused or a part could not start.
int run_gateway(const RunOptions& options);

}  // namespace sallyport::control
