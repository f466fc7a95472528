// SPDX-License-Identifier: Apache-2.0
#include "classifier/http.h"

#include "classifier/byte_cursor.h"
#include "classifier/name_text.h"
#include "gateway/model/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <string_view>

namespace sallyport::classifier {
namespace {

enum Kind : std::uint8_t {
    kToken = 1,         ///< RFC 9110 section 5.6.2: what methods and field names are made of
    kLineBlank = 2,     ///< RFC 9112 section 3: what lenient parsers split the request line at
    kOddLineBlank = 4,  ///< of these, those that are no space
    kAuthorityEnd = 8,  ///< RFC 3986 section 3.2
};

constexpr auto kKinds = [] {
    std::array<std::uint8_t, 256> out{};
    const auto mark = [&out](std::string_view bytes, Kind kind) {
        for (const char c : bytes) {
            out[static_cast<unsigned char>(c)] |= kind;
        }
    };
    mark("!#$%&'*+-.^_`|~0123456789", kToken);
    mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kToken);
    mark(" \t\v\f\r", kLineBlank);
    mark("\t\v\f\r", kOddLineBlank);
    mark("/?#", kAuthorityEnd);
    return out;
}();

// Methods that make a request line recognisable before its version is here (RFC 9110, 5789, 4918).
constexpr std::array<std::string_view, 12> kKnownMethods{
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "PATCH",
    "TRACE",
    "PROPFIND",
    "MKCOL",
    "REPORT"};

constexpr std::size_t kVersionBytesMax = 12;

bool is(char c, Kind kind) noexcept {
    return (kKinds[static_cast<unsigned char>(c)] & kind) != 0;
}

// Offset of the first byte of this kind, the size when there is none.
std::size_t find_kind(std::string_view text, Kind kind) noexcept {
    std::size_t at = 0;
    while (at < text.size() && !is(text[at], kind)) {
        ++at;
    }
    return at;
}

bool has(std::string_view text, Kind kind) noexcept {
    return find_kind(text, kind) != text.size();
}

// Bytes of the token that `text` begins with.
std::size_t token_size(std::string_view text) noexcept {
    std::size_t size = 0;
    while (size < text.size() && is(text[size], kToken)) {
        ++size;
    }
    return size;
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && token_size(text) == text.size();
}

bool is_digits(std::string_view text) noexcept {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) noexcept {
    return text.size() == lower_case.size() &&
           std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) {
               return lower(a) == b;
           });
}

std::string_view trim(std::string_view text, Kind kind) noexcept {
    while (!text.empty() && is(text.front(), kind)) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is(text.back(), kind)) {
        text.remove_suffix(1);
    }
    return text;
}

// RFC 9110 section 5.6.3: what may surround a field's value.
bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

std::string_view trim_value(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::string_view as_text(std::span<const std::uint8_t> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::span<const std::uint8_t> as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Lines of the head, ended by LF or CRLF.
class Lines {
public:
    explicit Lines(std::span<const std::uint8_t> bytes) noexcept : cursor_(bytes) {}

    /// False at the end, or when the last line has no end; rest() is that line then.
    bool next(std::string_view& line) noexcept {
        const std::string_view rest = as_text(cursor_.rest());
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) {
            return false;
        }
        line = rest.substr(0, end);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return cursor_.skip(end + 1);
    }
    [[nodiscard]] std::string_view rest() const noexcept { return as_text(cursor_.rest()); }

private:
    ByteCursor cursor_;
};

// host [ ":" port ] of RFC 9110 section 4.2, with what else was found in it.
struct Authority {
    std::string_view host;
    bool literal6 = false;  ///< host was in brackets
    bool regular = true;    ///< false: readers may disagree on where the host begins or ends
};

Authority split_authority(std::string_view text, bool user_information_allowed) noexcept {
    Authority out;
    if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
        // Browsers end the host at a backslash, RFC 3986 does not.
        out.regular = user_information_allowed && text.find('@') == at &&
                      text.find('\\') == std::string_view::npos;
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        out.literal6 = close != std::string_view::npos;
        out.host = out.literal6 ? text.substr(1, close - 1) : text;
        port = out.literal6 ? text.substr(close + 1) : std::string_view{};
        out.regular = out.regular && out.literal6 && (port.empty() || port.front() == ':');
    } else {
        const std::size_t colon = text.find(':');
        out.host = text.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    }
    if (!port.empty()) {
        port.remove_prefix(1);
    }
    out.regular = out.regular && is_digits(port);
    return out;
}

// A host found in the request, in its canonical text.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): text is not zeroed on purpose.
struct Host {
    std::array<char, kNameBytesMax> text;  // not zeroed: only [0, size) is read
    std::size_t size = 0;
    bool invalid = false;

