// SPDX-License-Identifier: Apache-2.0
// `sallyport replay --summary`: who talked to what, what matched and what would have been denied,
// as a table for people. Fed with events in order; one thread.
#pragma once

#include "gateway/model/drop_reason.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"

#include <array>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <tuple>

namespace sallyport::control {

class Summary {
public:
    void add(const Event& event, const EventDictionary& names);
    /// `packets` read, and what each drop door counted.
    void print(
        std::ostream& out,
        std::uint64_t packets,
        const std::array<std::uint64_t, kDropReasonCount>& drops
    ) const;

private:
    struct Row {
        std::uint64_t flows = 0;
        std::uint64_t bytes_out = 0;
        std::uint64_t bytes_in = 0;
        std::uint64_t denied = 0;
        std::string why;
    };
    struct Match {
        std::uint64_t count = 0;
        std::uint64_t denied = 0;
    };
    /// who, to, service
    std::map<std::tuple<std::string, std::string, std::string>, Row> talks_;
    /// feed, destination, who
    std::map<std::tuple<std::string, std::string, std::string>, Match> matches_;
    std::uint64_t dns_queries_ = 0;
    std::uint64_t dns_denied_ = 0;
};

}  // namespace sallyport::control
