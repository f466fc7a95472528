// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_builder.h"

#include "gateway/model/address.h"
#include "tests/support/frames.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace sallyport::test {
namespace {

constexpr std::uint16_t kEthertypeIpv4 = 0x0800;
constexpr std::uint16_t kEthertypeArp = 0x0806;
constexpr std::uint16_t kEthertypeIpv6 = 0x86DD;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpv6 = 58;

void put16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Bytes& out, std::uint32_t value) {
    put16(out, value >> 16U);
    put16(out, value & 0xFFFFU);
}
void set16(Bytes& out, std::size_t offset, std::size_t value) {
    out[offset] = static_cast<std::uint8_t>(value >> 8U);
    out[offset + 1] = static_cast<std::uint8_t>(value);
}
void append(Bytes& out, const Bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}
void append(Bytes& out, std::string_view text) {
    out.insert(out.end(), text.begin(), text.end());
}

Bytes mac_bytes(std::string_view text) {
    std::string digits(text);
    std::erase(digits, ':');
    Bytes out = from_hex(digits);
    if (out.size() != 6) {
        throw std::invalid_argument("not a MAC address: " + std::string(text));
    }
    return out;
}

Bytes address_bytes(std::string_view text, IpFamily family) {
    const std::optional<IpAddress> address = IpAddress::parse(text);
    if (!address || address->family != family) {
        throw std::invalid_argument("not an address of the layer's family: " + std::string(text));
    }
    return {address->bytes.begin(), address->bytes.begin() + address->bits() / 8};
}

/// RFC 1035 section 3.1: labels with their lengths. Longer labels than 63 are cut, so keep them
/// legal.
void put_name(Bytes& out, std::string_view name) {
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        out.push_back(static_cast<std::uint8_t>(std::min<std::size_t>(label.size(), 63)));
        append(out, label.substr(0, 63));
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    out.push_back(0);
}

Bytes dns_message(
    std::string_view name, std::uint16_t type, std::uint16_t id, std::uint16_t flags
) {
    Bytes out;
    put16(out, id);
    put16(out, flags);
    put16(out, 1);  // QDCOUNT
    put16(out, 0);
    put16(out, 0);
    put16(out, 0);
    put_name(out, name);
    put16(out, type);
    put16(out, 1);  // IN
    return out;
}

/// A length field of `size` bytes in front of `body`.
Bytes with_length(std::size_t size, const Bytes& body) {
    Bytes out;
    for (std::size_t i = size; i-- > 0;) {
        out.push_back(static_cast<std::uint8_t>(body.size() >> (8 * i)));
    }
    append(out, body);
    return out;
}

Bytes extension(std::uint16_t type, const Bytes& body) {
    Bytes out;
    put16(out, type);
    append(out, with_length(2, body));
    return out;
}

Bytes client_hello_extensions(std::string_view server_name) {
    Bytes out;
    if (!server_name.empty()) {
        Bytes entry{0};  // host_name, RFC 6066 section 3
        append(entry, with_length(2, Bytes(server_name.begin(), server_name.end())));
        append(out, extension(0, with_length(2, entry)));
    }
    append(out, extension(10, {0x00, 0x02, 0x00, 0x1D}));              // x25519
    append(out, extension(43, {0x04, 0x03, 0x04, 0x03, 0x03}));        // TLS 1.3 and 1.2
    append(out, extension(13, {0x00, 0x04, 0x04, 0x03, 0x08, 0x04}));  // signature algorithms
    return out;
}

}  // namespace

PacketBuilder& PacketBuilder::add(
    Kind kind, Bytes header, std::uint16_t ethertype, std::uint8_t protocol
) {
    layers_.push_back(Layer{kind, std::move(header), ethertype, protocol});
    return *this;
}

bool PacketBuilder::under_ipv6() const {
    const auto ip = std::find_if(layers_.rbegin(), layers_.rend(), [](const Layer& layer) {
        return layer.kind == Kind::ipv4 || layer.kind == Kind::ipv6;
    });
    return ip != layers_.rend() && ip->kind == Kind::ipv6;
}

