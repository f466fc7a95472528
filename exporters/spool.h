// SPDX-License-Identifier: Apache-2.0
// The spool: the append-only log on local disk that every event enters before anyone sends it.
//
// Theory of operation
//
//   append()        commit()                   sinks, each with its reader and its ledger
//      |               |                            |            |
//   segment-...01  segment-...5d  segment-...a3     |            |
//   [###########]  [###########]  [######|....]     |            |
//    ^                 ^                 ^ committed: readers see records below it
//    |                 +-- cursor of kafka: everything below has been delivered
//    +-- oldest record kept
//
// - Records carry dense numbers. A cursor is the number of the first record its sink has not
// delivered.
// - Records become visible to readers of this process once they are on disk (group commit), so that
// what
//   a SIEM has seen survives a power cut here, and a number is never given twice.
// - A segment goes when every sink has passed it (some are kept for `observe`), or when the spool
// is full
//   and the policy is drop_oldest. What is given up is counted and announced by spool_truncated
//   events.
// - Every start begins a new segment. Recovery cuts the torn tail of the last one and trusts no
// stored
//   size; damage is skipped, counted and announced, and is never a reason not to start.
// - A failing disk never stops the caller: what cannot be written is counted and announced once it
// can.
#pragma once

#include "exporters/loss.h"
#include "exporters/segment_index.h"
#include "exporters/spool_files.h"
#include "exporters/spool_reader.h"
#include "gateway/model/clock.h"
#include "gateway/model/event.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/result.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sallyport::exporters {

/// What goes when the spool has reached `bytes_max` or the disk is full.
enum class FullPolicy : std::uint8_t {
    drop_oldest,  ///< the oldest segment, sent or not
    drop_newest,  ///< events that come now, except threat and audit
};

struct SpoolSettings {
    std::string directory;   ///< created when absent (not its parents)
    std::uint64_t boot = 0;  ///< Event::boot of this process
    std::uint64_t bytes_max = 64ULL << 30U;
    std::uint64_t segment_bytes = 64ULL
                                  << 20U;  ///< made smaller when bytes_max is below eight of them
    /// Kept for threat, audit and the spool's own events: blocks on disk, and the last of
    /// `bytes_max`.
    std::uint64_t reserve_bytes = 8ULL << 20U;
    /// Delivered segments kept for `observe`.
    std::uint64_t history_bytes = 256ULL << 20U;
    /// The most time and bytes a power cut can take (threat and audit are committed at once).
    std::chrono::milliseconds commit_interval{50};
    std::uint64_t commit_bytes = 4ULL << 20U;
    FullPolicy full_policy = FullPolicy::drop_oldest;
    /// Names of the configured sinks: their segments are kept also while no reader of theirs is
    /// open.
    std::vector<std::string> sinks;
    std::shared_ptr<SpoolIo> io;         ///< null: the real system calls
    std::shared_ptr<const Clock> clock;  ///< null: SystemClock
};

struct SpoolStats {
    std::uint64_t bytes = 0;
    std::uint64_t segments = 0;
    std::uint64_t records_appended = 0;
    std::array<std::uint64_t, kEventClassCount> appended_by_class{};
    std::uint64_t oldest_number = 0;
    std::uint64_t next_number = 0;
    /// Events given up, by class and by cause.
    std::array<std::uint64_t, kEventClassCount> lost_by_class{};
    std::array<std::uint64_t, kLossCauseCount> lost_by_cause{};
    std::uint64_t commits = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t commit_errors = 0;
    std::uint64_t recovered_cut_bytes = 0;      ///< torn tail cut at start
    std::uint64_t recovered_skipped_bytes = 0;  ///< damage skipped at start
    bool degraded = false;
    std::string state = "ok";  ///< why degraded: "cannot write ...: No space left on device"
};

class Spool {
public:
    /// Takes the directory for this process, recovers it and begins a new segment lazily. Fails
    /// only when the directory cannot be used at all or another process writes to it.
    static Result<std::unique_ptr<Spool>> open(SpoolSettings settings);
    ~Spool();  ///< close()
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    /// Makes the names of a generation durable. Any control thread, before the generation is
    /// published. When the disk refuses, the names are in force all the same, kept in memory and
    /// written as soon as it takes them: an error is no reason not to publish. stats() says so.
    Status write_dictionary(const EventDictionary& dictionary);
    /// No event with an older generation of this boot will be made any more. Any control thread.
    void retire_generations_below(std::uint32_t generation);

