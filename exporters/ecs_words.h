// SPDX-License-Identifier: Apache-2.0
// The closed lists of the ECS encoding (events reference, sections 1, 2.1 and 2.3). Internal to it.
#pragma once

#include "exporters/ecs_subject.h"
#include "gateway/model/event.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport::exporters {

/// Words of one kind of event (events reference, 2.1 and 2.3). A second category or type is "" when
/// none.
struct KindWords {
    EventKind kind;
    std::string_view event_kind;
    std::array<std::string_view, 3> categories;
    std::array<std::string_view, 2> types;
    bool decision;  ///< "allowed" or "denied" joins the types
    std::uint8_t severity;
};

const KindWords& words_of(EventKind kind);
/// 1 informational to 5 critical. A denial alone raises nothing; a match counts by its confidence.
std::uint8_t severity_of(const Subject& subject);
/// Tenths of the weight of a feed's category in `event.risk_score`.
std::uint64_t category_weight(std::string_view category);
std::string_view outcome_of(const Event& event);
std::string_view reason_of(const Event& event);
std::string_view tls_version_name(std::uint16_t version);
std::string_view indicator_type(const Subject& subject, IndicatorType type);
/// Kind of an indicator inside `threat.enrichments.matched.id`.
std::string_view indicator_word(const Subject& subject, IndicatorType type);
/// Object under `kubernetes` whose name an owner of this kind is; "" for kinds without one.
std::string_view owner_field(std::string_view kind);

}  // namespace sallyport::exporters
