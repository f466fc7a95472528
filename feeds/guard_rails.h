// SPDX-License-Identifier: Apache-2.0
// What no feed may touch: the guard between a poisoned list and an outage (failures-and-attacks F1,
// F2).
#pragma once

#include "gateway/model/address.h"

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sallyport::feeds {

/// Addresses and names of this installation that must stay reachable whatever a feed says: the
/// cluster's pods, services and nodes, its API, resolvers, brokers, our own egress addresses.
struct NeverBlock {
    std::vector<IpPrefix> prefixes;
    std::vector<std::string> names;  ///< canonical; the name and everything below it
};

class GuardRails {
public:
    explicit GuardRails(const NeverBlock& never_block);

    /// What is left of `prefix` (canonical) without the guarded ranges: itself, nothing, or its
    /// parts.
    [[nodiscard]] std::vector<IpPrefix> subtract(const IpPrefix& prefix) const;
    /// True when `prefix` shares no address with a guarded range; no allocation.
    [[nodiscard]] bool untouched(const IpPrefix& prefix) const noexcept;
    /// True when blocking `name` (canonical) would block a name on the list: the name is one, lies
    /// below one, or, when the block `reaches_below`, stands above one.
    [[nodiscard]] bool never_blocks(std::string_view name, bool reaches_below) const;

private:
    std::vector<IpPrefix> guarded_;
    std::vector<std::string> names_;
};

/// True for a top-level domain and for a suffix under which the public registers names
/// (publicsuffix.org, ICANN and private sections). `name` is canonical.
bool is_public_suffix(std::string_view name);

/// True for a single label that the list knows, like `com`.
bool is_top_level_domain(std::string_view name);

}  // namespace sallyport::feeds
