// SPDX-License-Identifier: Apache-2.0
// `sallyport check`: everything start-up reads, by the same code, without a port or a packet.
#pragma once

#include "gateway/cli/console.h"

#include <string>

namespace sallyport::cli {

Exit check_command(const std::string& config_path, Format format, const Console& console);

}  // namespace sallyport::cli