PacketBuilder& PacketBuilder::ethernet(std::string_view source, std::string_view destination) {
    Bytes header = mac_bytes(destination);
    append(header, mac_bytes(source));
    put16(header, 0);
    return add(Kind::ethernet, std::move(header));
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t id, std::uint16_t tpid) {
    Bytes header;
    put16(header, id);
    put16(header, 0);
    return add(Kind::vlan, std::move(header), tpid);
}

PacketBuilder& PacketBuilder::ipv4(
    std::string_view source, std::string_view destination, std::uint8_t hop_limit
) {
    Bytes header{0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, hop_limit, 0, 0, 0};  // DF set, as hosts send
    append(header, address_bytes(source, IpFamily::v4));
    append(header, address_bytes(destination, IpFamily::v4));
    return add(Kind::ipv4, std::move(header), kEthertypeIpv4, 4);
}

PacketBuilder& PacketBuilder::ipv6(
    std::string_view source, std::string_view destination, std::uint8_t hop_limit
) {
    Bytes header{0x60, 0, 0, 0, 0, 0, 0, hop_limit};
    append(header, address_bytes(source, IpFamily::v6));
    append(header, address_bytes(destination, IpFamily::v6));
    return add(Kind::ipv6, std::move(header), kEthertypeIpv6, 41);
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source_port, std::uint16_t destination_port) {
    Bytes header;
    put16(header, source_port);
    put16(header, destination_port);
    put32(header, 0);
    return add(Kind::udp, std::move(header), 0, kUdp);
}

PacketBuilder& PacketBuilder::tcp(
    std::uint16_t source_port, std::uint16_t destination_port, const TcpFields& fields
) {
    Bytes options = fields.options;
    options.resize((options.size() + 3) / 4 * 4);
    Bytes header;
    put16(header, source_port);
    put16(header, destination_port);
    put32(header, fields.sequence);
    put32(header, fields.acknowledgement);
    header.push_back(static_cast<std::uint8_t>((20 + options.size()) / 4 << 4U));
    header.push_back(fields.flags);
    put16(header, fields.window);
    put32(header, 0);
    append(header, options);
    return add(Kind::tcp, std::move(header), 0, kTcp);
}

PacketBuilder& PacketBuilder::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t rest) {
    Bytes header{type, code, 0, 0};
    put32(header, rest);
    return add(Kind::icmp, std::move(header), 0, under_ipv6() ? kIcmpv6 : kIcmp);
}

PacketBuilder& PacketBuilder::icmp_echo(
    std::uint16_t identifier, std::uint16_t sequence, bool reply
) {
    // RFC 792 (8 and 0) and RFC 4443 section 4 (128 and 129).
    const int type = under_ipv6() ? (reply ? 129 : 128) : (reply ? 0 : 8);
    return icmp(static_cast<std::uint8_t>(type), 0, std::uint32_t{identifier} << 16U | sequence);
}

PacketBuilder& PacketBuilder::arp(
    std::uint16_t operation,
    std::string_view sender_mac,
    std::string_view sender,
    std::string_view target_mac,
    std::string_view target
) {
    Bytes header{0, 1, 0x08, 0x00, 6, 4};
    put16(header, operation);
    append(header, mac_bytes(sender_mac));
    append(header, address_bytes(sender, IpFamily::v4));
    append(header, mac_bytes(target_mac));
    append(header, address_bytes(target, IpFamily::v4));
    return add(Kind::arp, std::move(header), kEthertypeArp);
}

PacketBuilder& PacketBuilder::payload(Bytes bytes) {
    return add(Kind::payload, std::move(bytes));
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
    return payload(Bytes(text.begin(), text.end()));
}

PacketBuilder& PacketBuilder::dns_query(
    std::string_view name, std::uint16_t type, std::uint16_t id
) {
    return payload(dns_message(name, type, id, 0x0100));
}

PacketBuilder& PacketBuilder::dns_answer(
    std::string_view name, std::string_view address, std::uint16_t id
) {
    Bytes message = dns_message(name, 1, id, 0x8180);
    set16(message, 6, 1);    // ANCOUNT
    put16(message, 0xC00C);  // the question's name
    put16(message, 1);       // A
    put16(message, 1);       // IN
    put32(message, 60);      // TTL in seconds
    append(message, with_length(2, address_bytes(address, IpFamily::v4)));
    return payload(std::move(message));
}

