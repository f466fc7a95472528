// SPDX-License-Identifier: Apache-2.0
#include "exporters/flat_encoder.h"

#include "exporters/ecs_subject.h"
#include "exporters/event_tuple.h"
#include "exporters/json_writer.h"

namespace sallyport::exporters {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;
/// NetObserv FlowDirection: 0 ingress, 1 egress (of the node); ours leave.
constexpr std::uint64_t kEgress = 1;

void write_workload(const Workload& workload, JsonWriter& json) {
    const bool node = workload.kind == Workload::Kind::node;
    json.text("SrcK8S_Name", node ? workload.node : workload.pod);
    json.text("SrcK8S_Type", node ? "Node" : "Pod");
    json.text("SrcK8S_OwnerName", workload.owner_name);
    json.text("SrcK8S_OwnerType", workload.owner_kind);
    json.text("SrcK8S_Namespace", workload.namespace_name);
    json.text("SrcK8S_HostName", workload.node);
}

}  // namespace

void FlatEncoder::encode(
    const Event& event, const EventDictionary& names, Detail /*detail*/, std::string& out
) {
    const EventClass event_class = class_of(event.kind);
    if (event_class != EventClass::flow && event_class != EventClass::dns) {
        return;
    }
    JsonWriter json(out);
    const std::uint64_t start_ns = event.start_ns != 0 ? event.start_ns : event.time_ns;
    const std::uint64_t end_ns = event.end_ns != 0 ? event.end_ns : event.time_ns;
    json.number("TimeFlowStartMs", start_ns / kNsPerMs);
    json.number("TimeFlowEndMs", end_ns / kNsPerMs);
    json.number("TimeReceived", event.time_ns / (kNsPerMs * 1000));
    json.text("SrcAddr", event.source.text());
    json.text("DstAddr", event.destination.text());
    json.number("Proto", event.protocol);
    if (has_ports(event.protocol)) {
        json.number("SrcPort", event.source_port);
        json.number("DstPort", event.destination_port);
    }
    if (event.protocol == kProtocolTcp) {
        json.number("Flags", event.tcp_flags);
    }
    if (const Workload* workload = workload_of(event, names)) {
        write_workload(*workload, json);
    }
    json.number("Bytes", event.bytes_out);
    json.number("Packets", event.packets_out);
    json.number("FlowDirection", kEgress);
    if (event_class == EventClass::dns) {
        json.text("DnsName", event.text_view());
        if (event.kind == EventKind::dns_answer) {
            json.text("DnsFlagsResponseCode", dns_response_name(event.dns_flags));
        }
    }
    if (event.nat.family != IpFamily::none) {
        json.text("XlatSrcAddr", event.nat.text());
        json.text("XlatDstAddr", event.destination.text());
        if (has_ports(event.protocol)) {
            json.number("XlatSrcPort", event.nat_port);
            json.number("XlatDstPort", event.destination_port);
        }
    }
    json.text("K8S_ClusterName", names.cluster);
    json.finish();
}

}  // namespace sallyport::exporters
