// SPDX-License-Identifier: Apache-2.0
#include "exporters/envelope.h"

#include "exporters/encoder.h"
#include "exporters/event_tuple.h"

namespace sallyport::exporters {
namespace {

enum Header : std::size_t {
    content_type,
    schema,
    event_class,
    event_id,
    producer,
    cluster,
    namespace_name,
    node,
    action,
};

}  // namespace

EnvelopeMaker::EnvelopeMaker(std::string_view schema, std::uint16_t community_id_seed)
    : schema_(schema),
      community_id_(community_id_seed) {}

void EnvelopeMaker::make(const Event& event, const EventDictionary& names, Envelope& out) {
    const Workload* workload = workload_of(event, names);
    const std::string_view space =
        workload != nullptr ? workload->namespace_name : std::string_view();
    out.key.clear();
    switch (class_of(event.kind)) {
        case EventClass::flow:
        case EventClass::dns:
            out.key = community_id_.of(tuple_before_nat(event));
            break;
        case EventClass::threat:
        case EventClass::policy:
            out.key.append(names.cluster).append("/").append(space);
            break;
        case EventClass::nat:
            out.key = event.nat.text();
            break;
        case EventClass::audit:
        case EventClass::health:
            out.key = names.gateway;
            break;
    }
    constexpr std::array<std::string_view, kRecordHeaderCount> kNames{
        "content-type",
        "schema",
        "event-class",
        "event-id",
        "producer",
        "cluster",
        "namespace",
        "node",
        "action"};
    for (std::size_t i = 0; i < kRecordHeaderCount; ++i) {
        out.headers[i].name = kNames[i];
        out.headers[i].value.clear();
    }
    out.headers[Header::content_type].value = "application/json";
    out.headers[Header::schema].value = schema_;
    out.headers[Header::event_class].value = name_of(class_of(event.kind));
    append_event_id(event, names, out.headers[Header::event_id].value);
    out.headers[Header::producer].value.append("sallyport/").append(names.version);
    out.headers[Header::cluster].value = names.cluster;
    out.headers[Header::namespace_name].value = space;
    if (workload != nullptr) {
        out.headers[Header::node].value = workload->node;
    }
    if (event.verdict != Verdict::undecided) {
        out.headers[Header::action].value = name_of(event.verdict);
    }
}

}  // namespace sallyport::exporters