    [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
    [[nodiscard]] bool same_as(const Facts& facts) const noexcept {
        return view() == facts.name_view() && invalid == facts.name_invalid;
    }
};

void read_host(const Authority& authority, Host& out) noexcept {
    out.invalid = !authority.regular;
    if (authority.literal6) {
        const auto address = IpAddress::parse(authority.host);
        // An address of 16 bytes always has room in the text of a name.
        if (address && address->is_v6() &&
            inet_ntop(AF_INET6, address->bytes.data(), out.text.data(), kNameBytesMax) != nullptr) {
            out.size = std::strlen(out.text.data());
            return;
        }
        out.invalid = true;
    }
    NameText name;
    name.assign(as_bytes(authority.host));
    out.size = name.copy_to(out.text);
    out.invalid |= name.invalid();
}

// The parser's findings so far.
class Request {
public:
    explicit Request(Facts& facts) noexcept : facts_(facts) {}

    void break_rules() noexcept { malformed_ = true; }
    /// Two readers may see two hosts here.
    void doubt() noexcept {
        malformed_ = true;
        facts_.name_invalid = true;
    }
    /// The authority of the target: outranks Host.
    void add_target(std::string_view authority) noexcept { add(split_authority(authority, true)); }
    void add_host_field(std::string_view value) noexcept {
        if (host_seen_) {
            malformed_ = true;  // RFC 9112 section 3.2: one Host
        }
        host_seen_ = true;
        add(split_authority(value, false));
    }
    void require_host() noexcept { malformed_ |= !host_seen_; }
    [[nodiscard]] ParseState end(ParseState state) const noexcept {
        return malformed_ ? ParseState::malformed : state;
    }

private:
    // The first host is kept; one that differs from it is in doubt.
    void add(const Authority& authority) noexcept {
        malformed_ |= !authority.regular;
        if (authority.host.empty()) {
            empty_seen_ = true;
            if (facts_.name_source != NameSource::none) {
                doubt();
            }
            return;
        }
        Host host;
        read_host(authority, host);
        if (facts_.name_source == NameSource::none) {
            std::memcpy(facts_.name.data(), host.text.data(), host.size);
            facts_.name_size = static_cast<std::uint8_t>(host.size);
            facts_.name_source = NameSource::http_host;
            facts_.name_invalid |= host.invalid;
            if (empty_seen_) {
                doubt();
            }
        } else if (!host.same_as(facts_)) {
            doubt();
        }
    }

    Facts& facts_;
    bool malformed_ = false;
    bool host_seen_ = false;
    bool empty_seen_ = false;
};

// The parts of a request line; `version` is empty for HTTP/0.9.
struct RequestLine {
    std::string_view method;
    std::string_view target;
    std::string_view version;
};

RequestLine split_request_line(std::string_view line) noexcept {
    RequestLine out;
    line = trim(line, kLineBlank);
    const std::size_t method_end = find_kind(line, kLineBlank);
    out.method = line.substr(0, method_end);
    std::string_view rest = trim(line.substr(method_end), kLineBlank);
    // The version is the last word, so that a blank in the target does not hide it.
    std::size_t word = rest.size();
    while (word > 0 && rest.size() - word <= kVersionBytesMax && !is(rest[word - 1], kLineBlank)) {
        --word;
    }
    const std::string_view version = rest.substr(word);
    if (word != 0 && version.size() <= kVersionBytesMax &&
        equals_ignoring_case(version.substr(0, 5), "http/")) {
        out.version = version;
        rest = trim(rest.substr(0, word), kLineBlank);
    }
    out.target = rest;
    return out;
}

// "HTTP/1.x" as RFC 9112 section 2.3 writes it.
bool is_version_1(std::string_view version) noexcept {
    return version.size() == 8 && version.starts_with("HTTP/1.") && is_digits(version.substr(7));
}

// The authority of an absolute-form target, RFC 3986 section 3; empty for other forms.
std::string_view authority_of(std::string_view target) noexcept {
    const std::size_t colon = target.find(':');
    if (colon == std::string_view::npos || colon == 0 || target.substr(colon, 3) != "://") {
        return {};
    }
    const char first = lower(target.front());
    if (first < 'a' || first > 'z' || !is_token(target.substr(0, colon))) {
        return {};
    }
    const std::string_view rest = target.substr(colon + 3);
    return rest.substr(0, find_kind(rest, kAuthorityEnd));
}

void read_target(const RequestLine& line, Request& request) noexcept {
    if (has(line.target, kLineBlank)) {
        request.doubt();  // one reader takes the first word, another all of them
    }
    if (line.method == "CONNECT") {
        request.add_target(line.target);
        return;
    }
    if (const std::string_view authority = authority_of(line.target); !authority.empty()) {
        request.add_target(authority);
    }
}

// One field line. Only Host is read; oddities that change where Host is seen count on every line.
void read_field(std::string_view line, Request& request) noexcept {
    if (line.find('\r') != std::string_view::npos) {
        request.doubt();  // RFC 9112 section 2.2: some read it as a line end, some as a blank
    }
    if (is_blank(line.front())) {
        request.doubt();  // folded (RFC 9112 section 5.2), or blanks before the first field (2.2)
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        request.break_rules();
        return;
    }
    const std::string_view name = line.substr(0, colon);
    if (equals_ignoring_case(name, "host")) {
        request.add_host_field(trim_value(line.substr(colon + 1)));
        return;
    }
    if (is_token(name)) {
        return;
    }
    request.break_rules();
    std::size_t first = 0;
    while (first < name.size() && !is(name[first], kToken)) {
        ++first;
    }
    std::size_t end = name.size();
    while (end > first && !is(name[end - 1], kToken)) {
        --end;
    }
    if (equals_ignoring_case(name.substr(first, end - first), "host")) {
        request.doubt();
        request.add_host_field(trim_value(line.substr(colon + 1)));
    }
}

ParseState read_fields(
    Lines& lines, const RequestLine& first, bool capped, Request& request
) noexcept {
    std::string_view line;
    while (lines.next(line)) {
        if (line.empty()) {
            if (first.version == "HTTP/1.1") {
                request.require_host();  // RFC 9112 section 3.2
            }
            return request.end(ParseState::complete);
        }
        read_field(line, request);
    }
    if (capped) {
        request.break_rules();
    }
    return request.end(ParseState::incomplete);
}

// RFC 1945 section 4.1: a simple request has no version and no fields. Some servers read fields all
// the same.
ParseState read_after_simple(
    Lines& lines, const RequestLine& first, bool capped, Request& request
) noexcept {
    if (lines.rest().empty()) {
        return request.end(ParseState::complete);
    }
    if (!lines.rest().starts_with('\n') && !lines.rest().starts_with("\r\n")) {
        request.break_rules();
    }
    return read_fields(lines, first, capped, request);
}

bool is_known_method(std::string_view method) noexcept {
    return std::find(kKnownMethods.begin(), kKnownMethods.end(), method) != kKnownMethods.end();
}

// Cheap and early, because most first payloads that come here are of some other protocol: blank
// lines and blanks, a token of bounded size, and a blank or nothing more.
bool may_be_request(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size() && (text[at] == '\n' || is(text[at], kLineBlank))) {
        ++at;
    }
    text.remove_prefix(at);
    const std::size_t size = token_size(text.substr(0, kHttpMethodBytesMax + 1));
    return text.empty() || (size != 0 && size <= kHttpMethodBytesMax &&
                            (size == text.size() || is(text[size], kLineBlank)));
}

