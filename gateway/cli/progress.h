// SPDX-License-Identifier: Apache-2.0
// A bar for work that takes more than a second: on standard error, only on a terminal.
#pragma once

#include "gateway/cli/console.h"
#include "gateway/model/clock.h"

#include <cstdint>
#include <string>

namespace sallyport::cli {

class Progress {
public:
    /// `what` stands before the bar; `total` 0 means nobody knows. Clock and console are not owned.
    Progress(std::string what, std::uint64_t total, const Console& console, const Clock& clock);
    ~Progress();  ///< takes the bar away
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// So much of the total is done; `note` stands behind the bar. Draws at most ten times a
    /// second.
    void update(std::uint64_t done, const std::string& note);
    void set_total(std::uint64_t total) noexcept { total_ = total; }

private:
    std::string what_;
    std::uint64_t total_;
    const Console& console_;
    const Clock& clock_;
    std::uint64_t started_ns_;
    std::uint64_t drawn_ns_ = 0;
};

}  // namespace sallyport::cli
