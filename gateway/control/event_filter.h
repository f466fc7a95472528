// SPDX-License-Identifier: Apache-2.0
// Which events `observe` shows, in the words of `hubble observe`: one row of a table a filter, and
// an ECS document in, yes or no out. The server and the CLI share it, so a file and a gateway
// answer alike.
#pragma once

#include "gateway/model/address.h"
#include "gateway/model/result.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::control {

/// One filter a user can name.
struct FilterRow {
    std::string_view name;         ///< `to-port`; the flag is `--to-port`
    std::string_view short_flags;  ///< further spellings, as "-n" or "--from-namespace"
    std::string_view value;        ///< what it takes, for help: "CIDR"
    std::string_view help;
};

std::span<const FilterRow> filter_rows() noexcept;

/// One use of a filter. Terms of one name are alternatives; terms of different names must all hold;
/// an event that any negated term matches is left out.
struct FilterTerm {
    std::string name;
    std::string value;
    bool negated = false;
};

/// A checked term: its row and the value in the form it is compared in.
struct CompiledTerm {
    std::size_t row = 0;
    bool negated = false;
    std::string text;
    std::string second;  ///< what stood after '/' or '='
    bool has_second = false;
    IpPrefix prefix;
    std::uint16_t port_first = 0;
    std::uint16_t port_last = 0;
};

class EventFilter {
public:
    /// Terms of one filter, most: a query is typed by a person.
    static constexpr std::size_t kTermsMax = 256;
    static constexpr std::size_t kValueBytesMax = 1024;

    /// Everything passes.
    EventFilter() = default;
    /// Checks names and values; the error names the first that is wrong and what was expected.
    static Result<EventFilter> make(const std::vector<FilterTerm>& terms);

    [[nodiscard]] bool matches(const nlohmann::json& document) const;
    [[nodiscard]] const std::vector<FilterTerm>& terms() const noexcept { return terms_; }

private:
    std::vector<FilterTerm> terms_;
    std::vector<CompiledTerm> compiled_;
};

/// True when `text` is `pattern`, where each `*` stands for any characters; case counts for
/// nothing.
bool glob_matches(std::string_view pattern, std::string_view text) noexcept;

}  // namespace sallyport::control
