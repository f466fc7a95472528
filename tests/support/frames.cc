// SPDX-License-Identifier: Apache-2.0
#include "tests/support/frames.h"

#include <array>
#include <cstdio>

namespace sallyport::test {
namespace {

constexpr std::uint16_t kEthertypeIpv4 = 0x0800;
constexpr std::uint16_t kEthertypeArp = 0x0806;
constexpr std::uint16_t kEthertypeIpv6 = 0x86DD;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpv6 = 58;

/// Reads forward over a span; once a read does not fit, every later one fails too.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    std::uint8_t u8() {
        const auto part = take(1);
        return part.empty() ? std::uint8_t{0} : part[0];
    }
    std::uint16_t u16() {
        const auto part = take(2);
        return part.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(part[0] << 8 | part[1]);
    }
    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16U | u16();
    }
    std::span<const std::uint8_t> take(std::size_t size) {
        if (!ok_ || size > bytes_.size()) {
            ok_ = false;
            return {};
        }
        const auto part = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return part;
    }
    void limit(std::size_t size) {
        if (size > bytes_.size()) {
            ok_ = false;
        } else {
            bytes_ = bytes_.first(size);
        }
    }
    [[nodiscard]] std::span<const std::uint8_t> rest() const { return bytes_; }
    [[nodiscard]] bool ok() const { return ok_; }

private:
    std::span<const std::uint8_t> bytes_;
    bool ok_ = true;
};

std::string mac_text(std::span<const std::uint8_t> bytes) {
    std::array<char, 18> text{};
    if (bytes.size() == 6) {
        (void)std::snprintf(
            text.data(),
            text.size(),
            "%02x:%02x:%02x:%02x:%02x:%02x",
            bytes[0],
            bytes[1],
            bytes[2],
            bytes[3],
            bytes[4],
            bytes[5]
        );
    }
    return text.data();
}

void read_icmp(Reader& reader, Frame& frame) {
    frame.icmp_type = reader.u8();
    frame.icmp_code = reader.u8();
    (void)reader.u16();
    frame.source_port = reader.u16();
    frame.icmp_sequence = reader.u16();
}

void read_tcp(Reader& reader, Frame& frame) {
    frame.source_port = reader.u16();
    frame.destination_port = reader.u16();
    frame.tcp_sequence = reader.u32();
    frame.tcp_acknowledgement = reader.u32();
    const std::size_t header_bytes = std::size_t{reader.u8()} / 16 * 4;
    frame.tcp_flags = reader.u8();
    (void)reader.take(6);
    (void)reader.take(header_bytes < 20 ? SIZE_MAX : header_bytes - 20);
}

bool read_transport(Reader reader, Frame& frame) {
    const auto segment = reader.rest();
    const std::uint32_t pseudo =
        frame.protocol == kIcmp
            ? 0
            : pseudo_header_sum(frame.source, frame.destination, frame.protocol, segment.size());
    frame.transport_checksum_ok = internet_checksum(segment, pseudo) == 0;
    switch (frame.protocol) {
        case kUdp:
            frame.source_port = reader.u16();
            frame.destination_port = reader.u16();
            (void)reader.u16();
            // RFC 768: an all-zero checksum says that the sender made none; IPv6 forbids that.
            frame.transport_checksum_ok =
                (reader.u16() == 0 && frame.source.is_v4()) || frame.transport_checksum_ok;
            break;
        case kTcp:
            read_tcp(reader, frame);
            break;
        case kIcmp:
        case kIcmpv6:
            read_icmp(reader, frame);
            break;
        default:
            break;
    }
    frame.payload.assign(reader.rest().begin(), reader.rest().end());
    return reader.ok();
}

bool read_ipv4(Reader reader, Frame& frame) {
    const auto whole = reader.rest();
    const std::size_t header_bytes = std::size_t{reader.u8()} % 16 * 4;
    (void)reader.u8();
    const std::size_t total_bytes = reader.u16();
    frame.ip_id = reader.u16();
    frame.dont_fragment = (reader.u16() & 0x4000U) != 0;
    frame.hop_limit = reader.u8();
    frame.protocol = reader.u8();
    (void)reader.u16();
    frame.source = IpAddress::v4(reader.u32());
    frame.destination = IpAddress::v4(reader.u32());
    if (!reader.ok() || header_bytes < 20 || total_bytes < header_bytes ||
        total_bytes > whole.size()) {
        return false;
    }
    frame.ip_checksum_ok = internet_checksum(whole.first(header_bytes)) == 0;
    return read_transport(Reader(whole.subspan(header_bytes, total_bytes - header_bytes)), frame);
}

bool read_ipv6(Reader reader, Frame& frame) {
    (void)reader.u32();
    const std::size_t payload_bytes = reader.u16();
    frame.protocol = reader.u8();
    frame.hop_limit = reader.u8();
    const auto source = reader.take(16);
    const auto destination = reader.take(16);
    if (!reader.ok()) {
        return false;
    }
    frame.source = IpAddress::v6(source.data());
    frame.destination = IpAddress::v6(destination.data());
    frame.ip_checksum_ok = true;
    reader.limit(payload_bytes);
    return reader.ok() && read_transport(reader, frame);
}

bool read_arp(Reader reader, Frame& frame) {
    (void)reader.take(6);  // hardware and protocol types and lengths: Ethernet and IPv4
    frame.arp_operation = reader.u16();
    (void)reader.take(6);
    frame.source = IpAddress::v4(reader.u32());
    (void)reader.take(6);
    frame.destination = IpAddress::v4(reader.u32());
    return reader.ok();
}

}  // namespace

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes, std::uint32_t initial) {
    std::uint64_t sum = initial;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        sum += i % 2 == 0 ? std::uint64_t{bytes[i]} << 8U : bytes[i];
    }
    while (sum >> 16U != 0) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
    }
    return static_cast<std::uint16_t>(~sum);
}

std::uint32_t pseudo_header_sum(
    const IpAddress& source,
    const IpAddress& destination,
    std::uint8_t protocol,
    std::size_t transport_bytes
) {
    const std::size_t address_bytes = source.bits() / 8;
    std::uint32_t sum = protocol + static_cast<std::uint32_t>(transport_bytes);
    for (std::size_t i = 0; i < address_bytes; i += 2) {
        sum += std::uint32_t{source.bytes[i]} << 8U | source.bytes[i + 1];
        sum += std::uint32_t{destination.bytes[i]} << 8U | destination.bytes[i + 1];
    }
    return sum;
}

std::optional<Frame> parse_frame(std::span<const std::uint8_t> bytes) {
    Reader reader(bytes);
    Frame frame;
    frame.destination_mac = mac_text(reader.take(6));
    frame.source_mac = mac_text(reader.take(6));
    frame.ethertype = reader.u16();
    while (reader.ok() && (frame.ethertype == 0x8100 || frame.ethertype == 0x88A8)) {
        frame.vlans.push_back(reader.u16() & 0x0FFFU);
        frame.ethertype = reader.u16();
    }
    if (!reader.ok()) {
        return std::nullopt;
    }
    bool whole = true;
    if (frame.ethertype == kEthertypeIpv4) {
        whole = read_ipv4(reader, frame);
    } else if (frame.ethertype == kEthertypeIpv6) {
        whole = read_ipv6(reader, frame);
    } else if (frame.ethertype == kEthertypeArp) {
        whole = read_arp(reader, frame);
    } else {
        frame.payload.assign(reader.rest().begin(), reader.rest().end());
    }
    return whole ? std::optional(std::move(frame)) : std::nullopt;
}

}  // namespace sallyport::test
