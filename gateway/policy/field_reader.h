// SPDX-License-Identifier: Apache-2.0
// Reads members of a policy object and words what is wrong with them: `file:line:column: field:
// expectation`. Used by policy_objects.cc and rule_reader.cc only.
#pragma once

#include "gateway/identity/object_tree.h"
#include "gateway/model/result.h"
#include "gateway/policy/policy_objects.h"
#include "gateway/policy/selector.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

class FieldReader {
public:
    using Node = identity::ObjectNode;
    using Keys = std::initializer_list<std::string_view>;

    /// `where` stands before every field ("items[3]."); `path` and `out` outlive the reader.
    FieldReader(const std::string& path, std::string where, PolicyReading& out)
        : path_(path),
          where_(std::move(where)),
          out_(out) {}

    void problem(const Node& at, std::string_view field, std::string_view message);
    void note(const Node& at, std::string_view field, std::string_view message);
    [[nodiscard]] SourcePlace place(const Node& at) const;

    /// Every key of `map` must be in `known` or `unsupported`; the latter are refused as such when
    /// they are set to anything but false, "" or an empty list or map.
    void check_keys(const Node& map, std::string_view field, Keys known, Keys unsupported = {});
    /// False, with a problem, when `node` is given but not a list (map).
    bool is_list(const Node& node, std::string_view field);
    bool is_map(const Node& node, std::string_view field);
    std::string_view text(const Node& map, std::string_view key, std::string_view field);
    std::optional<Selector> selector(const Node& map, std::string_view key, std::string_view field);
    /// A whole number in [low, high]; nullopt, with a problem when the node is given, otherwise.
    std::optional<unsigned> integer(
        const Node& node, std::string_view field, unsigned low, unsigned high
    );
    double order(const Node& spec);

private:
    std::string message(std::string_view field, std::string_view text) const;
    const std::string& path_;
    std::string where_;
    PolicyReading& out_;
};

/// "spec.egress" and "[3]" or ".nets" joined.
std::string indexed(std::string_view field, std::size_t index);
std::string member(std::string_view field, std::string_view key);

bool is_dns_label(std::string_view text) noexcept;  ///< RFC 1123, 1-63 bytes
bool is_dns_subdomain(std::string_view text
) noexcept;  ///< labels joined by dots, at most 253 bytes

/// Reads one egress rule (rule_reader.cc).
EgressRule read_egress_rule(FieldReader& reader, FieldReader::Node node, const std::string& field);

}  // namespace sallyport::policy
