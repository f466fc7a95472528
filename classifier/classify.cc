// SPDX-License-Identifier: Apache-2.0
#include "classifier/classify.h"

#include "classifier/byte_cursor.h"
#include "classifier/dns.h"
#include "classifier/http.h"
#include "classifier/tls.h"

#include <algorithm>
#include <array>

namespace sallyport::classifier {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kQuicPort = 443;
constexpr std::array<std::uint8_t, 4> kSshBanner{'S', 'S', 'H', '-'};  // RFC 4253 section 4.2

constexpr std::uint8_t kQuicLongHeader = 0x80;         // RFC 9000 section 17.2
constexpr std::uint32_t kQuicVersion1 = 0x00000001;    // RFC 9000 section 15
constexpr std::uint32_t kQuicVersion2 = 0x6B3343CF;    // RFC 9369 section 3.1
constexpr std::uint32_t kQuicDraftFirst = 0xFF000016;  // draft-22, the oldest with this header
constexpr std::uint32_t kQuicDraftLast = 0xFF000022;   // draft-34
constexpr std::size_t kQuicConnectionIdBytesMax = 20;  // RFC 9000 section 17.2

// Versions 0x?a?a?a?a are reserved to exercise version negotiation, which is the server's 0 (RFC
// 9000 section 15); both say little on a port where QUIC does not live.
bool is_quic_version(std::uint32_t version, bool quic_port) noexcept {
    return version == kQuicVersion1 || version == kQuicVersion2 ||
           (version >= kQuicDraftFirst && version <= kQuicDraftLast) ||
           (quic_port && (version == 0 || (version & 0x0F0F0F0FU) == 0x0A0A0A0AU));
}

bool is_quic(std::span<const std::uint8_t> payload, bool quic_port) noexcept {
    ByteCursor cursor(payload);
    std::uint8_t first = 0;
    std::uint32_t version = 0;
    ByteCursor destination;
    ByteCursor source;
    // The fixed bit is not asked for: it may be greased (RFC 9287).
    return cursor.read_u8(first) && (first & kQuicLongHeader) != 0 && cursor.read_u32(version) &&
           is_quic_version(version, quic_port) && cursor.take_u8(destination) &&
           destination.remaining() <= kQuicConnectionIdBytesMax && cursor.take_u8(source) &&
           source.remaining() <= kQuicConnectionIdBytesMax;
}

ParseState parse_ssh(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    facts.clear();
    const std::size_t size = std::min(payload.size(), kSshBanner.size());
    if (!std::equal(
            payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size), kSshBanner.begin()
        )) {
        return facts.state;
    }
    facts.state = ParseState::incomplete;
    if (size == kSshBanner.size()) {
        facts.protocol = AppProtocol::ssh;
        facts.state = ParseState::complete;
    }
    return facts.state;
}

// True when the payload begins with a whole DNS message of its own length.
bool parse_dns_stream(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    ByteCursor cursor(payload);
    ByteCursor message;
    return cursor.take_u16(message) && parse_dns(message.rest(), facts) == ParseState::complete;
}

}  // namespace

void classify_tcp(
    std::span<const std::uint8_t> first_payload, std::uint16_t destination_port, Facts& facts
) noexcept {
    if (destination_port == kDnsPort && parse_dns_stream(first_payload, facts)) {
        return;
    }
    if (parse_client_hello(first_payload, facts) != ParseState::not_this_protocol ||
        parse_ssh(first_payload, facts) != ParseState::not_this_protocol) {
        return;
    }
    (void)parse_http_request(first_payload, facts);
}

void classify_udp(
    std::span<const std::uint8_t> payload,
    std::uint16_t source_port,
    std::uint16_t destination_port,
    Facts& facts
) noexcept {
    const bool dns_port = source_port == kDnsPort || destination_port == kDnsPort;
    if (dns_port && parse_dns(payload, facts) == ParseState::complete) {
        return;
    }
    const bool quic_port = source_port == kQuicPort || destination_port == kQuicPort;
    if (is_quic(payload, quic_port && !dns_port)) {
        facts.clear();
        facts.protocol = AppProtocol::quic;
        facts.state = ParseState::complete;
    } else if (!dns_port) {
        facts.clear();
    }
}

}  // namespace sallyport::classifier
