// SPDX-License-Identifier: Apache-2.0
// Walks a YAML document along the rows of a table and fills the fields they are bound to. Internal
// to gateway/config.
#pragma once

#include "gateway/config/config.h"
#include "gateway/model/result.h"

#include <string>
#include <string_view>

namespace sallyport::config {

/// Fills `config` and `config.places` from `text`; problems carry `config.path`. Returns false when
/// the text is no YAML at all, in which case nothing was filled.
bool read_yaml(std::string_view text, Config& config, Problems& problems);

}  // namespace sallyport::config
