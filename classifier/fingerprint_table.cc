// SPDX-License-Identifier: Apache-2.0
#include "classifier/fingerprint_table.h"

#include <algorithm>

namespace sallyport::classifier {
namespace {

constexpr std::size_t kLoadPercent = 65;
constexpr std::size_t kBucketEntries = std::tuple_size_v<decltype(TableBucket::entries)>;

TableEntry* free_place(TableBucket& bucket) {
    const auto place = std::ranges::find(bucket.entries, 0U, &TableEntry::fingerprint);
    return place == bucket.entries.end() ? nullptr : &*place;
}

}  // namespace

BuiltTable build_table(std::span<const TableEntry> entries) {
    BuiltTable table;
    if (entries.empty()) {
        return table;
    }
    table.buckets.resize(entries.size() * 100 / (kLoadPercent * kBucketEntries) + 1);
    for (const TableEntry& entry : entries) {
        std::size_t at = FingerprintTable::first_bucket(entry.fingerprint, table.buckets.size());
        std::uint32_t probe = 0;
        TableEntry* place = free_place(table.buckets[at]);
        while (place == nullptr) {
            at = at + 1 == table.buckets.size() ? 0 : at + 1;
            ++probe;
            place = free_place(table.buckets[at]);
        }
        *place = entry;
        table.probe_max = std::max(table.probe_max, probe);
    }
    return table;
}

}  // namespace sallyport::classifier
