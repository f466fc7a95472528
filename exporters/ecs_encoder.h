// SPDX-License-Identifier: Apache-2.0
// Elastic Common Schema 9.4.0, nested JSON, one line a document (events reference, section 2).
#pragma once

#include "exporters/community_id.h"
#include "exporters/ecs_subject.h"
#include "exporters/encoder.h"
#include "exporters/json_writer.h"

#include <string>
#include <vector>

namespace sallyport::exporters {

class EcsEncoder final : public Encoder {
public:
    explicit EcsEncoder(EncoderSettings settings = {});
    using Encoder::encode;
    void encode(const Event& event, const EventDictionary& names, Detail detail, std::string& out)
        override;
    [[nodiscard]] std::string_view schema() const noexcept override { return "ecs/9.4.0"; }

private:
    void write_head(JsonWriter& json);
    void write_event(JsonWriter& json);
    void write_network(JsonWriter& json);
    void write_source(JsonWriter& json);
    void write_destination(JsonWriter& json);
    void write_dns(JsonWriter& json, Detail detail);
    void write_tls(JsonWriter& json);
    void write_url(JsonWriter& json);
    void write_threat(JsonWriter& json, Detail detail);
    void write_rule(JsonWriter& json);
    void write_workload(JsonWriter& json, Detail detail);
    void write_observer(JsonWriter& json);
    void write_related(JsonWriter& json, Detail detail);
    void write_failure(JsonWriter& json);
    void write_sallyport(JsonWriter& json, Detail detail);
    void write_attribution(JsonWriter& json);
    void write_nat(JsonWriter& json);
    void write_flow(JsonWriter& json);
    void write_loss(JsonWriter& json);
    void write_moment(JsonWriter& json, std::string_view key, std::uint64_t time_ns);

    const EncoderSettings settings_;
    CommunityId community_id_;
    Subject subject_;
    std::string scratch_;
    std::vector<std::string> label_keys_;  ///< scratch of write_label_fields
};

}  // namespace sallyport::exporters
