// SPDX-License-Identifier: Apache-2.0
// From an Event and the names of its generation to the text of a SIEM. Late: on a sink's thread,
// never on a worker's.
#pragma once

#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::exporters {

struct EncoderSettings {
    std::string data_stream_namespace = "default";  ///< ECS data_stream.namespace; no '-'
    std::string outside_zone = "internet";          ///< ECS observer.egress.zone
    std::vector<std::string> tags;
    std::uint16_t community_id_seed = 0;
};

/// How much of an event is written. `reduced` leaves out what has no bound of its own (labels,
/// further matches, DNS answers) and says so: the second try for an event that a broker found too
/// large.
enum class Detail : std::uint8_t { full, reduced };

/// One encoding. An encoder keeps scratch memory: it belongs to one thread.
class Encoder {
public:
    Encoder() = default;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    virtual ~Encoder() = default;
    /// Appends one document without a line end. Deterministic: same event, same names, same bytes.
    virtual void encode(
        const Event& event, const EventDictionary& names, Detail detail, std::string& out
    ) = 0;
    void encode(const Event& event, const EventDictionary& names, std::string& out) {
        encode(event, names, Detail::full, out);
    }
    /// Kafka header `schema`: "ecs/9.4.0".
    [[nodiscard]] virtual std::string_view schema() const noexcept = 0;
};

/// By the name in the configuration; an unknown or not yet supported encoding is refused by name.
Result<std::unique_ptr<Encoder>> make_encoder(
    std::string_view encoding, const EncoderSettings& settings = {}
);
/// "ecs, flat": for messages and help.
std::string_view encoding_names() noexcept;

/// `<gateway>:<boot, hex, at least 8 digits>:<worker>:<sequence>`. The worker of the control side
/// is written `c`, the spooler `s`.
void append_event_id(const Event& event, const EventDictionary& names, std::string& out);
/// ISO 8601, UTC, nine digits behind the point, `Z`.
void append_time(std::uint64_t time_ns, std::string& out);

/// Workload of an event, or null when nobody is known behind it.
const Workload* workload_of(const Event& event, const EventDictionary& names) noexcept;

}  // namespace sallyport::exporters
