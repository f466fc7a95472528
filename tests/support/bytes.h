// SPDX-License-Identifier: Apache-2.0
// Bytes as tests hold them, and their hex text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::test {

using Bytes = std::vector<std::uint8_t>;

/// Bytes of hex text; blanks and line ends between digits are skipped. Throws std::invalid_argument
/// on anything else, because the text stands in the test itself.
Bytes from_hex(std::string_view text);

/// Lower-case hex, sixteen bytes a line, as failing tests print a frame.
std::string to_hex(const Bytes& bytes);

}  // namespace sallyport::test
