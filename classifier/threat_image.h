// SPDX-License-Identifier: Apache-2.0
// The threat database's bytes: sealing, and the one check they all pass before anything is read
// from them. After check_image() every reference in the view is known to be in bounds, so lookups
// need no checks of their own.
#pragma once

#include "classifier/address_set.h"
#include "classifier/suffix_hash.h"
#include "classifier/threat_format.h"
#include "gateway/model/result.h"

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace sallyport::classifier {

/// The sections of a checked image, typed. Points into the image, which outlives it.
struct ImageView {
    const ImageHeader* header = nullptr;
    std::string_view strings;
    std::span<const FeedRecord> feeds;
    std::span<const FileRecord> files;
    std::span<const IndicatorRecord> indicators;
    std::span<const std::uint32_t> lists;
    std::span<const PatternRecord> patterns;
    SuffixHash names;
    AddressTables addresses;

    [[nodiscard]] std::string_view text(std::uint32_t offset, std::uint32_t size) const noexcept {
        return strings.substr(offset, size);
    }
    /// Calls `visit(indicator id)` for each member of a list reference, strongest first.
    template <class Visit>
    void each_of(Ref ref, Visit&& visit) const noexcept {
        std::size_t at = ref & ~kListBit;
        for (; (lists[at] & kListBit) == 0; ++at) {
            visit(lists[at]);
        }
        visit(lists[at] & ~kListBit);
    }
};

/// Checks magic, version, sizes, checksum and every reference. `image` is aligned to 64 bytes and
/// may hold anything. The error says what is wrong, without a path.
Result<ImageView> check_image(std::span<const std::byte> image);

/// Writes the right size and checksum into the header of `image` (at least a header long).
void seal_image(std::span<std::byte> image);

/// Lays out `sections` behind `header` (both filled in but for places, size and checksum) and hands
/// the bytes of the sealed image to `write` in order. False when `write` returned false.
bool write_image(
    ImageHeader& header,
    const std::array<std::span<const std::byte>, kSectionCount>& sections,
    const std::function<bool(std::span<const std::byte>)>& write
);

}  // namespace sallyport::classifier
