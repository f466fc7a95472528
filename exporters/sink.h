// SPDX-License-Identifier: Apache-2.0
// Where encoded events go. A sink never reads the spool and never moves a cursor: it says which
// events it has not delivered yet, and SinkRunner does the rest.
#pragma once

#include "exporters/envelope.h"
#include "gateway/model/event.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::exporters {

/// One encoded event on its way; views are valid during the call.
struct OutgoingEvent {
    std::uint64_t number = 0;  ///< of its record in the spool; rises from offer to offer
    EventClass event_class = EventClass::flow;
    std::uint64_t time_ns = 0;
    std::string_view document;
    const Envelope* envelope = nullptr;  ///< null where a sink has no use for it
    bool reduced = false;  ///< second try of an event that was too large, in its shorter form
};

enum class Offer : std::uint8_t {
    taken,     ///< the sink answers for it from now on
    busy,      ///< full or failing: offer the same event again later
    oversize,  ///< too large for the destination: offer it once more in its reduced form
};

inline constexpr std::uint64_t kNothingPending = std::numeric_limits<std::uint64_t>::max();

struct SinkProgress {
    /// The oldest event that was taken and is not delivered; everything taken before it is.
    std::uint64_t oldest_pending = kNothingPending;
    /// The sink has forgotten all events from oldest_pending on: offer them again.
    bool replay = false;
    /// Taken events that turned out too large: offer each again, reduced.
    std::vector<std::uint64_t> oversize;
};

enum class SinkState : std::uint8_t { ok, degraded, down };
constexpr std::string_view name_of(SinkState state) noexcept {
    return state == SinkState::ok ? "ok" : state == SinkState::degraded ? "degraded" : "down";
}

struct SinkStats {
    SinkState state = SinkState::ok;
    std::string text = "ok";      ///< what an operator should know: which topic, which broker, why
    std::uint64_t delivered = 0;  ///< events the destination has confirmed
    std::uint64_t retried = 0;    ///< events sent again
    std::uint64_t dead_letters = 0;  ///< events that could not be sent at all
    std::uint64_t pending = 0;       ///< taken and not confirmed
    std::uint64_t restarts = 0;      ///< of the producer, after an error that ends one
};

class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // The runner's thread.
    virtual Offer offer(const OutgoingEvent& event) = 0;
    /// Sends what is due and hears what has been confirmed. Does not wait; called again and again.
    virtual SinkProgress flush() = 0;
    /// Delivers what it can within `timeout` and ends; takes no event afterwards.
    virtual SinkProgress stop(std::chrono::milliseconds timeout) = 0;

    // Any thread.
    [[nodiscard]] virtual SinkStats stats() const = 0;
};

}  // namespace sallyport::exporters
