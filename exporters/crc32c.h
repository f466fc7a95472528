// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): guards every record, ledger and dictionary of the
// spool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::exporters {

/// Continues `crc` (0 to begin with) over `bytes`. Uses SSE4.2 where the processor has it. Any
/// thread.
std::uint32_t crc32c(std::uint32_t crc, std::span<const std::uint8_t> bytes) noexcept;

/// The same without special instructions; the reference the fast one is tested against.
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<const std::uint8_t> bytes) noexcept;

}  // namespace sallyport::exporters
