// SPDX-License-Identifier: Apache-2.0
// A selector that parses prints a canonical text that parses, prints itself and matches the same
// labels.
#include "gateway/policy/selector.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using sallyport::policy::Selector;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = Selector::parse(text);
    if (!parsed) {
        return parsed.error().message.starts_with("column ") ? 0 : (std::abort(), 0);
    }
    const std::string canonical = parsed.value().text();
    // Blanks, brackets and quotes may make the canonical text the longer one.
    if (canonical.size() <= sallyport::policy::kSelectorBytesMax) {
        const auto again = Selector::parse(canonical);
        if (!again || again.value().text() != canonical) {
            std::abort();
        }
        for (const sallyport::policy::Labels& labels :
             {sallyport::policy::Labels{}, {{"a", "b"}}, {{"a", ""}, {"c", "xay"}}}) {
            if (again.value().matches(labels) != parsed.value().matches(labels)) {
                std::abort();
            }
        }
    }
    (void)parsed.value().with_label_prefix("pcns.").text();
    return 0;
}
