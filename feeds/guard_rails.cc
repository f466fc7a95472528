// SPDX-License-Identifier: Apache-2.0
#include "feeds/guard_rails.h"

#include "gateway/model/domain_name.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <libpsl.h>

namespace sallyport::feeds {
namespace {

// reference/feeds.md section 3.5, and multicast of IPv6: addresses that are never a destination in
// the Internet (RFC 6890, RFC 5771, RFC 1112 section 4, RFC 4193, RFC 4291).
constexpr std::array<std::string_view, 14> kGuardedRanges{
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
};

/// The list Debian keeps up to date where it is newer than the one built in.
const psl_ctx_t* public_suffix_list() {
    static const psl_ctx_t* const kList = psl_latest(nullptr);
    return kList;
}

// Without the star rule: a top-level domain the list does not know makes nothing below it public.
bool listed(std::string_view name) {
    const psl_ctx_t* const list = public_suffix_list();
    return list != nullptr &&
           psl_is_public_suffix2(
               list, std::string(name).c_str(), PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE
           ) != 0;
}

bool inside(const IpPrefix& inner, const IpPrefix& outer) noexcept {
    return outer.length <= inner.length && outer.contains(inner.address);
}

std::array<IpPrefix, 2> halves(const IpPrefix& prefix) {
    IpPrefix low = prefix;
    ++low.length;
    IpPrefix high = low;
    high.address.bytes[prefix.length / 8U] = static_cast<std::uint8_t>(
        high.address.bytes[prefix.length / 8U] | (0x80U >> (prefix.length % 8U))
    );
    return {low, high};
}

}  // namespace

GuardRails::GuardRails(const NeverBlock& never_block) {
    // An empty name would stand above every other.
    std::ranges::copy_if(
        never_block.names,
        std::back_inserter(names_),
        [](const std::string& name) { return !name.empty(); }
    );
    for (const std::string_view text : kGuardedRanges) {
        guarded_.push_back(*IpPrefix::parse(text));
    }
    for (const IpPrefix& prefix : never_block.prefixes) {
        guarded_.push_back(prefix.canonical());
    }
}

bool GuardRails::untouched(const IpPrefix& prefix) const noexcept {
    return std::ranges::none_of(guarded_, [&prefix](const IpPrefix& range) {
        return inside(prefix, range) || inside(range, prefix);
    });
}

std::vector<IpPrefix> GuardRails::subtract(const IpPrefix& prefix) const {
    if (untouched(prefix)) {
        return {prefix};
    }
    if (std::ranges::any_of(guarded_, [&](const IpPrefix& r) { return inside(prefix, r); })) {
        return {};
    }
    // A range lies inside, so the prefix is shorter than full and both halves exist.
    std::vector<IpPrefix> left;
    for (const IpPrefix& half : halves(prefix)) {
        const std::vector<IpPrefix> parts = subtract(half);
        left.insert(left.end(), parts.begin(), parts.end());
    }
    return left;
}

bool GuardRails::never_blocks(std::string_view name, bool reaches_below) const {
    return std::ranges::any_of(names_, [&](const std::string& kept) {
        return is_or_below(name, kept) || (reaches_below && is_or_below(kept, name));
    });
}

bool is_public_suffix(std::string_view name) {
    return name.find('.') == std::string_view::npos || listed(name);
}

bool is_top_level_domain(std::string_view name) {
    return name.find('.') == std::string_view::npos && listed(name);
}

}  // namespace sallyport::feeds
