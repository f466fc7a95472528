// SPDX-License-Identifier: Apache-2.0
// The one YAML document of a configuration file. Internal to gateway/config.
#pragma once

#include "gateway/model/result.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::config {

/// The document, or nothing and a problem when the text is no YAML or holds nothing. A second
/// document is a problem beside the first.
std::optional<YAML::Node> load_document(
    std::string_view text, const std::string& path, Problems& problems
);

/// What yaml-cpp says, with its place.
Problem yaml_problem(const std::string& path, const YAML::Exception& error);

}  // namespace sallyport::config
