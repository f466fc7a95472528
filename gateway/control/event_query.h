// SPDX-License-Identifier: Apache-2.0
// An EventQuery as the parameters of GET /v1/events, there and back.
#pragma once

#include "gateway/control/gateway_view.h"
#include "gateway/model/result.h"

#include <map>
#include <string>

namespace sallyport::control {

/// `follow=1`, `last=20`, `since=NS`, `until=NS`, and one `f=name:value` (or `f=!name:value`) a
/// term.
using Parameters = std::multimap<std::string, std::string>;

/// Refuses unknown parameters, parameters given twice (but for `f`) and values out of range.
Result<EventQuery> parse_event_query(const Parameters& parameters);

/// The path and query of a request, percent-encoded.
std::string event_query_path(const EventQuery& query);

}  // namespace sallyport::control
