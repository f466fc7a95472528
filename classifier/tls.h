// SPDX-License-Identifier: Apache-2.0
// The server name and the highest version a TLS client offers, read from its first bytes.
#pragma once

#include "gateway/model/facts.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::classifier {

/// Plaintext of one record (RFC 8446 section 5.1).
inline constexpr std::size_t kTlsRecordBytesMax = 16384;
/// Bytes of a ClientHello spread over several records that are looked at; the bound of the project
/// for one hello (large ones carry post-quantum key shares of 2 KiB or padding of 11 KiB).
inline constexpr std::size_t kClientHelloBytesMax = 16384;

/// Reads the start of what a client sent on a TCP connection: TLS records, a ClientHello (RFC 8446
/// section 4.1.2, RFC 5246 section 7.4.1.2), its server_name (RFC 6066 section 3) and
/// supported_versions (RFC 8446 section 4.2.1; GREASE of RFC 8701 ignored, drafts of TLS 1.3 count
/// as 0x0304).
///
/// complete: the whole ClientHello is here; without a server name name_source is none.
/// incomplete: well formed so far and cut. The name is reported if all of its extension was here.
/// malformed: not a ClientHello, or one that breaks its rules. More than one server_name extension
/// or host name, an empty list, an empty name: `name_invalid` too, with the first name if there is
/// one. not_this_protocol: not a handshake record.
///
/// A name that is an IP address is reported and invalid (RFC 6066 forbids it). Pure, no allocation,
/// time linear in the size of `payload`; any thread. Clears `facts` first.
ParseState parse_client_hello(std::span<const std::uint8_t> payload, Facts& facts) noexcept;

}  // namespace sallyport::classifier
