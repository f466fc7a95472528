// SPDX-License-Identifier: Apache-2.0
// `sallyport reference`: pages made from the tables in the code.
#pragma once

#include "gateway/cli/console.h"

#include <cstdint>

namespace sallyport::cli {

enum class Page : std::uint8_t { config, events, drops, metrics };

/// Markdown (`-o table`, the form of documents), JSON, or one line a row.
void print_reference(Page page, Format format, const Console& console);

}  // namespace sallyport::cli
