// SPDX-License-Identifier: Apache-2.0
// Calico's label selectors, bug for bug (grammar: calico.md section 3, after
// libcalico-go/lib/selector). Values; control side: parse and matches allocate.
#pragma once

#include "gateway/model/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

/// Longest selector, by the CRDs. Also bounds the parser's recursion.
inline constexpr std::size_t kSelectorBytesMax = 1024;
/// Longest label name a selector can hold (libcalico-go LabelKeyMatcher).
inline constexpr std::size_t kSelectorLabelBytesMax = 512;

using Labels = std::map<std::string, std::string, std::less<>>;

class Selector {
public:
    /// all()
    Selector();
    /// The error reads "column 5: expected string"; columns count bytes from 1.
    static Result<Selector> parse(std::string_view text);
    static Selector all();
    static Selector has(std::string_view label);
    static Selector equals(std::string_view label, std::string_view value);
    static Selector in(std::string_view label, std::vector<std::string> values);
    static Selector negated(Selector operand);
    /// `a && b`; all() on either side is left out.
    static Selector both(Selector a, Selector b);

    [[nodiscard]] bool matches(const Labels& labels) const;
    /// Canonical text: what Calico prints and hashes.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_all() const noexcept;
    /// global() and nothing else.
    [[nodiscard]] bool is_global() const noexcept;
    [[nodiscard]] bool mentions_global() const noexcept;
    /// The same selector over labels inherited from a namespace ("pcns.") or service account
    /// ("pcsa.").
    [[nodiscard]] Selector with_label_prefix(std::string_view prefix) const;
    /// Adds every label name the selector looks at.
    void collect_labels(std::set<std::string>& out) const;

    struct Node {
        enum class Kind : std::uint8_t {
            all,
            global,
            has,
            equal,
            not_equal,
            contains,
            starts_with,
            ends_with,
            in,
            not_in,
            negation,
            conjunction,
            disjunction
        };
        Kind kind = Kind::all;
        std::string label;
        std::vector<std::string> values;  ///< one for comparisons; sorted and unique for sets
        std::vector<Node> operands;
    };

private:
    explicit Selector(Node root);
    Node root_;
};

}  // namespace sallyport::policy
