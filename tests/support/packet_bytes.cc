// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_bytes.h"

#include <algorithm>

namespace sallyport::test {
namespace {

void append(Bytes& out, const Bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}

// `content` behind its size in `size_bytes` bytes, big endian.
Bytes sized(std::size_t size_bytes, const Bytes& content) {
    Bytes out;
    for (std::size_t i = size_bytes; i > 0; --i) {
        out.push_back(static_cast<std::uint8_t>(content.size() >> (8 * (i - 1))));
    }
    append(out, content);
    return out;
}

}  // namespace

Bytes bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}

Bytes operator+(Bytes first, const Bytes& second) {
    append(first, second);
    return first;
}

Bytes be16(std::uint16_t value) {
    return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

Bytes be32(std::uint32_t value) {
    return be16(static_cast<std::uint16_t>(value >> 16U)) + be16(static_cast<std::uint16_t>(value));
}

Bytes dns_name(std::string_view dotted) {
    std::vector<std::string> labels;
    while (!dotted.empty()) {
        const std::size_t dot = dotted.find('.');
        labels.emplace_back(dotted.substr(0, dot));
        dotted = dot == std::string_view::npos ? std::string_view{} : dotted.substr(dot + 1);
    }
    return dns_labels(labels);
}

Bytes dns_labels(const std::vector<std::string>& labels) {
    Bytes out;
    for (const std::string& label : labels) {
        append(out, sized(1, bytes_of(label)));
    }
    out.push_back(0);
    return out;
}

Bytes dns_pointer(std::uint16_t offset) {
    return be16(static_cast<std::uint16_t>(0xC000U | offset));
}

DnsMessage& DnsMessage::question(
    const Bytes& name, std::uint16_t type, std::uint16_t record_class
) {
    append(body_, name + be16(type) + be16(record_class));
    ++questions_;
    return *this;
}

DnsMessage& DnsMessage::question(std::string_view dotted, std::uint16_t type) {
    return question(dns_name(dotted), type);
}

DnsMessage& DnsMessage::answer(
    const Bytes& owner,
    std::uint16_t type,
    const Bytes& data,
    std::uint32_t ttl_seconds,
    std::uint16_t record_class
) {
    append(body_, owner + be16(type) + be16(record_class) + be32(ttl_seconds) + sized(2, data));
    ++answers_;
    return *this;
}

DnsMessage& DnsMessage::question_count(std::uint16_t count) {
    questions_ = count;
    return *this;
}

DnsMessage& DnsMessage::answer_count(std::uint16_t count) {
    answers_ = count;
    return *this;
}

std::uint16_t DnsMessage::size() const {
    return static_cast<std::uint16_t>(12 + body_.size());
}

Bytes DnsMessage::build() const {
    return be16(id_) + be16(flags_) + be16(questions_) + be16(answers_) + be32(0) + body_;
}

Bytes tls_extension(std::uint16_t type, const Bytes& data) {
    return be16(type) + sized(2, data);
}

Bytes server_name_extension(const std::vector<ServerName>& names) {
    Bytes list;
    for (const auto& [type, name] : names) {
        append(list, Bytes{type} + sized(2, name));
    }
    return tls_extension(0, sized(2, list));
}

Bytes server_name_extension(std::string_view host) {
    return server_name_extension({ServerName{0, bytes_of(host)}});
}

Bytes supported_versions_extension(const std::vector<std::uint16_t>& versions) {
    Bytes list;
    for (const std::uint16_t version : versions) {
        append(list, be16(version));
    }
    return tls_extension(43, sized(1, list));
}

Bytes padding_extension(std::size_t size) {
    return tls_extension(21, Bytes(size, 0));
}

ClientHello& ClientHello::add(const Bytes& extension) {
    if (!extensions) {
        extensions.emplace();
    }
    append(*extensions, extension);
    return *this;
}

Bytes ClientHello::handshake() const {
    Bytes body = be16(legacy_version) + Bytes(32, 0x5A) + sized(1, session_id) +
                 sized(2, cipher_suites) + sized(1, compression_methods);
    if (extensions) {
        append(body, sized(2, *extensions));
    }
    append(body, trailing);
    return Bytes{1} + sized(3, body);
}

Bytes ClientHello::record() const {
    return tls_record(handshake());
}

Bytes tls_record(const Bytes& content, std::uint8_t type, std::uint16_t version) {
    return Bytes{type} + be16(version) + sized(2, content);
}

Bytes tls_records(const Bytes& content, std::size_t size) {
    Bytes out;
    for (std::size_t at = 0; at < content.size(); at += size) {
        const auto first = content.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(size, content.size() - at);
        append(out, tls_record(Bytes(first, first + static_cast<std::ptrdiff_t>(count))));
    }
    return out;
}

Bytes client_hello(std::string_view host) {
    ClientHello hello;
    hello.add(tls_extension(0x1A1A, {}));  // GREASE
    hello.add(server_name_extension(host));
    hello.add(supported_versions_extension({0x2A2A, 0x0304, 0x0303}));
    return hello.record();
}

Bytes http_request(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
        text += line + "\r\n";
    }
    return bytes_of(text + "\r\n");
}

}  // namespace sallyport::test
