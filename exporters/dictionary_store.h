// SPDX-License-Identifier: Apache-2.0
// Event dictionaries on disk beside the segments, and in memory for the sinks.
#pragma once

#include "exporters/spool_files.h"
#include "gateway/model/event_dictionary.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace sallyport::exporters {

/// One dictionary as the bytes of its file (versioned, CRC at the end).
void append_dictionary(const EventDictionary& dictionary, std::string& out);
/// Nothing when the bytes are damaged, cut off or of another version.
std::optional<EventDictionary> parse_dictionary(std::span<const std::uint8_t> bytes);

/// Any thread. Dictionaries are shared, immutable, and kept in memory while someone uses them and
/// for the few used last.
class DictionaryStore {
public:
    explicit DictionaryStore(std::string directory);

    /// Durable when it succeeds. When it fails the names are kept in memory and found all the same;
    /// write_again() has to bring them to disk. Control threads, before the generation is
    /// published.
    Status write(SpoolIo& io, const EventDictionary& dictionary);
    /// Writes what write() could not. True when nothing is left that is in memory only.
    bool write_again(SpoolIo& io);
    /// Why names are in memory only; empty when all are on disk.
    [[nodiscard]] std::string unwritten();
    /// The dictionary of (boot, generation). When that one is gone or damaged: one near it of the
    /// same boot with workloads only, since their ids are stable over generations and those of
    /// rules, feeds and pools are not; then any of the store with its gateway and cluster only.
    /// Never null.
    std::shared_ptr<const EventDictionary> find(std::uint64_t boot, std::uint32_t generation);
    /// Deletes files of dictionaries that are neither in `needed` nor of (boot, generation >=
    /// keep_from); then, while those left take more than `bytes_max`, the oldest of those in
    /// `needed`: their events keep the names of their workloads, and lose those of rules and feeds.
    void collect(
        const std::set<std::pair<std::uint64_t, std::uint32_t>>& needed,
        std::uint64_t boot,
        std::uint32_t keep_from,
        std::uint64_t bytes_max
    );

private:
    using Key = std::pair<std::uint64_t, std::uint32_t>;
    struct Entry {
        Key key;
        std::shared_ptr<const EventDictionary> dictionary;
    };
    [[nodiscard]] Status save(SpoolIo& io, const EventDictionary& dictionary) const;
    std::shared_ptr<const EventDictionary> cached(const Key& key);
    [[nodiscard]] std::shared_ptr<const EventDictionary> load(const Key& key) const;
    [[nodiscard]] std::shared_ptr<const EventDictionary> substitute(const Key& key) const;
    void remember(const Key& key, std::shared_ptr<const EventDictionary> dictionary);

    const std::string directory_;
    std::mutex mutex_;
    std::deque<Entry> recent_;  ///< guarded by mutex_, newest first
    std::map<Key, std::shared_ptr<const EventDictionary>> unwritten_;  ///< guarded by mutex_
    std::string unwritten_error_;                                      ///< guarded by mutex_
};

}  // namespace sallyport::exporters
