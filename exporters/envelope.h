// SPDX-License-Identifier: Apache-2.0
// What travels beside a document: key and headers of a Kafka record (kafka.md sections 2 and 3).
#pragma once

#include "exporters/community_id.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::exporters {

struct RecordHeader {
    std::string_view name;
    std::string value;
};

inline constexpr std::size_t kRecordHeaderCount = 9;

struct Envelope {
    /// flow and dns: pre-NAT Community ID; threat and policy: `<cluster>/<namespace>`; nat: the
    /// egress address; audit and health: the gateway. Kafka keeps order among events of one key.
    std::string key;
    /// content-type, schema, event-class, event-id, producer, cluster, namespace, node, action; a
    /// header whose value is not known has an empty value and is not sent.
    std::array<RecordHeader, kRecordHeaderCount> headers;
};

/// One thread.
class EnvelopeMaker {
public:
    explicit EnvelopeMaker(std::string_view schema, std::uint16_t community_id_seed = 0);
    void make(const Event& event, const EventDictionary& names, Envelope& out);

private:
    const std::string schema_;
    CommunityId community_id_;
};

}  // namespace sallyport::exporters
