// SPDX-License-Identifier: Apache-2.0
// Commands that ask a running gateway: status, reload, feeds list.
#pragma once

#include "gateway/cli/console.h"

#include <string>

namespace sallyport::cli {

Exit status_command(const std::string& socket_path, Format format, const Console& console);
Exit reload_command(const std::string& socket_path, Format format, const Console& console);
Exit feeds_list_command(const std::string& socket_path, Format format, const Console& console);

}  // namespace sallyport::cli
