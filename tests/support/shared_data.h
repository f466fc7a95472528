// SPDX-License-Identifier: Apache-2.0
// Real feeds, captures and schemas live beside the repository, never in it; tests that want them
// skip when they are absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace sallyport::test {

/// $SALLYPORT_SHARED_DATA, else ../shared/data beside the source tree; nothing when neither is a
/// directory.
inline std::optional<std::filesystem::path> shared_data_directory() {
    std::error_code ignored;
    // Tests are single-threaded where they ask.
    if (const char* named = std::getenv("SALLYPORT_SHARED_DATA");  // NOLINT(concurrency-mt-unsafe)
        named != nullptr && *named != '\0') {
        return std::filesystem::is_directory(named, ignored)
                   ? std::optional<std::filesystem::path>(named)
                   : std::nullopt;
    }
    const std::filesystem::path beside =
        std::filesystem::path(SALLYPORT_SOURCE_ROOT).parent_path() / "shared" / "data";
    return std::filesystem::is_directory(beside, ignored) ? std::optional(beside) : std::nullopt;
}

}  // namespace sallyport::test
