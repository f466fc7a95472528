// SPDX-License-Identifier: Apache-2.0
// Any feed in any format: read to the end, every indicator canonical, every line accounted for. The
// first byte chooses format and action.
#include "feeds/feed.h"
#include "feeds/format.h"
#include "gateway/model/domain_name.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace sallyport;  // NOLINT(google-build-using-namespace)

void require(bool good) {
    if (!good) {
        std::abort();
    }
}

void check(const feeds::Indicator& indicator) {
    switch (indicator.type) {
        case IndicatorType::none:
            require(false);
            break;
        case IndicatorType::address:
        case IndicatorType::prefix:
        case IndicatorType::address_port:
            require(indicator.prefix == indicator.prefix.canonical());
            require(indicator.prefix.length > 0);
            require((indicator.type == IndicatorType::address_port) == (indicator.port != 0));
            break;
        case IndicatorType::pattern:
            require(!indicator.text.empty());
            break;
        default:
            require(canonical_name(indicator.text) == indicator.text && !indicator.text.empty());
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const int fd = memfd_create("feed", MFD_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    feeds::FeedSource source;
    source.name = "fuzz";
    source.path = "/proc/self/fd/" + std::to_string(fd);
    const auto formats = feeds::format_names();
    source.format = std::string(formats[data[0] % formats.size()]);
    source.action = static_cast<FeedAction>((data[0] >> 4U) % 3);
    source.names_exact = (data[0] & 0x80U) != 0;
    if (write(fd, data + 1, size - 1) == static_cast<ssize_t>(size - 1)) {
        feeds::FeedReaderHooks hooks;
        hooks.indicator = [](const feeds::Indicator& indicator, const feeds::Place& place) {
            require(place.line > 0 && place.file == 0);
            check(indicator);
        };
        const feeds::FeedReport report = feeds::read_feed(source, {}, hooks);
        require(report.bad_lines <= report.lines);
        require(report.refused.empty() || !report.refused.starts_with(": "));
    }
    close(fd);
    return 0;
}
