// SPDX-License-Identifier: Apache-2.0
// Numbers with units as people write them, and back. Pure functions, any thread.
#pragma once

#include "gateway/config/config.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::config {

/// Digits only: no sign, no space, no fraction; empty when it is anything else or above 2^64-1.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// `200ms`, `5s`, `10m`, `1h`, `7d`, and sums of them (`1h30m`); a bare `0` is no time at all.
/// Other bare numbers have no meaning and give nothing, as do sums above 2^63-1 ms.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// `64GiB`, `512MiB`, `10GB`, `4096` (bytes); KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB
/// of 1000.
std::optional<ByteSize> parse_size(std::string_view text);

/// The shortest exact text that parse_duration() reads back: 5400000 ms is "1h30m".
std::string duration_text(std::chrono::milliseconds value);
/// The shortest exact text that parse_size() reads back, in powers of 1024.
std::string size_text(ByteSize value);

}  // namespace sallyport::config
