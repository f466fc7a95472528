// SPDX-License-Identifier: Apache-2.0
// The packed answers of a DNS message (DnsFacts::answers, Event::data), one by one.
#pragma once

#include "exporters/byte_io.h"
#include "gateway/model/event.h"

#include <cstdint>
#include <string>

namespace sallyport::exporters {

/// One record of DnsFacts::answers.
struct DnsAnswer {
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    std::string data;
    bool is_address = false;
};

/// Reads the answers of a dns_answer event; gives none for other events.
ByteReader answers_of(const Event& event);
/// The next answer; false at the end or where the bytes are cut off.
bool next_answer(ByteReader& reader, DnsAnswer& out);

}  // namespace sallyport::exporters
