// SPDX-License-Identifier: Apache-2.0
// An ECS document as one line for people.
//
//   TIME ns/workload(pod):port -> name|ip:port PROTO/APP VERDICT what rule=.. feed=.. snat=ip:port
#pragma once

#include "gateway/cli/console.h"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::cli {

/// One line without its end; what an event does not have is left out. Unknown shapes give what they
/// have.
std::string compact_line(const nlohmann::json& document, const Console& console);

/// Columns of `observe -o table`: fixed widths, since lines come one by one.
std::string table_heading();
std::string table_line(const nlohmann::json& document);

}  // namespace sallyport::cli
