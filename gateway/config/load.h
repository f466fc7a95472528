// SPDX-License-Identifier: Apache-2.0
// From a YAML file to a Config, with every problem of the file named at once.
#pragma once

#include "gateway/config/config.h"
#include "gateway/model/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::config {

/// Larger files are refused: a configuration is written by people (feeds and pods are files of
/// their own).
inline constexpr std::size_t kConfigBytesMax = 1U << 20U;

/// What the configuration is for: `replay` needs no ports, pools, workloads, spool or sinks.
enum class Purpose : unsigned char { run, replay };

/// Reads, parses and checks `path`. Adds every problem found, ordered by place; a Config is
/// returned only when there are none, so a caller cannot run on half a configuration. Control side;
/// throws nothing.
std::optional<Config> load_config(const std::string& path, Purpose purpose, Problems& problems);

/// The same for text already read; `path` is what problems say and what relative paths start from.
std::optional<Config> parse_config(
    std::string_view text, const std::string& path, Purpose purpose, Problems& problems
);

}  // namespace sallyport::config
