// SPDX-License-Identifier: Apache-2.0
// A set of prefixes as sorted, disjoint ranges: one binary search a question, whatever the overlap.
#pragma once

#include "gateway/model/address.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::policy {

/// Immutable once built; contains() is safe from any thread and allocates nothing.
class AddressSet {
public:
    AddressSet() = default;
    explicit AddressSet(const std::vector<IpPrefix>& prefixes);

    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return v4_.empty() && v6_.empty(); }
    [[nodiscard]] std::size_t range_count() const noexcept { return v4_.size() + v6_.size(); }

private:
    struct Wide {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        friend auto operator<=>(const Wide&, const Wide&) noexcept = default;
    };
    template <class T>
    struct Range {
        T first;
        T last;  ///< inclusive
    };
    static Wide wide(const IpAddress& address) noexcept;
    template <class T>
    static void merge(std::vector<Range<T>>& ranges);
    template <class T>
    static bool find(const std::vector<Range<T>>& ranges, const T& value) noexcept;

    std::vector<Range<std::uint32_t>> v4_;
    std::vector<Range<Wide>> v6_;
};

}  // namespace sallyport::policy