    /// Appends in order, commits when due; an empty span only does what is due. The spooler thread
    /// alone, also for commit() and close(). Never fails: what could not be written is counted.
    void append(std::span<const Event> events);
    /// Makes everything appended durable and visible to readers now.
    void commit();
    /// Announces what is left to announce, commits, closes the segment. Does not wait for sinks.
    void close();

    /// A reader for the sink `name` at its cursor, or without a name at the oldest record
    /// (`observe`). Any thread; each reader then belongs to one thread. One reader a name at a
    /// time.
    Result<std::unique_ptr<SpoolReader>> reader(const std::string& name);
    [[nodiscard]] SpoolStats stats() const;  ///< any thread

private:
    struct Segment {
        std::uint64_t first_number = 0;
        std::uint64_t bytes = 0;
        std::optional<SegmentIndex> index;  ///< absent until asked for after a restart
    };

    explicit Spool(SpoolSettings settings);
    Status take_directory();
    void recover();
    std::uint64_t recover_tail(std::uint64_t first_number);

    // One append.
    void append_some(std::span<const Event> events);
    void admit(std::span<const Event> events);
    [[nodiscard]] bool fits(const Event& event, std::uint64_t pending_bytes) const;
    void write_admitted();
    std::size_t write_chunk(std::span<const Event* const> events, int& error);
    int begin_segment();
    void end_segment();
    void fail(int error);
    void lose(const Event& event, LossCause cause);
    void announce_again(const Event& event);
    void announce_losses(bool at_once);
    void publish();

    // What goes when (spool_retention.cc).
    void housekeeping();
    void learn_cursors();
    [[nodiscard]] std::uint64_t lowest_cursor(std::string& behind, std::uint64_t below) const;
    [[nodiscard]] std::uint64_t end_of(std::size_t segment) const;
    [[nodiscard]] std::size_t delivered_segments() const;
    void make_quota_room(std::uint64_t bytes);
    bool make_room();
    [[nodiscard]] bool holds_a_reserve() const;
    void drop_history(std::uint64_t keep_bytes);
    void drop_oldest_segment(LossCause cause);
    void save_announcements(const Segment& segment, std::uint64_t from);
    void remove_oldest_segment();
    void collect_dictionaries();
    const SegmentIndex& index_of(Segment& segment);
    void hold_reserve();
    void release_reserve();
    void take_gaps();
    void update_stats();

    SpoolSettings settings_;
    std::shared_ptr<SpoolIo> io_;
    std::shared_ptr<const Clock> clock_;
    FileDescriptor lock_;
    std::shared_ptr<SpoolShared> shared_;

    // Spooler thread only, from here to the mutex.
    std::deque<Segment> segments_;  ///< oldest first; the last is open while fd_ is valid
    FileDescriptor fd_;
    std::uint32_t seed_ = 0;
    std::uint64_t bytes_total_ = 0;
    std::uint64_t next_number_ = 1;
    std::uint64_t uncommitted_bytes_ = 0;
    std::uint64_t uncommitted_since_ns_ = 0;
    std::uint64_t housekeeping_at_ns_ = 0;
    std::uint64_t announce_at_ns_ = 0;
    std::uint64_t retry_at_ns_ = 0;  ///< before that, only threat and audit try a failing disk
    std::uint64_t gives_up_until_ns_ = 0;  ///< old events are being given up: shown until then
    std::string gives_up_;
    bool reserve_held_ = false;  ///< false: the disk is full, and only threat and audit are written
    bool segments_removed_ = false;      ///< dictionaries may have become useless
    std::uint32_t collected_below_ = 0;  ///< retired_below_ when they were collected last
    std::uint64_t names_retry_at_ns_ = 0;
    bool closed_ = false;
    LossCause failure_ = LossCause::disk_error;
    std::string behind_;  ///< sinks that had not sent what was given up
    std::array<LossLedger, kLossCauseCount> losses_;
    std::uint64_t own_sequence_ = 0;
    std::vector<Event> own_events_;
    std::vector<const Event*> admitted_;
    std::string buffer_;
    SpoolStats work_;

    std::atomic<std::uint32_t> generation_{0};  ///< newest written; control writes, spooler reads
    std::atomic<std::uint32_t> retired_below_{0};
    std::atomic<bool> named_{false};  ///< a dictionary of this boot exists: own events have a name
    mutable std::mutex stats_mutex_;
    SpoolStats stats_;  ///< guarded by stats_mutex_
};

}  // namespace sallyport::exporters
