// SPDX-License-Identifier: Apache-2.0
// Flat JSON with the names NetObserv uses (events reference, section 7), so that its dashboards
// work. NetObserv counts one direction a record: this is the outbound one, and only flows have a
// record.
#pragma once

#include "exporters/encoder.h"

namespace sallyport::exporters {

class FlatEncoder final : public Encoder {
public:
    using Encoder::encode;
    /// Appends nothing for classes other than flow and dns: NetObserv has no names for them.
    void encode(const Event& event, const EventDictionary& names, Detail detail, std::string& out)
        override;
    [[nodiscard]] std::string_view schema() const noexcept override { return "flat"; }
};

}  // namespace sallyport::exporters
