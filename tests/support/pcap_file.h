// SPDX-License-Identifier: Apache-2.0
// Classic pcap files for tests: written by hand so that every byte order and resolution, and every
// way to be broken, can be made. Format: draft-ietf-opsawg-pcap.
#pragma once

#include "gateway/model/result.h"
#include "tests/support/bytes.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport::test {

struct CapturedPacket {
    std::uint64_t time_ns = 0;  ///< since the epoch
    Bytes bytes;
    std::uint32_t original_bytes = 0;  ///< length on the wire; 0 when written: as captured
};

/// Link types of the registry at tcpdump.org that tests use.
enum class LinkType : std::uint32_t {
    bsd_null = 0,
    ethernet = 1,
    raw_ip = 101,
    linux_cooked_v1 = 113,
    linux_cooked_v2 = 276,
};

struct PcapFile {
    LinkType link_type = LinkType::ethernet;
    bool nanoseconds = true;  ///< resolution of the time stamps; false: microseconds
    bool big_endian = false;
    std::vector<CapturedPacket> packets;
};

/// The file's bytes, so that a test can cut or change them.
Bytes pcap_bytes(const PcapFile& file);
/// Throws std::runtime_error when the file cannot be written.
void write_pcap(const std::string& path, const PcapFile& file);
/// Reads all four magic numbers; an error names the offset.
Result<PcapFile> read_pcap(const std::string& path);

}  // namespace sallyport::test
