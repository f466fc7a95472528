// SPDX-License-Identifier: Apache-2.0
#include "gateway/dataplane/name_table.h"

#include <bit>

namespace sallyport::dataplane {

NameTable::NameTable(std::uint32_t names_max, const HashKey& key)
    : key_(key),
      entries_(names_max),
      buckets_(std::bit_ceil(names_max + 1), kNoName) {
    for (std::uint32_t i = names_max; i-- > 0;) {
        entries_[i].next = free_;
        free_ = i;
    }
}

std::size_t NameTable::bucket_of(std::string_view name) const noexcept {
    return siphash13(key_, name.data(), name.size()) & (buckets_.size() - 1);
}

std::uint32_t NameTable::hold(std::string_view name) noexcept {
    if (name.empty() || name.size() > sizeof(Entry::text)) {
        return kNoName;
    }
    std::uint32_t& head = buckets_[bucket_of(name)];
    for (std::uint32_t i = head; i != kNoName; i = entries_[i].next) {
        if (view(i) == name) {
            ++entries_[i].users;
            return i;
        }
    }
    if (free_ == kNoName) {
        return kNoName;
    }
    const std::uint32_t slot = free_;
    Entry& entry = entries_[slot];
    free_ = entry.next;
    entry.users = 1;
    entry.size = static_cast<std::uint8_t>(name.size());
    std::memcpy(entry.text.data(), name.data(), name.size());
    entry.next = head;
    head = slot;
    ++used_;
    return slot;
}

void NameTable::release(std::uint32_t slot) noexcept {
    if (slot == kNoName || --entries_[slot].users != 0) {
        return;
    }
    std::uint32_t* link = &buckets_[bucket_of(view(slot))];
    while (*link != slot) {
        link = &entries_[*link].next;
    }
    *link = entries_[slot].next;
    entries_[slot].next = free_;
    free_ = slot;
    --used_;
}

}  // namespace sallyport::dataplane
