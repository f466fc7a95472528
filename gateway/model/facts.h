// SPDX-License-Identifier: Apache-2.0
// What the classifier found in one packet's payload. Trivial, fixed size, owned by the worker.
#pragma once

#include "gateway/model/verdict.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// Longest name in text without its final dot (RFC 1035 section 2.3.4: 255 octets on the wire).
inline constexpr std::size_t kNameBytesMax = 253;
/// Room for the answers of one DNS message as kept in an event, see DnsFacts::answers.
inline constexpr std::size_t kDnsAnswerBytesMax = 240;

struct DnsFacts {
    std::uint16_t id = 0;
    std::uint16_t flags =
        0;  ///< the 16 flag bits of the header, host order (RFC 1035 section 4.1.1)
    std::uint16_t type = 0;  ///< QTYPE
    std::uint16_t dns_class = 0;
    std::uint16_t question_end = 0;  ///< offset in the DNS message just past the first question
    std::uint16_t answer_count = 0;  ///< ANCOUNT as sent
    bool is_response = false;
    bool truncated = false;  ///< not all answers fitted `answers`
    /// Answers packed as {type:u16, ttl:u32, size:u8, rdata[size]}, host order. A and AAAA carry
    /// the address bytes; CNAME its target in text; other types are left out.
    std::uint16_t answers_size = 0;
    std::array<std::uint8_t, kDnsAnswerBytesMax> answers{};

    /// Back to "nothing seen"; leaves the bytes of `answers`, which only `answers_size` makes
    /// readable.
    void clear() noexcept {
        id = flags = type = dns_class = question_end = answer_count = answers_size = 0;
        is_response = truncated = false;
    }
};

/// How far a stream parser got with the bytes it was shown.
enum class ParseState : std::uint8_t {
    not_this_protocol,  ///< the first bytes cannot be this protocol
    incomplete,         ///< well-formed so far, needs more bytes than this packet has
    complete,
    malformed,  ///< recognised, but breaks its own rules
};

struct Facts {
    AppProtocol protocol = AppProtocol::none;
    NameSource name_source = NameSource::none;
    ParseState state = ParseState::not_this_protocol;
    bool name_invalid =
        false;  ///< name seen, but not a legal host name: no match for allow, event says so
    std::uint8_t name_size = 0;
    std::uint16_t tls_version = 0;  ///< highest offered: 0x0303 TLS 1.2, 0x0304 TLS 1.3
    std::array<char, 256>
        name{};  ///< canonical: lower case, no final dot, bytes outside printable ASCII as \DDD
    DnsFacts dns;

    /// Back to "nothing seen" without touching the bytes of `name` and `dns.answers`: workers reuse
    /// one Facts a packet, and zeroing 540 bytes would cost more than reading a DNS query.
    void clear() noexcept {
        protocol = AppProtocol::none;
        name_source = NameSource::none;
        state = ParseState::not_this_protocol;
        name_invalid = false;
        name_size = 0;
        tls_version = 0;
        dns.clear();
    }

    [[nodiscard]] std::string_view name_view() const noexcept { return {name.data(), name_size}; }
};

}  // namespace sallyport
