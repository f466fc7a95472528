// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: a Config or problems, never both and never neither.
#include "gateway/config/load.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using sallyport::config::Purpose;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const Purpose purpose : {Purpose::run, Purpose::replay}) {
        sallyport::Problems problems;
        const auto config = sallyport::config::parse_config(text, "f.yaml", purpose, problems);
        if (config.has_value() != problems.empty()) {
            std::abort();
        }
    }
    return 0;
}
