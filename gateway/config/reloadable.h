// SPDX-License-Identifier: Apache-2.0
// What a reload may change, and what needs a restart.
#pragma once

#include "gateway/config/config.h"
#include "gateway/model/result.h"

namespace sallyport::config {

/// Adds a problem for each key of `next` that differs from `running` and cannot change without a
/// restart: ports, workers and memory, the spool, sinks, the admin socket, the gateway's name.
/// Pure.
void check_reloadable(const Config& running, const Config& next, Problems& problems);

}  // namespace sallyport::config
