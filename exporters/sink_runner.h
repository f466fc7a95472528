// SPDX-License-Identifier: Apache-2.0
// One thread a sink: reads the spool from the sink's cursor, encodes, offers, and moves the cursor
// behind what the sink has confirmed. A slow or dead sink delays nobody but itself.
#pragma once

#include "exporters/encoder.h"
#include "exporters/envelope.h"
#include "exporters/sink.h"
#include "exporters/spool_reader.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace sallyport::exporters {

/// Bit of a class in SinkRunnerSettings::classes.
constexpr std::uint32_t class_bit(EventClass event_class) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(event_class);
}
inline constexpr std::uint32_t kAllClasses = (std::uint32_t{1} << kEventClassCount) - 1;

struct SinkRunnerSettings {
    std::string name;
    std::uint32_t classes = kAllClasses;  ///< others are passed over
    std::uint16_t community_id_seed = 0;
    std::chrono::milliseconds cursor_interval{200};  ///< the ledger is written at most this often
};

/// For status pages and metrics.
struct SinkReport {
    std::string name;
    SinkStats sink;
    std::uint64_t cursor = 0;           ///< first record not confirmed
    std::uint64_t behind = 0;           ///< records in the spool that are not confirmed
    std::uint64_t records_missing = 0;  ///< given up or damaged before this sink could send them
    std::uint64_t behind_ns = 0;        ///< age of the event it is at; 0 when it has caught up
    std::string cursor_error;  ///< why the ledger could not be written; empty when it could
};

class SinkRunner {
public:
    SinkRunner(
        SinkRunnerSettings settings,
        std::unique_ptr<SpoolReader> reader,
        std::unique_ptr<Encoder> encoder,
        std::unique_ptr<Sink> sink
    );
    ~SinkRunner();  ///< stop() without patience
    SinkRunner(const SinkRunner&) = delete;
    SinkRunner& operator=(const SinkRunner&) = delete;

    void start();
    /// Sends what the spool holds for at most `timeout`, then ends; the rest stays in the spool.
    /// Returns within `timeout` and about half a second. Close the spool first, so that everything
    /// is committed.
    void stop(std::chrono::milliseconds timeout = std::chrono::seconds(5));
    [[nodiscard]] SinkReport report() const;  ///< any thread

private:
    void run();
    bool fill();
    bool take_next();
    bool offer_current();
    void encode_current(Detail detail);
    void apply(const SinkProgress& progress);
    void send_reduced(const SinkProgress& progress);
    void move_cursor(bool at_once);
    void update_report();

    const SinkRunnerSettings settings_;
    std::unique_ptr<SpoolReader> reader_;
    std::unique_ptr<Encoder> encoder_;
    std::unique_ptr<Sink> sink_;
    EnvelopeMaker envelope_maker_;

    // The runner's thread only.
    Event event_;
    std::uint64_t number_ = 0;
    bool current_ = false;  ///< event_ is encoded and not taken yet
    bool reduced_ = false;
    bool pending_ = false;  ///< the sink holds events that are not confirmed
    std::string document_;
    Envelope envelope_;
    std::uint64_t done_below_ = 0;
    std::chrono::steady_clock::time_point cursor_moved_at_{};

    std::atomic<bool> stopping_{false};
    std::chrono::steady_clock::time_point deadline_{};  ///< written before stopping_ is set
    mutable std::mutex report_mutex_;
    SinkReport report_;  ///< guarded by report_mutex_
    std::thread thread_;
};

}  // namespace sallyport::exporters
