// SPDX-License-Identifier: Apache-2.0
// Reads the spool in order, from a place of its own. In the process that writes, a reader sees
// committed records and is woken by commits; in another process it follows the files.
#pragma once

#include "exporters/dictionary_store.h"
#include "exporters/segment_file.h"
#include "exporters/spool_files.h"
#include "gateway/model/event.h"
#include "gateway/model/result.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sallyport::exporters {

/// What the writer and the readers of one process share. Written by the spooler unless said
/// otherwise.
struct SpoolShared {
    SpoolShared(std::string in_directory, std::shared_ptr<SpoolIo> in_io)
        : directory(std::move(in_directory)),
          io(std::move(in_io)),
          dictionaries(directory) {}

    const std::string directory;
    const std::shared_ptr<SpoolIo> io;
    DictionaryStore dictionaries;
    std::atomic<std::uint64_t> committed{1};  ///< readers may read records below it
    std::atomic<std::uint64_t> floor{1};      ///< records below it were given up or deleted

    std::mutex mutex;
    std::condition_variable wake;
    std::uint64_t wakes =
        0;  ///< guarded by mutex; rises with every commit and every SpoolReader::wake()
    bool closed = false;  ///< guarded by mutex
    /// Cursors of named sinks, guarded by mutex; sinks write, the spooler reads.
    std::map<std::string, std::uint64_t> cursors;
    std::set<std::string> open_names;  ///< guarded by mutex: one reader a name
    /// Ranges of record numbers that a reader could not read, guarded by mutex: readers add, the
    /// spooler announces each once.
    std::map<std::uint64_t, std::uint64_t> gaps_new;
    std::set<std::uint64_t> gaps_told;
};

struct SpoolReaderStats {
    std::uint64_t position = 0;         ///< next record to read
    std::uint64_t behind = 0;           ///< committed records not read yet; 0 in another process
    std::uint64_t records_missing = 0;  ///< could not be read: damaged or deleted before they were
};

class SpoolReader {
public:
    /// Follows the spool of another process, without locking it. With a name, begins at that sink's
    /// cursor and may move it; otherwise at the oldest record.
    static Result<std::unique_ptr<SpoolReader>> follow(
        const std::string& directory, const std::string& name = ""
    );
    ~SpoolReader();
    SpoolReader(const SpoolReader&) = delete;
    SpoolReader& operator=(const SpoolReader&) = delete;

    /// The next record; false when there is none yet.
    bool next(Event& event, std::uint64_t& number);
    /// Waits until there may be a next record, someone calls wake(), or the time is over. In
    /// another process it looks every 50 ms.
    void wait(std::chrono::milliseconds timeout);
    /// Ends a wait(); any thread.
    void wake();

    void seek(std::uint64_t number);
    void seek_oldest();
    void seek_newest();
    /// To the segment that was being written at `time_ns` or the first one after: the reader may
    /// still give some older events.
    void seek_time(std::uint64_t time_ns);
    /// One record again, by number (an event to be sent in a shorter form).
    [[nodiscard]] std::optional<Event> fetch(std::uint64_t number) const;

    /// Everything below `number` has been delivered. Only named readers. An error means that the
    /// ledger is behind and is to be written again (the same number will do); what has been
    /// delivered may go all the same, or a full disk would stay full.
    Status move_cursor(std::uint64_t number);
    [[nodiscard]] std::uint64_t cursor() const noexcept { return cursor_; }
    /// The ledger on disk says what cursor() says.
    [[nodiscard]] bool cursor_is_durable() const noexcept { return cursor_ == ledger_; }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    [[nodiscard]] SpoolReaderStats stats() const noexcept;

    /// Names of the event's generation; never null (see DictionaryStore::find).
    std::shared_ptr<const EventDictionary> dictionary_for(const Event& event);

private:
    friend class Spool;
    SpoolReader(std::shared_ptr<SpoolShared> shared, std::string name, bool same_process);
    bool open_segment();
    bool read_current(Event& event, std::uint64_t& number, std::uint64_t limit);
    bool go_on();
    void note_gap(std::uint64_t first, std::uint64_t end);

    std::shared_ptr<SpoolShared> shared_;
    const std::string name_;
    const bool same_process_;
    std::uint64_t position_ = 1;
    std::uint64_t cursor_ = 1;
    std::uint64_t ledger_ = 1;  ///< what cursor-<name> holds
    std::uint64_t missing_ = 0;
    std::uint64_t wakes_seen_ = 0;
    std::unique_ptr<SegmentFile> file_;
    std::uint64_t following_ = 0;                        ///< segment seen behind the current one
    std::shared_ptr<const EventDictionary> dictionary_;  ///< used last, for the two below
    std::uint64_t last_boot_ = 0;
    std::uint32_t last_generation_ = 0;
};

}  // namespace sallyport::exporters
