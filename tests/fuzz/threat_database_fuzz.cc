// SPDX-License-Identifier: Apache-2.0
// Any file: refused, or safe to ask. The checksum is put right first, else nothing gets past it.
#include "classifier/threat_database.h"
#include "classifier/threat_image.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace sallyport;  // NOLINT(google-build-using-namespace)

void ask(const classifier::ThreatDatabase& database) {
    for (const char* name : {"www.evil.example", "a.b.c.d.e.f.g.h", "example", "", "."}) {
        for (const ThreatMatch& match : database.every_match(std::string_view(name), nullptr)) {
            (void)database.origin(match);
        }
    }
    for (const char* text :
         {"198.51.100.7",
          "203.0.113.9",
          "0.0.0.0",
          "255.255.255.255",
          "2001:db8::9",
          "64:ff9b::c633:6407"}) {
        const IpAddress address = *IpAddress::parse(text);
        for (const ThreatMatch& match : database.every_match(address, 4444)) {
            (void)database.origin(match);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::byte> image(size);
    std::copy_n(reinterpret_cast<const std::byte*>(data), size, image.begin());
    if (size >= sizeof(classifier::ImageHeader)) {
        classifier::seal_image(image);
    }
    static const std::string kPath = "/tmp/threat_database_fuzz." + std::to_string(getpid());
    std::FILE* file = std::fopen(kPath.c_str(), "wb");
    if (file == nullptr) {
        return 0;
    }
    std::fwrite(image.data(), 1, image.size(), file);
    std::fclose(file);
    const auto database = classifier::ThreatDatabase::open(kPath, "");
    unlink(kPath.c_str());
    if (database.ok()) {
        ask(*database.value());
    }
    return 0;
}
