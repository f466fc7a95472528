// SPDX-License-Identifier: Apache-2.0
// The strings behind the ids in events. One dictionary a (boot, generation); it is written beside
// the spool before the generation is published and outlives the process, so that late encoding
// still finds the names that were true when the event was made. Immutable once published; shared by
// all sinks.
#pragma once

#include "gateway/model/indicator.h"
#include "gateway/model/workload.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport {

struct RuleNames {
    std::string id;      ///< rule.id: "<policy>/<index>"
    std::string name;    ///< rule.name: annotation `name` or "<policy>[<index>]"
    std::string policy;  ///< rule.ruleset
    std::string tier;    ///< rule.category
    std::string trace;   ///< "<index>|<tier>|gnp:<name>|<action>|<rule index>", calico.md 9.2
    std::string place;   ///< file:line it was read from
};

struct FeedNames {
    std::string name;
    std::string category;  ///< as configured: malware, phishing, c2...
    FeedAction action = FeedAction::alert;
    std::uint8_t confidence = 0;  ///< 0..100
};

struct EventDictionary {
    std::uint64_t boot = 0;
    std::uint32_t generation = 0;
    std::string gateway;              ///< gateway.name
    std::string cluster;              ///< gateway.cluster
    std::string hostname;             ///< of the node the gateway runs on
    std::string version;              ///< of sallyport
    std::vector<Workload> workloads;  ///< by WorkloadId; [0] unknown, [1] ambiguous
    std::vector<RuleNames> rules;
    std::vector<FeedNames> feeds;
    std::vector<std::string> pools;
    std::vector<std::string> patterns;  ///< text of each pattern indicator
};

}  // namespace sallyport
