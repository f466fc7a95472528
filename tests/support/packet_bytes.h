// SPDX-License-Identifier: Apache-2.0
// Builders of application payloads for tests: DNS messages, TLS ClientHellos, HTTP requests. They
// write what they are told, lies included; lengths fill themselves in unless a test overrides them.
#pragma once

#include "tests/support/bytes.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::test {

/// Bytes of a text.
Bytes bytes_of(std::string_view text);
/// `first` followed by `second`.
Bytes operator+(Bytes first, const Bytes& second);
/// Big endian.
Bytes be16(std::uint16_t value);
Bytes be32(std::uint32_t value);

inline constexpr std::uint16_t kDnsTypeA = 1;
inline constexpr std::uint16_t kDnsTypeCname = 5;
inline constexpr std::uint16_t kDnsTypeAaaa = 28;
inline constexpr std::uint16_t kDnsFlagsQuery = 0x0100;   ///< RD
inline constexpr std::uint16_t kDnsFlagsAnswer = 0x8180;  ///< QR, RD, RA

/// A name in wire form: "a.example" becomes 1 a 7 example 0. Labels are not checked; "" is the
/// root.
Bytes dns_name(std::string_view dotted);
/// A name from labels that may hold any byte, ended by the root.
Bytes dns_labels(const std::vector<std::string>& labels);
/// A compression pointer.
Bytes dns_pointer(std::uint16_t offset);

/// A DNS message: header counts follow from what was added unless set.
class DnsMessage {
public:
    explicit DnsMessage(std::uint16_t flags = kDnsFlagsQuery, std::uint16_t id = 0x1234)
        : id_(id),
          flags_(flags) {}

    DnsMessage& question(
        const Bytes& name, std::uint16_t type = kDnsTypeA, std::uint16_t record_class = 1
    );
    DnsMessage& question(std::string_view dotted, std::uint16_t type = kDnsTypeA);
    DnsMessage& answer(
        const Bytes& owner,
        std::uint16_t type,
        const Bytes& data,
        std::uint32_t ttl_seconds = 60,
        std::uint16_t record_class = 1
    );
    DnsMessage& question_count(std::uint16_t count);
    DnsMessage& answer_count(std::uint16_t count);
    /// Offset at which the next thing added will stand.
    [[nodiscard]] std::uint16_t size() const;
    [[nodiscard]] Bytes build() const;

private:
    std::uint16_t id_;
    std::uint16_t flags_;
    std::uint16_t questions_ = 0;
    std::uint16_t answers_ = 0;
    Bytes body_;
};

/// One entry of a server_name list: type 0 is a host name.
using ServerName = std::pair<std::uint8_t, Bytes>;

/// An extension: type, size, data.
Bytes tls_extension(std::uint16_t type, const Bytes& data);
/// server_name with these entries (RFC 6066 section 3).
Bytes server_name_extension(const std::vector<ServerName>& names);
Bytes server_name_extension(std::string_view host);
Bytes supported_versions_extension(const std::vector<std::uint16_t>& versions);
/// Padding (RFC 7685) of this many bytes.
Bytes padding_extension(std::size_t size);

/// A ClientHello's body. Fields are what a common client sends; change what a test is about.
struct ClientHello {
    std::uint16_t legacy_version = 0x0303;
    Bytes session_id = Bytes(32, 0xE0);
    Bytes cipher_suites = {0x13, 0x01, 0x13, 0x02, 0xC0, 0x2F};
    Bytes compression_methods = {0x00};
    std::optional<Bytes> extensions = Bytes{};  ///< nothing: not even their length
    Bytes trailing;

    ClientHello& add(const Bytes& extension);
    /// As a handshake message: type 1, length, body.
    [[nodiscard]] Bytes handshake() const;
    /// In one record.
    [[nodiscard]] Bytes record() const;
};

/// One handshake record around `content`.
Bytes tls_record(const Bytes& content, std::uint8_t type = 22, std::uint16_t version = 0x0301);
/// `content` in records of at most `size` bytes each.
Bytes tls_records(const Bytes& content, std::size_t size);
/// What a client of TLS 1.3 sends for this host.
Bytes client_hello(std::string_view host);

/// A request head from its lines, each ended by CRLF, and the empty line.
Bytes http_request(const std::vector<std::string>& lines);

}  // namespace sallyport::test
