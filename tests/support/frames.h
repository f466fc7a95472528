// SPDX-License-Identifier: Apache-2.0
// Reads frames back, so that a test can say what it expects of a packet field by field. A second,
// plain implementation on purpose: it shares no code with the dataplane it checks.
#pragma once

#include "gateway/model/address.h"
#include "tests/support/bytes.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sallyport::test {

/// RFC 1071 checksum of `bytes`, host order, as it stands in a header (complemented). `initial` is
/// a partial sum in host order, as pseudo_header_sum() gives. The scalar reference for faster ones.
std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes, std::uint32_t initial = 0);

/// Partial sum of the pseudo header of RFC 9293 section 3.1 (IPv4) or RFC 8200 section 8.1 (IPv6).
std::uint32_t pseudo_header_sum(
    const IpAddress& source,
    const IpAddress& destination,
    std::uint8_t protocol,
    std::size_t transport_bytes
);

/// What an Ethernet frame says. Fields of layers that are absent keep their defaults.
struct Frame {
    std::string source_mac;  ///< "02:00:00:00:00:01"
    std::string destination_mac;
    std::vector<std::uint16_t> vlans;  ///< ids, outermost first
    std::uint16_t ethertype = 0;       ///< of what follows the tags

    IpAddress source;
    IpAddress destination;
    std::uint8_t hop_limit = 0;  ///< TTL for IPv4
    std::uint8_t protocol = 0;
    std::uint16_t ip_id = 0;
    bool dont_fragment = false;
    bool ip_checksum_ok = false;  ///< true for IPv6, which has none

    std::uint16_t source_port = 0;  ///< ICMP echo: the identifier
    std::uint16_t destination_port = 0;
    std::uint8_t tcp_flags = 0;
    std::uint32_t tcp_sequence = 0;
    std::uint32_t tcp_acknowledgement = 0;
    std::uint8_t icmp_type = 0;
    std::uint8_t icmp_code = 0;
    std::uint16_t icmp_sequence = 0;
    bool transport_checksum_ok = false;  ///< a UDP/IPv4 checksum of zero counts as right

    std::uint16_t arp_operation =
        0;  ///< 1 request, 2 reply; addresses are in source and destination

    Bytes payload;  ///< after the transport header; ICMP: after its eight bytes
};

/// Reads an Ethernet frame; nothing when a header is cut short. Padding behind the IP length is
/// dropped.
std::optional<Frame> parse_frame(std::span<const std::uint8_t> bytes);

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;

}  // namespace sallyport::test
