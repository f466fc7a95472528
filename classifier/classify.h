// SPDX-License-Identifier: Apache-2.0
// What the first payload of a flow says: which protocol, and which name. The entry for workers; the
// parsers behind it are dns.h, tls.h and http.h.
#pragma once

#include "gateway/model/facts.h"

#include <cstdint>
#include <span>

namespace sallyport::classifier {

/// First payload bytes a TCP client sent: a TLS ClientHello, an HTTP/1.x request, an SSH banner,
/// or, to port 53, a DNS message whose length (RFC 1035 section 4.2.2) says that it is here whole;
/// of several such messages the first is read. Ports are in host order.
///
/// facts.state: complete (recognised, and all there is to learn was learnt), incomplete (more bytes
/// may tell more; protocol is none while several are possible), malformed, not_this_protocol (none
/// of these).
///
/// Overwrites every field of `facts`; the bytes of `name` and `dns.answers` past their sizes keep
/// what they held. No allocation, lock or system call; never throws; any thread with its own
/// `facts`.
void classify_tcp(
    std::span<const std::uint8_t> first_payload, std::uint16_t destination_port, Facts& facts
) noexcept;

/// One UDP payload: DNS when either port is 53, else a QUIC long header (RFC 9000 section 17.2) of
/// a version in use, which is recognised without a name. As classify_tcp() otherwise; never
/// incomplete.
void classify_udp(
    std::span<const std::uint8_t> payload,
    std::uint16_t source_port,
    std::uint16_t destination_port,
    Facts& facts
) noexcept;

}  // namespace sallyport::classifier
