// SPDX-License-Identifier: Apache-2.0
// What no single row of the table can see: contradictions between keys. Internal to gateway/config.
#pragma once

#include "gateway/config/config.h"
#include "gateway/config/load.h"
#include "gateway/model/result.h"

namespace sallyport::config {

/// Adds a problem for each contradiction. Pure; looks at no file and no device.
void check_config(const Config& config, Purpose purpose, Problems& problems);

}  // namespace sallyport::config
