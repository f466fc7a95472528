// SPDX-License-Identifier: Apache-2.0
// The configured sinks, each with its reader, encoder and thread.
#pragma once

#include "exporters/sink_runner.h"
#include "exporters/spool.h"
#include "gateway/config/config.h"
#include "gateway/control/gateway_view.h"
#include "gateway/model/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::control {

/// Names of the configured sinks, as their cursors are called.
std::vector<std::string> sink_names(const config::Config& config);

class Sinks {
public:
    /// Makes and starts every sink; none runs when one cannot be made (a conflict of settings, an
    /// unreadable secret). A broker that is away is no reason: the sink says so and tries on.
    static Result<std::unique_ptr<Sinks>> start(
        const config::Config& config, exporters::Spool& spool
    );

    /// Delivers what it can within `timeout`, all sinks at the same time. Close the spool first.
    void stop(std::chrono::milliseconds timeout);
    [[nodiscard]] std::vector<SinkStatus> status() const;

private:
    struct One {
        std::string kind;
        std::unique_ptr<exporters::SinkRunner> runner;
    };
    std::vector<One> sinks_;
};

}  // namespace sallyport::control
