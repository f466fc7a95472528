// SPDX-License-Identifier: Apache-2.0
// The host an HTTP/1.x client asks for, read from its first bytes.
#pragma once

#include "gateway/model/facts.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::classifier {

/// Longest method taken for one; the longest registered is UPDATEREDIRECTREF (RFC 4437), 17 bytes.
inline constexpr std::size_t kHttpMethodBytesMax = 32;
/// Request line and fields looked at. Servers stop at 8 KiB a line (Apache, nginx) or 16 KiB in all
/// (Node).
inline constexpr std::size_t kHttpHeadBytesMax = 16384;

/// Reads the request line and fields (RFC 9112) a client sent first on a TCP connection.
///
/// The name is the authority of the target if it has one (absolute form and CONNECT, RFC 9112
/// section 3.2.2), else that of Host; port and user information are left out, a literal IPv6
/// address stands in its RFC 5952 text without brackets. Read as lenient servers do: blank lines
/// first, lines that end in LF alone, any case, blanks or none after the colon.
///
/// complete: the head ended. HTTP/0.9 ("GET /x" and a line end) and the preface of HTTP/2 are
/// complete and have no Host. incomplete: well formed so far and cut; the name is reported if its
/// line was here. malformed: it is HTTP and breaks its rules, or the head passes kHttpHeadBytesMax.
/// Where two readers could see two hosts `name_invalid` is set as well: Hosts or authorities that
/// differ, folded lines, blanks around the field's name, a carriage return alone, user information
/// or a bad port in Host. not_this_protocol: the first line is no request line.
///
/// Pure, no allocation, time linear in the size of `payload`; any thread. Clears `facts` first.
ParseState parse_http_request(std::span<const std::uint8_t> payload, Facts& facts) noexcept;

}  // namespace sallyport::classifier
