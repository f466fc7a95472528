// SPDX-License-Identifier: Apache-2.0
// A name on its way through the threat database. Looking one up waits twice for memory, for the
// filter and for the table; whoever has several names at hand begins all, fetches all and then
// asks, and waits once for all of them. Steps belong to one database and one name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::classifier {

// Clearing what `hashed` does not cover would cost as much as hashing a label.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
struct NameSteps {
    /// Labels hashed at once; a longer name goes on when these have been found.
    static constexpr std::size_t kMax = 6;
    struct Step {
        std::uint64_t fingerprint;
        std::size_t begin;  ///< of its label in the name
    };
    std::array<Step, kMax> step;  ///< only `hashed` of them are set
    std::uint8_t hashed = 0;      ///< set by begin_name()
    std::uint8_t taken = 0;       ///< set by fetch_name(): those that the filter lets pass
};

}  // namespace sallyport::classifier
