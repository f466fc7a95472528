// SPDX-License-Identifier: Apache-2.0
// Events to Apache Kafka through librdkafka.
//
// Theory of operation
// - Taking an event means queueing it in librdkafka and opening an entry in the delivery window.
// Only a
//   successful delivery report closes the entry; the cursor follows the oldest open one.
// - At half of librdkafka's queue the sink is busy: the spool holds the rest, memory stays bounded.
// - A topic whose messages are refused (it does not exist, no authorization) is set aside: its
// messages
//   wait here in order, one of them probes from time to time, the other topics go on.
// - An error that ends a producer for good (idempotence cannot be kept) gets a new producer and a
// replay
//   from the oldest open event. Doubles are possible then, and carry the same event id; holes are
//   not.
#pragma once

#include "exporters/kafka_settings.h"
#include "exporters/sink.h"
#include "gateway/model/result.h"

#include <memory>

namespace sallyport::exporters {

/// Does not wait for a broker: one that cannot be reached makes the sink degraded, with the reason.
/// Fails when the settings contradict each other or librdkafka refuses a property.
Result<std::unique_ptr<Sink>> make_kafka_sink(const KafkaSettings& settings);

}  // namespace sallyport::exporters
