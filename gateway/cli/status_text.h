// SPDX-License-Identifier: Apache-2.0
// `sallyport status` on one screen.
#pragma once

#include "gateway/cli/console.h"
#include "gateway/control/gateway_view.h"

namespace sallyport::cli {

void print_status(const control::GatewayStatus& status, const Console& console);
/// One line: `degraded gateway=egress-a generation=7 ...`.
void print_status_compact(const control::GatewayStatus& status, const Console& console);
/// 0 healthy, 1 degraded, 2 down.
Exit exit_of(control::Health health) noexcept;
/// Feeds alone, for `feeds list`.
void print_feeds(const control::GatewayStatus& status, const Console& console);

}  // namespace sallyport::cli
