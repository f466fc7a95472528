// SPDX-License-Identifier: Apache-2.0
// Goal: the server name of every ClientHello a server would serve, and a flag on every one that two
// servers could read differently. Method: hellos by hand, cut at every length and over records of
// every size, one byte changed at a time, and the spellings of E9 (failures and attacks).
#include "classifier/tls.h"

#include "tests/support/packet_bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sallyport::classifier {
namespace {

using test::Bytes;
using test::bytes_of;
using test::operator+;  // NOLINT(misc-unused-using-decls): operators are not seen
using test::client_hello;
using test::ClientHello;
using test::padding_extension;
using test::server_name_extension;
using test::ServerName;
using test::supported_versions_extension;
using test::tls_extension;
using test::tls_record;
using test::tls_records;

struct Seen {
    ParseState state = ParseState::not_this_protocol;
    std::string name;
    bool invalid = false;
    NameSource source = NameSource::none;
    std::uint16_t version = 0;
    AppProtocol protocol = AppProtocol::none;
};

Seen see(const Bytes& payload) {
    Facts facts;
    const ParseState state = parse_client_hello(payload, facts);
    EXPECT_EQ(state, facts.state);
    return {
        state,
        std::string(facts.name_view()),
        facts.name_invalid,
        facts.name_source,
        facts.tls_version,
        facts.protocol};
}

Seen see_name(std::string_view host) {
    return see(ClientHello().add(server_name_extension(host)).record());
}

TEST(Tls, ReadsNameAndVersion) {
    const Seen seen = see(client_hello("WWW.Example.com"));
    EXPECT_EQ(seen.state, ParseState::complete);
    EXPECT_EQ(seen.protocol, AppProtocol::tls);
    EXPECT_EQ(seen.name, "www.example.com");
    EXPECT_EQ(seen.source, NameSource::sni);
    EXPECT_FALSE(seen.invalid);
    EXPECT_EQ(seen.version, 0x0304);
}

TEST(Tls, VersionIsTheHighestOffered) {
    const auto version = [](std::uint16_t legacy, const std::vector<std::uint16_t>& offered) {
        ClientHello hello;
        hello.legacy_version = legacy;
        if (!offered.empty()) {
            hello.add(supported_versions_extension(offered));
        }
        return see(hello.record()).version;
    };
    EXPECT_EQ(version(0x0303, {}), 0x0303);
    EXPECT_EQ(version(0x0301, {}), 0x0301);
    EXPECT_EQ(version(0x0300, {}), 0x0300);
    EXPECT_EQ(version(0x0303, {0x0303, 0x0304, 0x0302}), 0x0304);
    EXPECT_EQ(version(0x0303, {0x0303, 0x0302}), 0x0303);
    EXPECT_EQ(version(0x0303, {0xFAFA, 0x0303}), 0x0303) << "GREASE, RFC 8701";
    EXPECT_EQ(version(0x0303, {0x7F1C}), 0x0304) << "draft-28 of TLS 1.3";
    EXPECT_EQ(version(0x0303, {0xFB1A}), 0x0304) << "Fizz";
    EXPECT_EQ(version(0x0303, {0x0A0A}), 0x0303) << "nothing but GREASE";
    // supported_versions outranks the legacy field even when it says less (RFC 8446 section 4.2.1).
    EXPECT_EQ(version(0x0303, {0x0302}), 0x0302);
}

TEST(Tls, HelloWithoutAName) {
    const Seen none = see(ClientHello().record());
    EXPECT_EQ(none.state, ParseState::complete);
    EXPECT_EQ(none.source, NameSource::none);
    EXPECT_FALSE(none.invalid);
    ClientHello old;
    old.extensions.reset();
    EXPECT_EQ(see(old.record()).state, ParseState::complete) << "TLS 1.2 without extensions";
    old.session_id.clear();
    EXPECT_EQ(see(old.record()).state, ParseState::complete);
}

TEST(Tls, SpellingsOfAName) {
    EXPECT_EQ(see_name("example.com.").name, "example.com");
    EXPECT_FALSE(see_name("example.com.").invalid);
    EXPECT_FALSE(see_name("xn--bcher-kva.example").invalid);
    EXPECT_FALSE(see_name("_a.example").invalid);
    struct Case {
        std::string host;
        std::string_view text;
    };
    for (const Case& one : {
             Case{std::string("a.com\0.b.com", 12), "a.com\\000.b.com"},
             Case{"a b.com", "a\\032b.com"},
             Case{" a.com", "\\032a.com"},
             Case{".a.com", ".a.com"},
             Case{"a..com", "a..com"},
             Case{"a.com..", "a.com."},
             Case{".", ""},
             Case{"b\xC3\xBC.example", "b\\195\\188.example"},
             Case{"*.a.com", "*.a.com"},
             Case{"192.0.2.7", "192.0.2.7"},
             Case{"2001:db8::1", "2001:db8::1"},
             Case{"[2001:db8::1]", "[2001:db8::1]"},
             Case{"a.com:443", "a.com:443"},
             Case{"http://a.com/", "http://a.com/"},
         }) {
        const Seen seen = see_name(one.host);
        EXPECT_EQ(seen.state, ParseState::complete) << one.text;
        EXPECT_EQ(seen.name, one.text);
        EXPECT_TRUE(seen.invalid) << one.text;
        EXPECT_EQ(seen.source, NameSource::sni);
    }
    EXPECT_FALSE(see_name("192.0.2.7.example").invalid);
    EXPECT_FALSE(see_name("host7").invalid);
}

TEST(Tls, LongNames) {
    const std::string label(63, 'a');
    const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
    EXPECT_EQ(see_name(longest).name, longest);
    EXPECT_FALSE(see_name(longest).invalid);
    const Seen longer = see_name("x." + longest.substr(2) + ".evil.example");
    EXPECT_TRUE(longer.invalid);
    EXPECT_TRUE(longer.name.ends_with(".evil.example"));
    EXPECT_TRUE(longer.name.starts_with('.'));
    const Seen huge = see_name(std::string(12000, 'a') + ".evil.example");
    EXPECT_EQ(huge.state, ParseState::complete);
    EXPECT_EQ(huge.name, ".evil.example");
    EXPECT_TRUE(huge.invalid);
}

TEST(Tls, AmbiguousNamesAreMalformedAndInvalid) {
    const Bytes one = server_name_extension("one.example");
    const Bytes two = server_name_extension("two.example");
    const ServerName a{0, bytes_of("one.example")};
    const ServerName b{0, bytes_of("two.example")};
    for (const Bytes& hello : {
             ClientHello().add(one).add(two).record(),
             ClientHello().add(one).add(one).record(),
             ClientHello().add(server_name_extension({a, b})).record(),
             ClientHello().add(server_name_extension({a, a})).record(),
         }) {
        const Seen seen = see(hello);
        EXPECT_EQ(seen.state, ParseState::malformed);
        EXPECT_EQ(seen.name, "one.example");
        EXPECT_TRUE(seen.invalid);
    }
}

TEST(Tls, BrokenServerNameLists) {
    struct Case {
        std::string_view what;
        Bytes extension;
    };
    for (const Case& one : {
             Case{"no list", tls_extension(0, {})},
             Case{"empty list", server_name_extension(std::vector<ServerName>{})},
             Case{"empty name", server_name_extension("")},
             Case{"list longer than the extension", tls_extension(0, {0, 9, 0, 0, 1, 'a'})},
             Case{"bytes behind the list", tls_extension(0, {0, 4, 0, 0, 1, 'a', 0})},
             Case{"name longer than the list", tls_extension(0, {0, 4, 0, 0, 2, 'a'})},
             Case{"half a name", tls_extension(0, {0, 2, 0, 0})},
         }) {
        const Seen seen = see(ClientHello().add(one.extension).record());
        EXPECT_EQ(seen.state, ParseState::malformed) << one.what;
        EXPECT_TRUE(seen.invalid) << one.what;
        EXPECT_EQ(seen.name, "") << one.what;
    }
}

TEST(Tls, OtherNameTypesAreSkipped) {
    const ServerName other{7, bytes_of("not a host")};
    const ServerName host{0, bytes_of("a.example")};
    const Seen seen = see(ClientHello().add(server_name_extension({other, host})).record());
    EXPECT_EQ(seen.state, ParseState::complete);
    EXPECT_EQ(seen.name, "a.example");
    const Seen none = see(ClientHello().add(server_name_extension({other})).record());
    EXPECT_EQ(none.state, ParseState::complete);
    EXPECT_EQ(none.source, NameSource::none);
}

TEST(Tls, NameAfterABrokenExtensionIsStillSeen) {
    const Seen seen = see(
        ClientHello().add(tls_extension(43, {9})).add(server_name_extension("a.example")).record()
    );
    EXPECT_EQ(seen.state, ParseState::malformed);
    EXPECT_EQ(seen.name, "a.example");
}

TEST(Tls, BrokenHellos) {
    ClientHello long_session;
    long_session.session_id = Bytes(33, 0);
    EXPECT_EQ(see(long_session.record()).state, ParseState::malformed);
    ClientHello no_suites;
    no_suites.cipher_suites.clear();
    EXPECT_EQ(see(no_suites.record()).state, ParseState::malformed);
    ClientHello odd_suites;
    odd_suites.cipher_suites = {1, 2, 3};
    EXPECT_EQ(see(odd_suites.record()).state, ParseState::malformed);
    ClientHello no_compression;
    no_compression.compression_methods.clear();
    EXPECT_EQ(see(no_compression.record()).state, ParseState::malformed);
    ClientHello trailing;
    trailing.add(server_name_extension("a.example"));
    trailing.trailing = {0};
    EXPECT_EQ(see(trailing.record()).state, ParseState::malformed);
    EXPECT_EQ(see(trailing.record()).name, "a.example");
    EXPECT_EQ(see(ClientHello().add({0, 0, 0}).record()).state, ParseState::malformed);
    EXPECT_EQ(
        see(ClientHello().add(supported_versions_extension({})).record()).state,
        ParseState::malformed
    );
    const Bytes versions = supported_versions_extension({0x0304});
    EXPECT_EQ(see(ClientHello().add(versions).add(versions).record()).state, ParseState::malformed);
    // A body that ends before its message does, in a message that is all here.
    EXPECT_EQ(see(tls_record({1, 0, 0, 2, 3, 3})).state, ParseState::malformed);
    EXPECT_EQ(see(tls_record({1, 0, 0, 0})).state, ParseState::malformed);
    EXPECT_EQ(see(tls_record({2, 0, 0, 0})).state, ParseState::malformed) << "a ServerHello";
}

TEST(Tls, RecordsThatAreNoHandshake) {
    EXPECT_EQ(see(bytes_of("GET / HTTP/1.1\r\n")).state, ParseState::not_this_protocol);
    EXPECT_EQ(see(tls_record({1, 2}, 23)).state, ParseState::not_this_protocol) << "data";
    EXPECT_EQ(see({0x16, 0x7F}).state, ParseState::not_this_protocol);
    EXPECT_EQ(see({0x80, 0x2E, 1, 0, 2}).state, ParseState::not_this_protocol) << "SSLv2";
    EXPECT_EQ(see({0x16, 3, 1, 0, 0}).state, ParseState::malformed) << "an empty fragment";
    EXPECT_EQ(see({0x16, 3, 1, 0x40, 1}).state, ParseState::malformed) << "past 2^14";
    EXPECT_EQ(see({0x16, 3, 1, 0x40, 0}).state, ParseState::incomplete);
    EXPECT_EQ(see({}).state, ParseState::incomplete);
    EXPECT_EQ(see({}).protocol, AppProtocol::none);
    EXPECT_EQ(see({0x16}).protocol, AppProtocol::none);
    EXPECT_EQ(see({0x16, 3}).protocol, AppProtocol::tls);
}

TEST(Tls, OddRecordVersionsThatServersTake) {
    const Bytes hello = ClientHello().add(server_name_extension("a.example")).handshake();
    for (const unsigned version : {0x0300U, 0x0304U, 0x03FFU, 0x0200U, 0x0F00U}) {
        EXPECT_EQ(see(tls_record(hello, 22, static_cast<std::uint16_t>(version))).name, "a.example")
            << version;
    }
    // But such a version and no hello is something else.
    EXPECT_EQ(see(tls_record(Bytes{9, 9, 9}, 22, 0x0500)).state, ParseState::not_this_protocol);
    EXPECT_EQ(see(tls_record(Bytes{9, 9, 9}, 22, 0x0301)).state, ParseState::malformed);
}

TEST(Tls, CutAtEveryLengthReportsANameThatIsWhole) {
    const Bytes before = ClientHello().add(server_name_extension("a.example")).record();
    const Bytes hello =
        ClientHello().add(server_name_extension("a.example")).add(padding_extension(100)).record();
    for (std::size_t size = 0; size < hello.size(); ++size) {
        const Bytes cut(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(size));
        const Seen seen = see(cut);
        ASSERT_EQ(seen.state, ParseState::incomplete) << size;
        ASSERT_FALSE(seen.invalid) << size;
        ASSERT_EQ(seen.name, size >= before.size() ? "a.example" : "") << size;
    }
    EXPECT_EQ(see(hello).state, ParseState::complete);
}

TEST(Tls, AnyByteChanged) {
    const Bytes good = client_hello("a.example");
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (unsigned value = 0; value < 256; ++value) {
            Bytes bad = good;
            bad[at] = static_cast<std::uint8_t>(value);
            const Seen seen = see(bad);
            ASSERT_LE(seen.name.size(), kNameBytesMax);
        }
    }
}

