// SPDX-License-Identifier: Apache-2.0
// Text in columns.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace sallyport::cli {

/// Rows under a heading, each column as wide as its widest cell; cells that are numbers stand
/// right.
class Table {
public:
    explicit Table(std::vector<std::string> heading) : heading_(std::move(heading)) {}
    /// Missing cells are empty, further ones are left out.
    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    void print(std::ostream& out) const;
    /// With | between cells, for documents.
    void print_markdown(std::ostream& out) const;

private:
    std::vector<std::string> heading_;
    std::vector<std::vector<std::string>> rows_;
};

/// 1234567 as "1.23M": three digits that matter and a unit of 1000.
std::string short_count(std::uint64_t value);
/// 64424509440 as "60.0GiB".
std::string short_bytes(std::uint64_t value);
/// 3661 as "1h1m": the two largest units.
std::string short_seconds(std::uint64_t seconds);

}  // namespace sallyport::cli