PacketBuilder& PacketBuilder::tls_client_hello(std::string_view server_name) {
    Bytes hello{0x03, 0x03};
    hello.resize(2 + 32, 0x5A);                                // random
    append(hello, Bytes{0x00});                                // no session id
    append(hello, Bytes{0x00, 0x04, 0x13, 0x01, 0xC0, 0x2F});  // two cipher suites
    append(hello, Bytes{0x01, 0x00});                          // no compression
    append(hello, with_length(2, client_hello_extensions(server_name)));
    Bytes handshake{0x01};
    append(handshake, with_length(3, hello));
    Bytes record{0x16, 0x03, 0x01};
    append(record, with_length(2, handshake));
    return payload(std::move(record));
}

PacketBuilder& PacketBuilder::http_get(std::string_view host, std::string_view path) {
    Bytes request;
    append(request, "GET ");
    append(request, path);
    append(request, " HTTP/1.1\r\nHost: ");
    append(request, host);
    append(request, "\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n");
    return payload(std::move(request));
}

void PacketBuilder::fill_checksum(const Layer& transport, const Layer* ip, Bytes& segment) {
    if (ip == nullptr || (ip->kind != Kind::ipv4 && ip->kind != Kind::ipv6)) {
        throw std::logic_error("a transport layer needs ipv4() or ipv6() right below it");
    }
    const bool v6 = ip->kind == Kind::ipv6;
    const std::uint8_t* at = ip->header.data() + (v6 ? 8 : 12);
    IpAddress source = v6 ? IpAddress::v6(at) : IpAddress();
    IpAddress destination = v6 ? IpAddress::v6(at + 16) : IpAddress();
    if (!v6) {
        source.family = destination.family = IpFamily::v4;
        std::copy_n(at, 4, source.bytes.begin());
        std::copy_n(at + 4, 4, destination.bytes.begin());
    }
    // ICMP for IPv4 has no pseudo header (RFC 792).
    const std::uint32_t pseudo =
        transport.protocol == kIcmp
            ? 0
            : pseudo_header_sum(source, destination, transport.protocol, segment.size());
    std::uint16_t checksum = internet_checksum(segment, pseudo);
    if (transport.kind == Kind::udp && checksum == 0) {
        checksum = 0xFFFF;  // RFC 768: zero is kept for "no checksum"
    }
    const std::size_t offset = transport.kind == Kind::udp   ? 6
                               : transport.kind == Kind::tcp ? 16
                                                             : 2;
    set16(segment, offset, checksum);
}

Bytes PacketBuilder::build() const {
    Bytes below;  // what stands behind the layer at hand, finished
    std::uint16_t ethertype = 0;
    std::uint8_t protocol = 59;  // "no next header" for an IP packet that ends here
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        Bytes header = layer->header;
        switch (layer->kind) {
            case Kind::ethernet:
                set16(header, 12, ethertype);
                break;
            case Kind::vlan:
                set16(header, 2, ethertype);
                break;
            case Kind::ipv4:
                set16(header, 2, header.size() + below.size());
                header[9] = protocol;
                set16(header, 10, internet_checksum(header));
                break;
            case Kind::ipv6:
                set16(header, 4, below.size());
                header[6] = protocol;
                break;
            case Kind::udp:
                set16(header, 4, header.size() + below.size());
                break;
            case Kind::tcp:
            case Kind::icmp:
            case Kind::arp:
            case Kind::payload:
                break;
        }
        const Bytes above = std::move(below);
        below = std::move(header);
        append(below, above);
        if (layer->kind == Kind::udp || layer->kind == Kind::tcp || layer->kind == Kind::icmp) {
            fill_checksum(*layer, layer + 1 == layers_.rend() ? nullptr : &*(layer + 1), below);
        }
        ethertype = layer->ethertype;
        protocol = layer->protocol;
    }
    return below;
}

}  // namespace sallyport::test
