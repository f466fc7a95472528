// SPDX-License-Identifier: Apache-2.0
// `sallyport replay`: the pipeline over capture files, without ports, privileges or configuration.
#pragma once

#include "gateway/config/config.h"

#include <string>
#include <vector>

namespace sallyport::control {

struct ReplayOptions {
    std::vector<std::string>
        captures;             ///< pcap or pcapng files in this order; "-" is standard input
    std::string config_path;  ///< "" for none; what follows is added to it
    std::vector<std::string> workloads;     ///< files and directories of Kubernetes objects
    std::vector<config::FeedConfig> feeds;  ///< as parsed from NAME=FILE[,format=F][,action=A]...
    std::vector<std::string> policies;      ///< files and directories of policy objects
    std::string events;  ///< file for events, "-" is standard output, "" for none
    config::Encoding encoding = config::Encoding::ecs;
    std::string pcap_out;  ///< file for what the gateway would have sent, "" for none
    bool summary =
        false;  ///< a readable table on standard output (on standard error beside `--events -`)
};

/// Time comes from the captures; the same input gives the same output, byte for byte. Problems go
/// to standard error, one a line. Returns 0, or 1 when an input was refused or a capture is damaged
/// (after what came before it).
int run_replay(const ReplayOptions& options);

}  // namespace sallyport::control
