// SPDX-License-Identifier: Apache-2.0
// One DNS message: header, first question, and the addresses and aliases among its answers.
#pragma once

#include "gateway/model/facts.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::classifier {

inline constexpr std::size_t kDnsHeaderBytes = 12;     // RFC 1035 section 4.1.1
inline constexpr std::size_t kDnsNameOctetsMax = 255;  // RFC 1035 section 2.3.4
/// Pointers followed in one name. Senders use one or two; RFC 9267 asks for a bound.
inline constexpr unsigned kDnsPointerHopsMax = 16;
/// Answers looked at; more make DnsFacts::truncated. DnsFacts::answers has room for 21 addresses.
inline constexpr unsigned kDnsAnswersMax = 64;

/// Reads a whole DNS message (the payload of a UDP datagram, or what a length of DNS over TCP
/// frames).
///
/// complete: header, first question and answers are well formed. The name is the question's; it is
/// empty for the root and when QDCOUNT is 0 (then name_source is none). malformed: a name, a record
/// or a count breaks its rules (two questions, RFC 9619; a pointer that does not point backward or
/// more than kDnsPointerHopsMax of them, RFC 9267; over 255 octets; cut anywhere). What was read
/// before it stands: `dns.question_end` is 0 unless the first question was read whole, and
/// `name_invalid` is set when its name could not be read.
/// not_this_protocol: shorter than a header. Never incomplete: a datagram has no second part.
///
/// Pure, no allocation, time linear in the size of `message`; any thread. Clears `facts` first.
ParseState parse_dns(std::span<const std::uint8_t> message, Facts& facts) noexcept;

}  // namespace sallyport::classifier
