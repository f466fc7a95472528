// SPDX-License-Identifier: Apache-2.0
// Names and wildcards as policies write them (calico.md section 7): an exact name, or one `*` that
// stands for one or more whole labels and is not the last.
#pragma once

#include "gateway/model/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

/// Canonical form of a domain in a rule or set; the error says what is wrong with it.
Result<std::string> parse_domain_pattern(std::string_view text);

/// Immutable once built; matches() is safe from any thread and allocates nothing. Costs one binary
/// search for the name and one a label for `*.`; wildcards inside a name are tried one by one.
class DomainSet {
public:
    DomainSet() = default;
    /// From results of parse_domain_pattern.
    explicit DomainSet(const std::vector<std::string>& patterns);

    /// `name` is canonical (gateway/model/domain_name.h).
    [[nodiscard]] bool matches(std::string_view name) const noexcept;
    [[nodiscard]] bool empty() const noexcept {
        return exact_.empty() && below_.empty() && inside_.empty();
    }
    [[nodiscard]] std::size_t size() const noexcept {
        return exact_.size() + below_.size() + inside_.size();
    }

private:
    struct Inside {
        std::string head;  ///< "www." of "www.*.com"
        std::string tail;  ///< ".com"
    };
    std::vector<std::string> exact_;  ///< sorted
    std::vector<std::string> below_;  ///< sorted; "x.y" of "*.x.y"
    std::vector<Inside> inside_;
};

}  // namespace sallyport::policy
