// SPDX-License-Identifier: Apache-2.0
#include "classifier/suffix_hash.h"

namespace sallyport::classifier {
namespace {

constexpr std::size_t kFilterBitsPerEntry = 8;

}  // namespace

void SuffixHashBuilder::add(std::string_view name, std::uint32_t id) {
    std::uint64_t step = 0;
    for (std::size_t end = name.size();;) {
        const std::size_t begin = label_begin(name, end);
        step = extend_name(key_, step, name.substr(begin, end - begin));
        if (begin == 0) {
            break;
        }
        std::uint64_t& recent = marked_[step % kRecentMarks];
        if (recent != step) {
            recent = step;
            items_.push_back({step, kNoRef});
        }
        end = begin - 1;
    }
    items_.push_back({step, id});
}

BuiltNames SuffixHashBuilder::build(IndicatorPool& pool) {
    const std::vector<TableEntry> entries = table_entries(items_, pool);
    items_ = {};
    BuiltNames built;
    if (!entries.empty()) {
        built.filter.resize(entries.size() * kFilterBitsPerEntry / 64 + 1);
    }
    for (const TableEntry& entry : entries) {
        built.filter[FingerprintTable::first_bucket(entry.fingerprint, built.filter.size())] |=
            NameFilter::mask_of(entry.fingerprint);
    }
    built.table = build_table(entries);
    return built;
}

}  // namespace sallyport::classifier
