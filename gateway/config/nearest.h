// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the valid word nearest to the one a person wrote.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace sallyport::config {

/// The candidate with the smallest edit distance (insert, delete, replace, swap of neighbours; case
/// and
/// '-' against '_' count for nothing), or "" when none is near: at most a third of the longer word
/// differs.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace sallyport::config
