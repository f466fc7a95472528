// SPDX-License-Identifier: Apache-2.0
// Goal: the first payload of a flow is taken for what it is, and nothing of an earlier packet stays
// behind.
#include "classifier/classify.h"

#include "tests/support/packet_bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sallyport::classifier {
namespace {

using test::be16;
using test::be32;
using test::Bytes;
using test::bytes_of;
using test::operator+;  // NOLINT(misc-unused-using-decls): operators are not seen
using test::client_hello;
using test::DnsMessage;
using test::http_request;

Facts tcp(const Bytes& payload, std::uint16_t port = 443) {
    Facts facts;
    classify_tcp(payload, port, facts);
    return facts;
}

Facts udp(const Bytes& payload, std::uint16_t source_port, std::uint16_t destination_port) {
    Facts facts;
    classify_udp(payload, source_port, destination_port, facts);
    return facts;
}

// A long header with connection ids of 8 and 0 bytes.
Bytes quic(std::uint32_t version, std::uint8_t first = 0xC3) {
    return Bytes{first} + be32(version) + Bytes{8, 1, 2, 3, 4, 5, 6, 7, 8, 0} + Bytes(1185, 0x99);
}

TEST(Classify, TcpByContentNotByPort) {
    for (const std::uint16_t port : {std::uint16_t{22}, std::uint16_t{53}, std::uint16_t{443}}) {
        EXPECT_EQ(tcp(client_hello("a.example"), port).protocol, AppProtocol::tls);
        EXPECT_EQ(tcp(client_hello("a.example"), port).name_view(), "a.example");
        const Facts http = tcp(http_request({"GET / HTTP/1.1", "Host: b.example"}), port);
        EXPECT_EQ(http.protocol, AppProtocol::http);
        EXPECT_EQ(http.name_view(), "b.example");
        const Facts ssh = tcp(bytes_of("SSH-2.0-OpenSSH_9.2\r\n"), port);
        EXPECT_EQ(ssh.protocol, AppProtocol::ssh);
        EXPECT_EQ(ssh.state, ParseState::complete);
        EXPECT_EQ(ssh.name_source, NameSource::none);
    }
}

TEST(Classify, TcpPrefixesWaitForMore) {
    for (const std::string_view text : {"", "S", "SSH", "G", "GET", "\x16"}) {
        const Facts facts = tcp(bytes_of(text));
        EXPECT_EQ(facts.state, ParseState::incomplete) << text;
        EXPECT_EQ(facts.protocol, AppProtocol::none) << text;
    }
    EXPECT_EQ(tcp({0x00, 0x01, 0x02}).state, ParseState::not_this_protocol);
    EXPECT_EQ(tcp(bytes_of("SSHX")).protocol, AppProtocol::none);
    EXPECT_EQ(tcp(bytes_of("EHLO a.example\r\n")).state, ParseState::not_this_protocol);
}

TEST(Classify, DnsOverTcpWhenTheMessageIsWhole) {
    const Bytes message = DnsMessage().question("a.example").build();
    const Bytes framed = be16(static_cast<std::uint16_t>(message.size())) + message;
    const Facts facts = tcp(framed, 53);
    EXPECT_EQ(facts.protocol, AppProtocol::dns);
    EXPECT_EQ(facts.name_view(), "a.example");
    EXPECT_EQ(tcp(framed, 443).protocol, AppProtocol::none);
    EXPECT_EQ(tcp(framed + framed, 53).name_view(), "a.example") << "the first of several";
    const Bytes cut(framed.begin(), framed.end() - 1);
    EXPECT_EQ(tcp(cut, 53).protocol, AppProtocol::none);
}

TEST(Classify, DnsOnEitherPort) {
    const Bytes message = DnsMessage().question("a.example").build();
    EXPECT_EQ(udp(message, 40000, 53).name_view(), "a.example");
    EXPECT_EQ(udp(message, 53, 40000).name_view(), "a.example");
    EXPECT_EQ(udp(message, 40000, 5353).protocol, AppProtocol::none);
    const Facts bad = udp(Bytes(40, 0xFF), 40000, 53);
    EXPECT_EQ(bad.protocol, AppProtocol::dns);
    EXPECT_EQ(bad.state, ParseState::malformed);
    EXPECT_EQ(udp({1, 2, 3}, 40000, 53).state, ParseState::not_this_protocol);
}

TEST(Classify, QuicIsRecognisedWithoutAName) {
    for (const std::uint32_t version :
         {0x00000001U, 0x6B3343CFU, 0xFF00001DU, 0xFF00001CU, 0xFF000016U, 0xFF000022U}) {
        for (const std::uint16_t port :
             {std::uint16_t{443}, std::uint16_t{4433}, std::uint16_t{53}}) {
            const Facts facts = udp(quic(version), 50000, port);
            EXPECT_EQ(facts.protocol, AppProtocol::quic) << version << ' ' << port;
            EXPECT_EQ(facts.state, ParseState::complete);
            EXPECT_EQ(facts.name_source, NameSource::none);
        }
    }
    EXPECT_EQ(udp(quic(1, 0x83), 50000, 443).protocol, AppProtocol::quic) << "greased fixed bit";
    EXPECT_EQ(udp(quic(0), 443, 50000).protocol, AppProtocol::quic) << "version negotiation";
    EXPECT_EQ(udp(quic(0x1A2A3A4A), 50000, 443).protocol, AppProtocol::quic) << "reserved version";
    EXPECT_EQ(udp(quic(0x1A2A3A4A), 50000, 4433).protocol, AppProtocol::none);
    EXPECT_EQ(udp(quic(0x51303436), 50000, 443).protocol, AppProtocol::none) << "gQUIC";
    EXPECT_EQ(udp(quic(0xFF000023), 50000, 443).protocol, AppProtocol::none);
    EXPECT_EQ(udp(quic(1, 0x43), 50000, 443).protocol, AppProtocol::none) << "short header";
}

TEST(Classify, QuicCutOrWithLongConnectionIds) {
    const Bytes good = quic(1);
    constexpr std::size_t kHeaderBytes = 1 + 4 + 1 + 8 + 1;
    for (std::size_t size = 0; size < kHeaderBytes; ++size) {
        const Bytes cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(udp(cut, 50000, 443).protocol, AppProtocol::none) << size;
    }
    Bytes long_id = Bytes{0xC0} + be32(1) + Bytes{21} + Bytes(100, 0);
    EXPECT_EQ(udp(long_id, 50000, 443).protocol, AppProtocol::none);
    long_id[5] = 20;
    EXPECT_EQ(udp(long_id, 50000, 443).protocol, AppProtocol::quic);
}

TEST(Classify, NothingStaysBehind) {
    Facts used;
    classify_udp(
        DnsMessage(test::kDnsFlagsAnswer)
            .question("a.example")
            .answer(test::dns_pointer(12), 1, {1, 2, 3, 4})
            .build(),
        53,
        40000,
        used
    );
    ASSERT_NE(used.dns.answers_size, 0);
    const auto expect_clean = [](const Facts& facts, const char* what) {
        EXPECT_EQ(facts.name_source, NameSource::none) << what;
        EXPECT_EQ(facts.name_size, 0) << what;
        EXPECT_FALSE(facts.name_invalid) << what;
        EXPECT_EQ(facts.tls_version, 0) << what;
        EXPECT_EQ(facts.dns.answers_size, 0) << what;
        EXPECT_EQ(facts.dns.question_end, 0) << what;
        EXPECT_FALSE(facts.dns.is_response) << what;
    };
    for (const Bytes& payload :
         {Bytes{}, bytes_of("SSH-2.0-x\r\n"), Bytes{0, 1}, bytes_of("GET /\r\n")}) {
        Facts facts = used;
        classify_tcp(payload, 22, facts);
        expect_clean(facts, "tcp");
    }
    Facts facts = used;
    classify_tcp(client_hello("b.example"), 443, facts);
    classify_udp(quic(1), 40000, 443, facts);
    expect_clean(facts, "quic after tls");
    EXPECT_EQ(facts.protocol, AppProtocol::quic);
    facts = used;
    classify_udp(Bytes{1, 2, 3}, 1000, 1000, facts);
    expect_clean(facts, "neither");
    EXPECT_EQ(facts.protocol, AppProtocol::none);
}

TEST(Classify, RandomBytes) {
    std::mt19937 random(7);
    Facts facts;
    for (int i = 0; i < 100000; ++i) {
        Bytes payload(random() % 96);
        for (auto& byte : payload) {
            byte = static_cast<std::uint8_t>(random());
        }
        if (!payload.empty() && i % 2 == 0) {
            payload[0] = i % 4 == 0 ? 0x16 : 0xC0;
        }
        classify_tcp(payload, i % 3 == 0 ? 53 : 443, facts);
        ASSERT_LE(facts.name_size, kNameBytesMax);
        classify_udp(payload, 40000, i % 3 == 0 ? 53 : 443, facts);
        ASSERT_LE(facts.name_size, kNameBytesMax);
        ASSERT_LE(facts.dns.answers_size, kDnsAnswerBytesMax);
    }
}

}  // namespace
}  // namespace sallyport::classifier
