// SPDX-License-Identifier: Apache-2.0
// A dictionary file as a damaged disk may give it back; also with its checksum made right, to get
// past it.
#include "exporters/byte_io.h"
#include "exporters/crc32c.h"
#include "exporters/dictionary_store.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport::exporters;
    const std::span bytes(data, size);
    std::string mended(reinterpret_cast<const char*>(data), size);
    put(mended, crc32c(0, bytes));
    for (const auto& input : {bytes, bytes_of(mended)}) {
        const auto parsed = parse_dictionary(input);
        if (!parsed) {
            continue;
        }
        std::string again;
        append_dictionary(*parsed, again);
        if (!parse_dictionary(bytes_of(again))) {
            std::abort();
        }
    }
    return 0;
}
