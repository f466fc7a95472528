// SPDX-License-Identifier: Apache-2.0
// What a closed segment holds, so that it can be given up or kept without reading it: which
// dictionaries its events need and which sequence numbers it covers. Written beside the segment
// when it is closed; made again by reading the segment when missing or damaged.
#pragma once

#include "exporters/loss.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace sallyport::exporters {

struct SegmentIndex {
    std::set<std::pair<std::uint64_t, std::uint32_t>> dictionaries;          ///< (boot, generation)
    std::map<std::pair<std::uint64_t, std::uint16_t>, LossRange> sequences;  ///< by (boot, worker)
    std::array<std::uint64_t, kEventClassCount> by_class{};  ///< records of each class

    void add(const Event& event);
    void write(std::string& out) const;
    static std::optional<SegmentIndex> parse(std::span<const std::uint8_t> bytes);
    /// From the sidecar file.
    static std::optional<SegmentIndex> load(
        const std::string& directory, std::uint64_t first_number
    );
    /// By reading the records from number `from` on.
    static SegmentIndex scan(
        const std::string& directory, std::uint64_t first_number, std::uint64_t from = 0
    );
};

}  // namespace sallyport::exporters
