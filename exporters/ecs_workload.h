// SPDX-License-Identifier: Apache-2.0
// What ECS documents say of a workload, where it takes more than a field.
#pragma once

#include "exporters/json_writer.h"
#include "gateway/model/workload.h"

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::exporters {

/// `label`: "key:value" texts, as they are. `scratch` is reused.
void write_labels(const Workload& workload, JsonWriter& json, std::string& scratch);

/// `labels`: a field each. Dots become underscores, as Elastic's own agents do it, or `app` and
/// `app.kubernetes.io/name` would be a text and an object of one name. `keys` is scratch.
void write_label_fields(const Workload& workload, JsonWriter& json, std::vector<std::string>& keys);

/// `ip`: all its addresses.
void write_pod_addresses(const Workload& workload, JsonWriter& json);

/// What the workload is called as a service: a well-known label's value, else its owner's name.
std::string_view service_name(const Workload& workload);

}  // namespace sallyport::exporters
