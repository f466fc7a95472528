// SPDX-License-Identifier: Apache-2.0
// Events of a spool as ECS documents, chosen by an EventQuery: what GET /v1/events and `observe
// --spool` give.
#pragma once

#include "exporters/spool_reader.h"
#include "gateway/control/gateway_view.h"
#include "gateway/model/result.h"

#include <memory>
#include <string>

namespace sallyport::control {

/// Takes a reader without a name. `last` is found from the end backwards, in windows that double,
/// so that twenty events of a large spool cost little when they are common.
std::unique_ptr<EventStream> make_spool_events(
    std::unique_ptr<exporters::SpoolReader> reader, const EventQuery& query
);

/// The same over the spool of another process, or of one that has ended.
Result<std::unique_ptr<EventStream>> follow_spool(
    const std::string& directory, const EventQuery& query
);

}  // namespace sallyport::control
