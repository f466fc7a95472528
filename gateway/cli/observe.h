// SPDX-License-Identifier: Apache-2.0
// `sallyport observe`: events of a running gateway, of a file, or of standard input.
#pragma once

#include "gateway/cli/console.h"
#include "gateway/control/gateway_view.h"

#include <optional>
#include <string>
#include <vector>

namespace sallyport::cli {

/// How many events are shown when nobody says (hubble observe has the same).
inline constexpr std::size_t kLastDefault = 20;

struct ObserveOptions {
    std::string socket_path;
    std::string input_file;  ///< "" asks the gateway, "-" is standard input
    std::string spool;       ///< directory of a spool to read instead of a gateway
    Format format = Format::compact;
    control::EventQuery query;
};

/// Prints until the events end (or, following, until the reader or the gateway goes away).
Exit observe(const ObserveOptions& options, const Console& console);

}  // namespace sallyport::cli
