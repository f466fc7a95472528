// SPDX-License-Identifier: Apache-2.0
#include "exporters/dns_answers.h"

#include <algorithm>

namespace sallyport::exporters {
namespace {

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeAaaa = 28;

}  // namespace

bool next_answer(ByteReader& reader, DnsAnswer& out) {
    if (reader.left() == 0) {
        return false;
    }
    out.type = reader.get<std::uint16_t>();
    out.ttl = reader.get<std::uint32_t>();
    const auto data = reader.take(reader.get<std::uint8_t>());
    if (!reader.ok()) {
        return false;
    }
    out.is_address =
        (out.type == kTypeA && data.size() == 4) || (out.type == kTypeAaaa && data.size() == 16);
    if (out.is_address) {
        IpAddress address;
        address.family = out.type == kTypeA ? IpFamily::v4 : IpFamily::v6;
        std::ranges::copy(data, address.bytes.begin());
        out.data = address.text();
    } else {
        out.data.assign(reinterpret_cast<const char*>(data.data()), data.size());
    }
    return true;
}

ByteReader answers_of(const Event& event) {
    const std::size_t size = std::min<std::size_t>(event.data_size, event.data.size());
    return ByteReader(std::span(event.data).first(event.kind == EventKind::dns_answer ? size : 0));
}

}  // namespace sallyport::exporters
