// SPDX-License-Identifier: Apache-2.0
#include "gateway/policy/domain_set.h"

#include "gateway/model/domain_name.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

void sort_unique(std::vector<std::string>& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

bool has(const std::vector<std::string>& sorted, std::string_view value) noexcept {
    const auto it = std::lower_bound(
        sorted.begin(),
        sorted.end(),
        value,
        [](const std::string& a, std::string_view b) { return std::string_view(a) < b; }
    );
    return it != sorted.end() && *it == value;
}

}  // namespace

Result<std::string> parse_domain_pattern(std::string_view text) {
    const std::string quoted = '"' + std::string(text.substr(0, 300)) + '"';
    const auto star = text.find('*');
    std::string plain(text);
    if (star != std::string_view::npos) {
        const bool label_starts = star == 0 || text[star - 1] == '.';
        const bool label_ends = star + 1 < text.size() && text[star + 1] == '.';
        const bool is_last = star + 1 == text.size() || star + 2 == text.size();
        if (text.find('*', star + 1) != std::string_view::npos) {
            return Error{quoted + ": at most one `*`"};
        }
        if (label_starts && is_last) {
            return Error{quoted + ": `*` cannot be the last label"};
        }
        if (!label_starts || !label_ends) {
            return Error{quoted + ": `*` stands for whole labels, as in \"*.example.com\""};
        }
        plain[star] = 'x';
    }
    std::string name = canonical_name(plain);
    if (name.empty()) {
        return Error{
            quoted +
            ": not a domain name (labels of 1-63 letters, digits, `-`, `_`; 253 in all; "
            "internationalised names in their xn-- form)"};
    }
    if (star != std::string_view::npos) {
        name[star] = '*';
    }
    return name;
}

DomainSet::DomainSet(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        const auto star = pattern.find('*');
        if (star == std::string::npos) {
            exact_.push_back(pattern);
        } else if (star == 0) {
            below_.push_back(pattern.substr(2));
        } else {
            inside_.push_back({pattern.substr(0, star), pattern.substr(star + 1)});
        }
    }
    sort_unique(exact_);
    sort_unique(below_);
}

bool DomainSet::matches(std::string_view name) const noexcept {
    if (has(exact_, name)) {
        return true;
    }
    if (!below_.empty()) {
        for (auto dot = name.find('.'); dot != std::string_view::npos;
             dot = name.find('.', dot + 1)) {
            if (has(below_, name.substr(dot + 1))) {
                return true;
            }
        }
    }
    return std::any_of(inside_.begin(), inside_.end(), [&](const Inside& pattern) {
        // One or more labels between head and tail: at least one byte, as head ends and tail begins
        // with a dot and a canonical name has no empty label.
        return name.size() > pattern.head.size() + pattern.tail.size() &&
               name.starts_with(pattern.head) && name.ends_with(pattern.tail);
    });
}

}  // namespace sallyport::policy
