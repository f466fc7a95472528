// SPDX-License-Identifier: Apache-2.0
// Packets by name. Layers are given outermost first; lengths, next-header fields and checksums fill
// themselves in when build() is called:
//
//   PacketBuilder().ethernet().vlan(5).ipv4("10.42.1.5", "198.51.100.9").udp(5353,
//   53).dns_query("x.example")
//
// Without ethernet() the first layer is IP: a raw IP packet. What a layer does not let you say is
// said by patching the built bytes, which is what a malformed packet is.
#pragma once

#include "tests/support/bytes.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sallyport::test {

/// Addresses of the two stations most tests have: the pod side and the gateway.
inline constexpr std::string_view kPodMac = "02:00:00:00:00:01";
inline constexpr std::string_view kGatewayMac = "02:00:00:00:00:02";
inline constexpr std::string_view kBroadcastMac = "ff:ff:ff:ff:ff:ff";

/// Settings of a TCP header that differ from a bare SYN now and then.
struct TcpFields {
    std::uint8_t flags = 0x02;  ///< SYN
    std::uint32_t sequence = 1000;
    std::uint32_t acknowledgement = 0;
    std::uint16_t window = 65535;
    Bytes options;  ///< padded with zeros to a multiple of four
};

class PacketBuilder {
public:
    PacketBuilder& ethernet(
        std::string_view source = kPodMac, std::string_view destination = kGatewayMac
    );
    /// A tag; say it twice for QinQ, the outer one first (with tpid 0x88A8 for a service tag).
    PacketBuilder& vlan(std::uint16_t id, std::uint16_t tpid = 0x8100);
    PacketBuilder& ipv4(
        std::string_view source, std::string_view destination, std::uint8_t hop_limit = 64
    );
    PacketBuilder& ipv6(
        std::string_view source, std::string_view destination, std::uint8_t hop_limit = 64
    );
    PacketBuilder& udp(std::uint16_t source_port, std::uint16_t destination_port);
    PacketBuilder& tcp(
        std::uint16_t source_port, std::uint16_t destination_port, const TcpFields& fields = {}
    );
    /// Type and code with the four bytes that follow the checksum; ICMPv6 under ipv6().
    PacketBuilder& icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest = 0);
    /// Echo request, or reply; the right types for the family below it.
    PacketBuilder& icmp_echo(std::uint16_t identifier, std::uint16_t sequence, bool reply = false);
    /// ARP request (operation 1) or reply (2) for IPv4 over Ethernet; follows ethernet().
    PacketBuilder& arp(
        std::uint16_t operation,
        std::string_view sender_mac,
        std::string_view sender,
        std::string_view target_mac,
        std::string_view target
    );

    PacketBuilder& payload(Bytes bytes);
    PacketBuilder& payload(std::string_view text);
    /// One question, RD set; `type` is an RR type (1 A, 28 AAAA, 65 HTTPS).
    PacketBuilder& dns_query(
        std::string_view name, std::uint16_t type = 1, std::uint16_t id = 0x1234
    );
    /// The question again and one A record of 60 s for it.
    PacketBuilder& dns_answer(
        std::string_view name, std::string_view address, std::uint16_t id = 0x1234
    );
    /// A small TLS 1.2/1.3 ClientHello with this server name; "" leaves the extension out.
    PacketBuilder& tls_client_hello(std::string_view server_name);
    PacketBuilder& http_get(std::string_view host, std::string_view path = "/");

    [[nodiscard]] Bytes build() const;

private:
    enum class Kind : std::uint8_t { ethernet, vlan, ipv4, ipv6, udp, tcp, icmp, arp, payload };
    struct Layer {
        Kind kind;
        Bytes header;             ///< with zeros where lengths and checksums go
        std::uint16_t ethertype;  ///< by which the layer below names this one
        std::uint8_t protocol;    ///< IP protocol number of a transport
    };

    PacketBuilder& add(
        Kind kind, Bytes header, std::uint16_t ethertype = 0, std::uint8_t protocol = 0
    );
    [[nodiscard]] bool under_ipv6() const;
    static void fill_checksum(const Layer& transport, const Layer* ip, Bytes& segment);

    std::vector<Layer> layers_;
};

}  // namespace sallyport::test
