// SPDX-License-Identifier: Apache-2.0
// Documents in a file, one a line (ndjson), or on standard output.
#pragma once

#include "exporters/sink.h"
#include "gateway/model/result.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sallyport::exporters {

/// When written lines count as delivered.
enum class SyncPolicy : std::uint8_t {
    never,     ///< once the kernel has them: a power cut can take lines that will not come again
    interval,  ///< after fdatasync, at most once a second
    always,    ///< after fdatasync of every batch
};

struct FileSinkSettings {
    std::string path;  ///< "-" is standard output
    SyncPolicy sync = SyncPolicy::interval;
    std::chrono::milliseconds sync_interval{1000};
    std::chrono::milliseconds reopen_interval{1000};  ///< how often a renamed file is noticed
    std::size_t buffer_bytes = 1U << 20U;
};

/// Opens (appends to) the file. A rotated file (renamed or deleted by logrotate and the like) is
/// noticed and opened anew. A full or failing disk makes the sink busy and degraded, never wrong:
/// the line that was cut off is completed once there is room.
Result<std::unique_ptr<Sink>> make_file_sink(const FileSinkSettings& settings);

}  // namespace sallyport::exporters
