// SPDX-License-Identifier: Apache-2.0
#include "classifier/tls.h"

#include "classifier/byte_cursor.h"
#include "classifier/name_text.h"
#include "gateway/model/address.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace sallyport::classifier {
namespace {

constexpr std::uint8_t kRecordHandshake = 22;  // RFC 8446 section 5.1
constexpr std::uint8_t kHandshakeClientHello = 1;
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kSessionIdBytesMax = 32;
constexpr std::uint16_t kExtensionServerName = 0;
constexpr std::uint16_t kExtensionSupportedVersions = 43;
constexpr std::uint8_t kNameTypeHost = 0;
constexpr std::uint16_t kTls13 = 0x0304;
/// Servers look at the major version of the first record loosely: Go takes anything below 0x1000,
/// others 0x03xx alone. What one of them serves must be read here.
constexpr std::uint8_t kRecordMajorEnd = 0x10;

struct ExtensionsSeen {
    bool server_name = false;
    bool supported_versions = false;
};

// Reads that fail mean "cut" while bytes are still to come and "malformed" once all are here.
ParseState failed(bool whole) noexcept {
    return whole ? ParseState::malformed : ParseState::incomplete;
}

// GREASE values are 0x?A?A with equal bytes (RFC 8701 section 2).
bool is_grease(std::uint16_t value) noexcept {
    return (value & 0x0F0FU) == 0x0A0AU && (value >> 8U) == (value & 0xFFU);
}

// A version as events show it; 0 for what is none.
std::uint16_t version_of(std::uint16_t value) noexcept {
    if (is_grease(value)) {
        return 0;
    }
    const unsigned major = value >> 8U;
    if (major == 0x7F || major == 0xFB) {
        return kTls13;  // drafts of the RFC, and of Facebook's Fizz
    }
    return major == 3 ? value : std::uint16_t{0};
}

ParseState parse_versions(ByteCursor data, Facts& facts) noexcept {
    ByteCursor versions;
    if (!data.take_u8(versions) || !data.empty() || versions.empty()) {
        return ParseState::malformed;
    }
    std::uint16_t highest = 0;
    while (!versions.empty()) {
        std::uint16_t value = 0;
        if (!versions.read_u16(value)) {
            return ParseState::malformed;
        }
        highest = std::max(highest, version_of(value));
    }
    if (highest != 0) {
        facts.tls_version = highest;  // outranks legacy_version, RFC 8446 section 4.2.1
    }
    return ParseState::complete;
}

void store_host_name(std::span<const std::uint8_t> host, Facts& facts) noexcept {
    NameText name;
    name.assign(host);
    name.store(NameSource::sni, facts);
    // Literal addresses are not host names (RFC 6066 section 3). IPv6 already fails by its colons,
    // and only what ends in a digit can be IPv4.
    const std::string_view text = facts.name_view();
    if (!facts.name_invalid && text.back() >= '0' && text.back() <= '9' && IpAddress::parse(text)) {
        facts.name_invalid = true;
    }
}

ParseState parse_server_name(ByteCursor data, Facts& facts) noexcept {
    ByteCursor names;
    if (!data.take_u16(names) || !data.empty() || names.empty()) {
        return ParseState::malformed;
    }
    bool seen = false;
    while (!names.empty()) {
        std::uint8_t type = 0;
        ByteCursor name;
        if (!names.read_u8(type) || !names.take_u16(name)) {
            return ParseState::malformed;
        }
        if (type != kNameTypeHost) {
            continue;
        }
        if (seen || name.empty()) {
            return ParseState::malformed;
        }
        seen = true;
        store_host_name(name.rest(), facts);
    }
    return ParseState::complete;
}

// One extension of the two that are read; each may be there once (RFC 8446 section 4.2).
ParseState parse_extension(
    std::uint16_t type, ByteCursor data, ExtensionsSeen& seen, Facts& facts
) noexcept {
    if (type == kExtensionSupportedVersions) {
        const bool again = std::exchange(seen.supported_versions, true);
        return again ? ParseState::malformed : parse_versions(data, facts);
    }
    if (type == kExtensionServerName) {
        const bool again = std::exchange(seen.server_name, true);
        const ParseState state = again ? ParseState::malformed : parse_server_name(data, facts);
        facts.name_invalid |= state == ParseState::malformed;
        return state;
    }
    return ParseState::complete;
}

// Walks the extensions. `whole`: `extensions` holds all of them.
ParseState parse_extensions(ByteCursor extensions, bool whole, Facts& facts) noexcept {
    ParseState state = ParseState::complete;
    ExtensionsSeen seen;
    while (!extensions.empty()) {
        std::uint16_t type = 0;
        ByteCursor data;
        if (!extensions.read_u16(type) || !extensions.take_u16(data)) {
            return state == ParseState::malformed ? state : failed(whole);
        }
        if (parse_extension(type, data, seen, facts) == ParseState::malformed) {
            state = ParseState::malformed;  // and go on: a name may follow
        }
    }
    return state == ParseState::malformed || whole ? state : ParseState::incomplete;
}

// `body` holds the bytes of the ClientHello that are here; `whole` when these are all.
ParseState parse_body(ByteCursor body, bool whole, Facts& facts) noexcept {
    std::uint16_t version = 0;
    if (!body.read_u16(version)) {
        return failed(whole);
    }
    facts.tls_version = version_of(version);
    ByteCursor session;
    ByteCursor suites;
    ByteCursor compressions;
    if (!body.skip(kRandomBytes) || !body.take_u8(session)) {
        return failed(whole);
    }
    if (session.remaining() > kSessionIdBytesMax) {
        return ParseState::malformed;
    }
    if (!body.take_u16(suites)) {
        return failed(whole);
    }
    if (suites.empty() || suites.remaining() % 2 != 0) {
        return ParseState::malformed;
    }
    if (!body.take_u8(compressions)) {
        return failed(whole);
    }
    if (compressions.empty()) {
        return ParseState::malformed;
    }
    if (body.empty()) {
        return whole ? ParseState::complete
                     : ParseState::incomplete;  // TLS 1.2 allows no extensions
    }
    std::uint16_t size = 0;
    if (!body.read_u16(size)) {
        return failed(whole);
    }
    ByteCursor extensions;
    if (body.take(size, extensions)) {
        const ParseState state = parse_extensions(extensions, true, facts);
        const bool fits = body.empty();  // nothing follows the extensions
        return state == ParseState::malformed || !fits ? ParseState::malformed
               : whole                                 ? state
                                                       : ParseState::incomplete;
    }
    const ParseState state = parse_extensions(ByteCursor(body.rest()), false, facts);
    return whole ? ParseState::malformed : state;
}

// `handshake` holds the handshake bytes that are here; `more`: a later packet may bring others.
ParseState parse_handshake(ByteCursor handshake, bool more, Facts& facts) noexcept {
    std::uint8_t type = 0;
    if (!handshake.read_u8(type)) {
        return failed(!more);
    }
    if (type != kHandshakeClientHello) {
        return ParseState::malformed;
    }
    std::uint32_t size = 0;
    if (!handshake.read_u24(size)) {
        return failed(!more);
    }
    ByteCursor body;
    if (handshake.take(size, body)) {
        return parse_body(body, true, facts);
    }
    return parse_body(ByteCursor(handshake.rest()), false, facts);
}

enum class Fragment : std::uint8_t {
    whole,      ///< a record, all of it
    cut,        ///< the start of a record
    none,       ///< not even its header
    malformed,  ///< not a handshake record, or one of a forbidden size
};

// The next record's content. RFC 8446 section 5.1: handshake messages are not interleaved with
// other types, and their fragments are not empty.
Fragment next_fragment(ByteCursor& records, ByteCursor& fragment) noexcept {
    std::uint8_t type = 0;
    std::uint8_t major = 0;
    std::uint8_t minor = 0;
    std::uint16_t size = 0;
    if (!records.read_u8(type)) {
        return Fragment::none;
    }
    if (type != kRecordHandshake) {
        return Fragment::malformed;
    }
    if (!records.read_u8(major)) {
        return Fragment::none;
    }
    if (major >= kRecordMajorEnd) {
        return Fragment::malformed;
    }
    if (!records.read_u8(minor) || !records.read_u16(size)) {
        return Fragment::none;
    }
    if (size == 0 || size > kTlsRecordBytesMax) {
        return Fragment::malformed;
    }
    if (records.take(size, fragment)) {
        return Fragment::whole;
    }
    fragment = ByteCursor(records.rest());
    return Fragment::cut;
}

// True when `handshake` begins with a whole message.
bool holds_message(ByteCursor handshake) noexcept {
    std::uint8_t type = 0;
    std::uint32_t size = 0;
    return handshake.read_u8(type) && handshake.read_u24(size) && handshake.remaining() >= size;
}

// A ClientHello over several records: joined on the stack, which no other hello pays for.
[[gnu::noinline]] ParseState parse_joined(
    ByteCursor first, ByteCursor records, Facts& facts
) noexcept {
    std::array<std::uint8_t, kClientHelloBytesMax> joined;  // NOLINT: only [0, size) is read
    std::size_t size = 0;
    ByteCursor fragment = first;
    Fragment kind = Fragment::whole;
    for (;;) {
        const std::size_t count = std::min(fragment.remaining(), joined.size() - size);
        if (count != 0) {
            std::memcpy(joined.data() + size, fragment.rest().data(), count);
            size += count;
        }
        const ByteCursor so_far(std::span<const std::uint8_t>(joined.data(), size));
        if (kind == Fragment::cut || size == joined.size() || holds_message(so_far)) {
            return parse_handshake(so_far, true, facts);
        }
        fragment = ByteCursor();
        kind = next_fragment(records, fragment);
        if (kind == Fragment::malformed) {
            (void)parse_handshake(so_far, true, facts);  // for the name, if it came before
            return ParseState::malformed;
        }
        if (kind == Fragment::none) {
            kind = Fragment::cut;
        }
    }
}

bool odd_major(std::span<const std::uint8_t> payload) noexcept {
    ByteCursor cursor(payload);
    std::uint8_t major = 0;
    return cursor.skip(1) && cursor.read_u8(major) && major != 3;
}

ParseState parse(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    ByteCursor records(payload);
    ByteCursor fragment;
    const Fragment kind = next_fragment(records, fragment);
    // The first two bytes tell TLS from other protocols; after them a wrong length is TLS gone
    // wrong.
    if (kind == Fragment::malformed && records.position() <= 2) {
        return ParseState::not_this_protocol;
    }
    if (payload.size() >= 2) {
        facts.protocol = AppProtocol::tls;
    }
    switch (kind) {
        case Fragment::malformed:
            return ParseState::malformed;
        case Fragment::none:
            return ParseState::incomplete;
        case Fragment::cut:
            return parse_handshake(fragment, true, facts);
        case Fragment::whole:
            break;
    }
    return holds_message(fragment) ? parse_handshake(fragment, false, facts)
                                   : parse_joined(fragment, records, facts);
}

}  // namespace

ParseState parse_client_hello(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    facts.clear();
    facts.state = parse(payload, facts);
    // An odd version alone is no sign of TLS: what then fails to be a hello was another protocol.
    if (facts.state == ParseState::malformed && odd_major(payload) && !facts.name_invalid &&
        facts.name_size == 0) {
        facts.clear();
    }
    return facts.state;
}

}  // namespace sallyport::classifier
