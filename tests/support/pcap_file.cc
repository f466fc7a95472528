// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pcap_file.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>

namespace sallyport::test {
namespace {

constexpr std::uint32_t kMagicMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kMagicNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kSnapBytes = 262144;
constexpr std::size_t kFileHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

class Writer {
public:
    Writer(Bytes& out, bool big_endian) : out_(out), big_endian_(big_endian) {}
    void u16(std::uint16_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }

private:
    void number(std::uint32_t value, unsigned size) {
        for (unsigned i = 0; i < size; ++i) {
            const unsigned shift = 8 * (big_endian_ ? size - 1 - i : i);
            out_.push_back(static_cast<std::uint8_t>(value >> shift));
        }
    }
    Bytes& out_;
    bool big_endian_;
};

std::uint32_t u32_at(std::span<const std::uint8_t> bytes, std::size_t offset, bool big_endian) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8U | bytes[offset + (big_endian ? i : 3 - i)];
    }
    return value;
}

std::optional<PcapFile> read_header(const Bytes& bytes) {
    PcapFile file;
    for (const bool big_endian : {false, true}) {
        const std::uint32_t magic = u32_at(bytes, 0, big_endian);
        if (magic == kMagicMicroseconds || magic == kMagicNanoseconds) {
            file.big_endian = big_endian;
            file.nanoseconds = magic == kMagicNanoseconds;
            file.link_type = static_cast<LinkType>(u32_at(bytes, 20, big_endian));
            return file;
        }
    }
    return std::nullopt;
}

}  // namespace

Bytes pcap_bytes(const PcapFile& file) {
    Bytes out;
    Writer writer(out, file.big_endian);
    writer.u32(file.nanoseconds ? kMagicNanoseconds : kMagicMicroseconds);
    writer.u16(2);
    writer.u16(4);
    writer.u32(0);
    writer.u32(0);
    writer.u32(kSnapBytes);
    writer.u32(static_cast<std::uint32_t>(file.link_type));
    for (const CapturedPacket& packet : file.packets) {
        const auto size = static_cast<std::uint32_t>(packet.bytes.size());
        const std::uint64_t fraction = packet.time_ns % kNanosecondsPerSecond;
        writer.u32(static_cast<std::uint32_t>(packet.time_ns / kNanosecondsPerSecond));
        writer.u32(static_cast<std::uint32_t>(file.nanoseconds ? fraction : fraction / 1000));
        writer.u32(size);
        writer.u32(packet.original_bytes == 0 ? size : packet.original_bytes);
        out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
    }
    return out;
}

void write_pcap(const std::string& path, const PcapFile& file) {
    const Bytes bytes = pcap_bytes(file);
    std::ofstream out(path, std::ios::binary);
    // ostream takes char, packets are unsigned bytes: the same memory.
    out.write(
        reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())
    );
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

Result<PcapFile> read_pcap(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return Error{path + ": cannot be read"};
    }
    const Bytes bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (bytes.size() < kFileHeaderBytes) {
        return Error{path + ": shorter than a pcap file header"};
    }
    std::optional<PcapFile> file = read_header(bytes);
    if (!file) {
        return Error{path + ": not a pcap file"};
    }
    std::size_t offset = kFileHeaderBytes;
    while (offset < bytes.size()) {
        const std::string place = path + ": offset " + std::to_string(offset);
        if (bytes.size() - offset < kRecordHeaderBytes) {
            return Error{place + ": record header is cut short"};
        }
        const auto field = [&](std::size_t index) {
            return u32_at(bytes, offset + 4 * index, file->big_endian);
        };
        const std::uint64_t unit = file->nanoseconds ? 1 : 1000;
        CapturedPacket packet;
        packet.time_ns = field(0) * kNanosecondsPerSecond + field(1) * unit;
        packet.original_bytes = field(3);
        const std::size_t size = field(2);
        offset += kRecordHeaderBytes;
        if (size > bytes.size() - offset) {
            return Error{place + ": packet is cut short"};
        }
        const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
        packet.bytes.assign(first, first + static_cast<std::ptrdiff_t>(size));
        offset += size;
        file->packets.push_back(std::move(packet));
    }
    return *std::move(file);
}

}  // namespace sallyport::test
