// SPDX-License-Identifier: Apache-2.0
#include "exporters/ecs_workload.h"

#include <algorithm>

namespace sallyport::exporters {

void write_labels(const Workload& workload, JsonWriter& json, std::string& scratch) {
    json.open_array("label");
    for (const auto& [key, value] : workload.labels) {
        scratch.assign(key).append(":").append(value);
        json.element(scratch);
    }
    json.close();
}

void write_label_fields(
    const Workload& workload, JsonWriter& json, std::vector<std::string>& keys
) {
    keys.resize(std::max(keys.size(), workload.labels.size()));
    auto end = keys.begin();
    json.open("labels");
    for (const auto& [key, value] : workload.labels) {
        end->assign(key);
        std::ranges::replace(*end, '.', '_');
        if (std::find(keys.begin(), end, *end) == end) {  // else two labels became one
            json.text(*end, value);
            ++end;
        }
    }
    json.close();
}

void write_pod_addresses(const Workload& workload, JsonWriter& json) {
    json.open_array("ip");
    for (const IpAddress& address : workload.addresses) {
        json.element(address.text());
    }
    json.close();
}

std::string_view service_name(const Workload& workload) {
    for (const char* label : {"app.kubernetes.io/name", "app"}) {
        if (const auto at = workload.labels.find(label);
            at != workload.labels.end() && !at->second.empty()) {
            return at->second;
        }
    }
    return workload.owner_name;
}

}  // namespace sallyport::exporters
