// SPDX-License-Identifier: Apache-2.0
#include "gateway/cli/progress.h"

#include <algorithm>

namespace sallyport::cli {
namespace {

constexpr std::uint64_t kSilentNs = 1'000'000'000;
constexpr std::uint64_t kEveryNs = 100'000'000;
constexpr std::size_t kBarWidth = 30;

}  // namespace

Progress::Progress(
    std::string what, std::uint64_t total, const Console& console, const Clock& clock
)
    : what_(std::move(what)),
      total_(total),
      console_(console),
      clock_(clock),
      started_ns_(clock.monotonic_ns()) {}

Progress::~Progress() {
    if (drawn_ns_ != 0) {
        console_.err << "\r\x1b[K" << std::flush;
    }
}

void Progress::update(std::uint64_t done, const std::string& note) {
    const std::uint64_t now = clock_.monotonic_ns();
    if (!console_.err_is_terminal || now - started_ns_ < kSilentNs || now - drawn_ns_ < kEveryNs) {
        return;
    }
    drawn_ns_ = now;
    console_.err << '\r' << what_ << ' ';
    if (total_ != 0) {
        const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
        const auto filled = static_cast<std::size_t>(share * kBarWidth);
        console_.err << '[' << std::string(filled, '#') << std::string(kBarWidth - filled, '.')
                     << "] " << static_cast<int>(share * 100) << "% ";
    }
    console_.err << note << "\x1b[K" << std::flush;
}

}  // namespace sallyport::cli