TEST(Tls, HelloOverRecordsOfEverySize) {
    const Bytes hello = ClientHello()
                            .add(supported_versions_extension({0x0304}))
                            .add(server_name_extension("www.example.com"))
                            .add(padding_extension(30))
                            .handshake();
    for (std::size_t size = 1; size <= hello.size(); ++size) {
        const Bytes whole = tls_records(hello, size);
        const Seen seen = see(whole);
        ASSERT_EQ(seen.state, ParseState::complete) << size;
        ASSERT_EQ(seen.name, "www.example.com") << size;
        ASSERT_EQ(seen.version, 0x0304) << size;
    }
    const Bytes split = tls_records(hello, 7);
    for (std::size_t size = 0; size < split.size(); ++size) {
        const Bytes cut(split.begin(), split.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_EQ(see(cut).state, ParseState::incomplete) << size;
    }
}

TEST(Tls, WhatMayNotStandBetweenRecordsOfAHello) {
    const Bytes hello = ClientHello()
                            .add(server_name_extension("a.example"))
                            .add(padding_extension(50))
                            .handshake();
    const auto head = static_cast<std::ptrdiff_t>(hello.size() - 30);
    const Bytes first(hello.begin(), hello.begin() + head);
    const Bytes second(hello.begin() + head, hello.end());
    EXPECT_EQ(see(tls_record(first) + tls_record(second)).state, ParseState::complete);
    for (const Bytes& between : {tls_record({1, 0}, 21), tls_record({}, 22)}) {
        const Seen seen = see(tls_record(first) + between + tls_record(second));
        EXPECT_EQ(seen.state, ParseState::malformed);
        EXPECT_EQ(seen.name, "a.example") << "the name came before";
    }
}

TEST(Tls, WhatFollowsAHelloDoesNotMatter) {
    const Bytes hello = client_hello("a.example");
    EXPECT_EQ(see(hello + tls_record({1}, 20)).state, ParseState::complete);
    EXPECT_EQ(see(hello + Bytes(300, 0xFF)).state, ParseState::complete);
    // A second message in the same record.
    const Bytes two =
        ClientHello().add(server_name_extension("a.example")).handshake() + Bytes{8, 0};
    EXPECT_EQ(see(tls_record(two)).state, ParseState::complete);
}

TEST(Tls, LargeHellos) {
    // A post-quantum key share, and padding of 11 KiB before the name.
    const Seen large = see(ClientHello()
                               .add(tls_extension(51, Bytes(1300, 7)))
                               .add(padding_extension(11165))
                               .add(server_name_extension("a.example"))
                               .record());
    EXPECT_EQ(large.state, ParseState::complete);
    EXPECT_EQ(large.name, "a.example");
    // Past the bound only what is within it is read.
    const Bytes past = ClientHello()
                           .add(server_name_extension("a.example"))
                           .add(padding_extension(20000))
                           .handshake();
    const Seen seen = see(tls_records(past, 4096));
    EXPECT_EQ(seen.state, ParseState::incomplete);
    EXPECT_EQ(seen.name, "a.example");
    const Bytes late = ClientHello()
                           .add(padding_extension(20000))
                           .add(server_name_extension("a.example"))
                           .handshake();
    EXPECT_EQ(see(tls_records(late, 4096)).name, "");
}

}  // namespace
}  // namespace sallyport::classifier
