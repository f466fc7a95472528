// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/address_set.h"

#include <algorithm>

namespace sallyport::policy {

AddressSet::Wide AddressSet::wide(const IpAddress& address) noexcept {
    Wide out;
    for (std::size_t i = 0; i < 8; ++i) {
        out.high = (out.high << 8U) | address.bytes[i];
        out.low = (out.low << 8U) | address.bytes[i + 8];
    }
    return out;
}

template <class T>
void AddressSet::merge(std::vector<Range<T>>& ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    std::size_t kept = 0;
    for (const Range<T>& range : ranges) {
        if (kept != 0 && range.first <= ranges[kept - 1].last) {
            ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
        } else {
            ranges[kept++] = range;
        }
    }
    ranges.resize(kept);
    ranges.shrink_to_fit();
}

template <class T>
bool AddressSet::find(const std::vector<Range<T>>& ranges, const T& value) noexcept {
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), value, [](const T& v, const Range<T>& r) {
            return v < r.first;
        });
    return after != ranges.begin() && value <= std::prev(after)->last;
}

AddressSet::AddressSet(const std::vector<IpPrefix>& prefixes) {
    for (const IpPrefix& prefix : prefixes) {
        const IpAddress first = prefix.canonical().address;
        const unsigned free_bits = prefix.address.bits() - prefix.length;
        if (first.is_v4()) {
            const std::uint32_t low = first.v4_host();
            const std::uint32_t mask =
                free_bits == 0 ? 0 : 0xFFFFFFFFU >> (32U - free_bits);  // shift by 32 is undefined
            v4_.push_back({low, low | mask});
        } else if (first.is_v6()) {
            Wide last = wide(first);
            last.low |= free_bits == 0    ? 0
                        : free_bits >= 64 ? ~std::uint64_t{0}
                                          : ~std::uint64_t{0} >> (64U - free_bits);
            last.high |= free_bits <= 64 ? 0 : ~std::uint64_t{0} >> (128U - free_bits);
            v6_.push_back({wide(first), last});
        }
    }
    merge(v4_);
    merge(v6_);
}

bool AddressSet::contains(const IpAddress& address) const noexcept {
    return address.is_v4()   ? find(v4_, address.v4_host())
           : address.is_v6() ? find(v6_, wide(address))
                             : false;
}

}  // namespace sallyport::policy
