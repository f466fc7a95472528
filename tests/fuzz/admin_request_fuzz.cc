// SPDX-License-Identifier: Apache-2.0
// Any query of GET /v1/events, one `name=value` a line, and any answer the CLI may get. What is
// understood must survive the way to a path and judge any document without throwing.
#include "gateway/control/event_query.h"
#include "gateway/control/gateway_view.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport::control;  // NOLINT(google-build-using-namespace)
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)parse_status(text);
    (void)parse_reload(text);

    Parameters parameters;
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        const std::string_view line = text.substr(start, end - start);
        const std::size_t equal = std::min(line.find('='), line.size());
        const std::size_t value = std::min(equal + 1, line.size());
        parameters.emplace(line.substr(0, equal), line.substr(value));
        start = end + 1;
    }
    if (const auto query = parse_event_query(parameters)) {
        (void)event_query_path(query.value());
        const auto document = nlohmann::json::parse(text, nullptr, false);
        (void)query.value().filter.matches(document);
    }
    return 0;
}
