// SPDX-License-Identifier: Apache-2.0
// The gateway's metrics in Prometheus' text form, from one table: name, type, labels, help and
// where the values come from. Labels are names from the configuration and closed lists, never
// addresses, domains or pods.
#pragma once

#include "gateway/control/gateway_view.h"

#include <span>
#include <string>
#include <string_view>

namespace sallyport::control {

struct MetricRow {
    std::string_view name;
    std::string_view type;    ///< counter, gauge
    std::string_view labels;  ///< "port,dir"; "" for none
    std::string_view help;
};

std::span<const MetricRow> metric_rows() noexcept;

/// Exposition format 0.0.4, every row of the table with its HELP and TYPE.
std::string metrics_text(const GatewayStatus& status);

}  // namespace sallyport::control