// The first line has no end: its method may already tell.
ParseState parse_unfinished(std::string_view text, bool capped, Facts& facts) noexcept {
    const std::size_t end = find_kind(text, kLineBlank);
    if (end == text.size() || !is_known_method(text.substr(0, end))) {
        return ParseState::incomplete;
    }
    facts.protocol = AppProtocol::http;
    return capped ? ParseState::malformed : ParseState::incomplete;
}

// RFC 9112 section 3 as it is written: one space between the words, none around them.
bool is_strict(std::string_view line) noexcept {
    return !has(line, kOddLineBlank) && line.find("  ") == std::string_view::npos &&
           line.front() != ' ' && line.back() != ' ';
}

ParseState parse_request(std::string_view text, Lines& lines, bool capped, Facts& facts) noexcept {
    const RequestLine line = split_request_line(text);
    if (line.method.size() > kHttpMethodBytesMax || !is_token(line.method) || line.target.empty()) {
        return ParseState::not_this_protocol;
    }
    Request request(facts);
    const bool one_word = !has(line.target, kLineBlank);
    if (line.version.empty() && line.method == "GET" && one_word) {
        facts.protocol = AppProtocol::http;
        read_target(line, request);
        return read_after_simple(lines, line, capped, request);
    }
    if (line.version.empty() && !is_known_method(line.method)) {
        return ParseState::not_this_protocol;  // SMTP, FTP, IRC... have lines like it
    }
    facts.protocol = AppProtocol::http;
    if (line.method == "PRI" && line.version == "HTTP/2.0") {
        return ParseState::complete;  // RFC 9113 section 3.4: names are in frames that follow
    }
    if (!is_version_1(line.version) || !is_strict(text)) {
        request.break_rules();
    }
    read_target(line, request);
    return read_fields(lines, line, capped, request);
}

ParseState parse(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    const bool capped = payload.size() > kHttpHeadBytesMax;
    const std::span<const std::uint8_t> head = capped ? payload.first(kHttpHeadBytesMax) : payload;
    if (!may_be_request(as_text(head))) {
        return ParseState::not_this_protocol;
    }
    Lines lines(head);
    std::string_view text;
    do {
        if (!lines.next(text)) {
            return parse_unfinished(lines.rest(), capped, facts);
        }
    } while (text.empty());  // RFC 9112 section 2.2 asks for one to be skipped; nginx skips all

    return parse_request(text, lines, capped, facts);
}

}  // namespace

ParseState parse_http_request(std::span<const std::uint8_t> payload, Facts& facts) noexcept {
    facts.clear();
    facts.state = parse(payload, facts);
    return facts.state;
}

}  // namespace sallyport::classifier
