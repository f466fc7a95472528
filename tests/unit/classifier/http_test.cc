// SPDX-License-Identifier: Apache-2.0
// Goal: the host every lenient server would serve, and a flag wherever two servers could serve two.
// Method: requests by hand, cut at every length, one byte changed at a time, and the spellings of
// E10.
#include "classifier/http.h"

#include "tests/support/packet_bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sallyport::classifier {
namespace {

using test::Bytes;
using test::bytes_of;

struct Seen {
    ParseState state = ParseState::not_this_protocol;
    std::string name;
    bool invalid = false;
    NameSource source = NameSource::none;
    AppProtocol protocol = AppProtocol::none;
};

Seen see(std::string_view text) {
    const Bytes payload = bytes_of(text);  // a copy, so that a sanitizer sees a read past it
    Facts facts;
    const ParseState state = parse_http_request(payload, facts);
    EXPECT_EQ(state, facts.state);
    return {
        state,
        std::string(facts.name_view()),
        facts.name_invalid,
        facts.name_source,
        facts.protocol};
}

Seen see_host(const std::string& value) {
    return see("GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n");
}

void expect_name(const Seen& seen, std::string_view name, std::string_view what = {}) {
    EXPECT_EQ(seen.state, ParseState::complete) << what;
    EXPECT_EQ(seen.protocol, AppProtocol::http) << what;
    EXPECT_EQ(seen.name, name) << what;
    EXPECT_EQ(seen.source, NameSource::http_host) << what;
    EXPECT_FALSE(seen.invalid) << what;
}

// What two readers may read differently.
void expect_doubt(const Seen& seen, std::string_view name, std::string_view what = {}) {
    EXPECT_EQ(seen.state, ParseState::malformed) << what;
    EXPECT_EQ(seen.name, name) << what;
    EXPECT_TRUE(seen.invalid) << what;
}

TEST(Http, ReadsHost) {
    expect_name(
        see("GET /x?y HTTP/1.1\r\nHost: www.example.com\r\nAccept: */*\r\n\r\n"), "www.example.com"
    );
    expect_name(
        see("POST / HTTP/1.0\r\nX: y\r\nHost: a.example\r\n\r\nbody\r\nHost: b"), "a.example"
    );
    expect_name(see("M-SEARCH * HTTP/1.1\r\nHost: a.example\r\n\r\n"), "a.example", "any token");
}

// What lenient servers accept (E10: hostcase, hostnospace, methodeol, tabs, LF).
TEST(Http, ReadsWhatLenientServersAccept) {
    const std::string get = "GET / HTTP/1.1\r\n";
    expect_name(see(get + "hOsT: A.Example\r\n\r\n"), "a.example");
    expect_name(see(get + "Host:a.example\r\n\r\n"), "a.example");
    expect_name(see(get + "Host:\t a.example \t\r\n\r\n"), "a.example");
    expect_name(see(get + "Host: a.example.\r\n\r\n"), "a.example");
    expect_name(see("GET / HTTP/1.1\nHost: a.example\n\n"), "a.example");
    expect_name(see("\r\n" + get + "Host: a.example\r\n\r\n"), "a.example");
    expect_name(see("\n\n" + get + "Host: a.example\r\n\n"), "a.example");
    for (const std::string_view line :
         {"GET  / HTTP/1.1",
          "GET\t/\tHTTP/1.1",
          " GET / HTTP/1.1",
          "GET / HTTP/1.1 ",
          "GET / http/1.1",
          "GET / HTTP/1.12",
          "GET / HTTP/2.0"}) {
        const Seen seen = see(std::string(line) + "\r\nHost: a.example\r\n\r\n");
        EXPECT_EQ(seen.state, ParseState::malformed) << line;
        EXPECT_EQ(seen.name, "a.example") << line;
        EXPECT_FALSE(seen.invalid) << line;
    }
}

TEST(Http, PortsUsersAndLiterals) {
    expect_name(see_host("toni.lan:31337"), "toni.lan");
    expect_name(see_host("a.example:"), "a.example");
    expect_name(see_host("23.246.11.141"), "23.246.11.141");
    expect_name(see_host("192.0.2.1:8080"), "192.0.2.1");
    expect_name(see_host("[2001:DB8:0::1]"), "2001:db8::1");
    expect_name(see_host("[::1]:80"), "::1");
    expect_doubt(see_host("user@a.example"), "a.example");
    expect_doubt(see_host("a.example:80x"), "a.example");
    expect_doubt(see_host("a.example:80:80"), "a.example");
    expect_doubt(see_host("2001:db8::1"), "2001", "no brackets");
    expect_doubt(see_host("[::1"), "[::1");
    expect_doubt(see_host("[::1]x"), "::1");
    EXPECT_TRUE(see_host("[192.0.2.1]").invalid);
    EXPECT_TRUE(see_host("[fe80::1%25eth0]").invalid);
    EXPECT_TRUE(see_host("[v1.x]").invalid);
    EXPECT_TRUE(see_host("a example").invalid);
    EXPECT_TRUE(see_host("a.example, b.example").invalid);
    EXPECT_TRUE(see_host("a%2eexample").invalid);
    EXPECT_TRUE(see_host(std::string("a\0b", 3)).invalid);
    EXPECT_EQ(see_host("b\xC3\xBC.example").name, "b\\195\\188.example");
}

TEST(Http, AuthorityOfTheTargetWins) {
    const auto get = [](const std::string& target, const std::string& host) {
        return see("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    };
    expect_name(get("HTTP://bro.org/", "bro.org"), "bro.org");
    expect_name(get("http://A.example:8080?x", "a.example:8080"), "a.example");
    expect_name(get("http://user:pass@a.example#x", "a.example"), "a.example");
    expect_name(get("https://[2001:db8::1]:443/", "[2001:DB8::1]:443"), "2001:db8::1");
    expect_name(see("GET http://a.example/ HTTP/1.0\r\n\r\n"), "a.example");
    // RFC 9112 section 3.2.2 ignores Host; a server that does not would serve the other one.
    expect_doubt(get("http://a.example/", "b.example"), "a.example");
    expect_doubt(get("http://a.example/", ""), "a.example");
    expect_doubt(get("http://a.example\\@b.example/", "b.example"), "b.example", "backslash");
    expect_doubt(get("http://a@b@c.example/", "c.example"), "c.example");
    // Not absolute forms.
    expect_name(get("/http://b.example/", "a.example"), "a.example");
    expect_name(get("/?u=http://b.example/", "a.example"), "a.example");
    expect_name(get("*", "a.example"), "a.example");
    expect_name(get("://b.example/", "a.example"), "a.example");
    expect_name(get("http:///x", "a.example"), "a.example");
}

TEST(Http, ConnectNamesItsTarget) {
    expect_name(
        see("CONNECT secure.newegg.com:443 HTTP/1.1\r\nHost: secure.newegg.com:443\r\n\r\n"),
        "secure.newegg.com"
    );
    expect_name(see("CONNECT a.example:443 HTTP/1.0\r\n\r\n"), "a.example");
    expect_name(see("CONNECT [::1]:443 HTTP/1.0\r\n\r\n"), "::1");
    expect_doubt(see("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n"), "a.example");
    expect_doubt(see("CONNECT a.example:443/ HTTP/1.0\r\n\r\n"), "a.example");
}

TEST(Http, SeveralHosts) {
    const std::string get = "GET / HTTP/1.1\r\nHost: a.example\r\n";
    expect_doubt(see(get + "Host: b.example\r\n\r\n"), "a.example");
    expect_doubt(see(get + "Host: \r\n\r\n"), "a.example");
    expect_doubt(see("GET / HTTP/1.1\r\nHost:\r\nHost: a.example\r\n\r\n"), "a.example");
    const Seen same = see(get + "Host: A.EXAMPLE.:80\r\n\r\n");
    EXPECT_EQ(same.state, ParseState::malformed) << "RFC 9112 section 3.2";
    EXPECT_EQ(same.name, "a.example");
    EXPECT_FALSE(same.invalid);
}

TEST(Http, LinesThatReadersSplitDifferently) {
    const std::string get = "GET / HTTP/1.1\r\n";
    expect_doubt(see(get + "Host: a.example\r\n b.example\r\n\r\n"), "a.example", "folded");
    expect_doubt(see(get + "X: y\r\n\tz\r\nHost: a.example\r\n\r\n"), "a.example", "folded");
    expect_doubt(see(get + " X: y\r\nHost: a.example\r\n\r\n"), "a.example", "blank first");
    expect_doubt(see(get + "X: y\r\n Host: a.example\r\n\r\n"), "a.example", "folded Host");
    expect_doubt(see(get + "Host : a.example\r\n\r\n"), "a.example", "blank before the colon");
    expect_doubt(see(get + "\vHost: a.example\r\n\r\n"), "a.example");
    expect_doubt(see(get + std::string("Host\0: a.example\r\n\r\n", 20)), "a.example");
    expect_doubt(see(get + "X: y\rHost: b.example\r\nHost: a.example\r\n\r\n"), "a.example", "CR");
    expect_doubt(see(get + "Host: a.example\rX: y\r\n\r\n"), "a.example\\013x", "CR in the value");
    expect_doubt(
        see("GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n"), "a.example", "blank in target"
    );
    const Seen no_colon = see(get + "nonsense\r\nHost: a.example\r\n\r\n");
    EXPECT_EQ(no_colon.state, ParseState::malformed);
    EXPECT_EQ(no_colon.name, "a.example");
    EXPECT_FALSE(no_colon.invalid);
}

TEST(Http, RequestsWithoutAHost) {
    const Seen simple = see("GET /bad.html\r\n");
    EXPECT_EQ(simple.state, ParseState::complete) << "HTTP/0.9";
    EXPECT_EQ(simple.protocol, AppProtocol::http);
    EXPECT_EQ(simple.source, NameSource::none);
    EXPECT_EQ(see("GET /bad.html\r\n\r\n").state, ParseState::complete);
    const Seen fields = see("GET /bad.html\r\nHost: a.example\r\n\r\n");
    EXPECT_EQ(fields.state, ParseState::malformed) << "some servers read them";
    EXPECT_EQ(fields.name, "a.example");
    EXPECT_EQ(see("GET / HTTP/1.0\r\n\r\n").state, ParseState::complete);
    EXPECT_EQ(see("GET / HTTP/1.1\r\n\r\n").state, ParseState::malformed) << "RFC 9112 section 3.2";
    const Seen empty = see("GET / HTTP/1.1\r\nHost:\r\n\r\n");
    EXPECT_EQ(empty.state, ParseState::complete);
    EXPECT_EQ(empty.source, NameSource::none);
    const Seen preface = see("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    EXPECT_EQ(preface.state, ParseState::complete);
    EXPECT_EQ(preface.protocol, AppProtocol::http);
    EXPECT_EQ(preface.source, NameSource::none);
}

TEST(Http, OtherProtocols) {
    for (const std::string_view line :
         {"EHLO mail.example\r\n",
          "USER anonymous\r\n",
          "NICK x\r\n",
          "220 mail.example ESMTP\r\n",
          "GET\r\n",
          "GET a b c\r\nHost: a.example\r\n\r\n",
          "(){} / HTTP/1.1\r\n",
          "\x16\x03\x01",
          "\r\n\x01\r\n"}) {
        const Seen seen = see(line);
        if (line.starts_with("GET a")) {
            EXPECT_EQ(seen.state, ParseState::malformed) << line;
            EXPECT_EQ(seen.name, "a.example");
        } else {
            EXPECT_EQ(seen.state, ParseState::not_this_protocol) << line;
            EXPECT_EQ(seen.protocol, AppProtocol::none) << line;
        }
    }
    EXPECT_EQ(see(std::string(40, 'A')).state, ParseState::not_this_protocol) << "no such method";
    EXPECT_EQ(
        see(std::string(40, 'A') + " / HTTP/1.1\r\n\r\n").state, ParseState::not_this_protocol
    );
}

TEST(Http, CutAtEveryLengthReportsANameWhoseLineIsWhole) {
    const std::string head = "GET / HTTP/1.1\r\nAccept: x\r\nHost: a.example\r\n";
    const std::string request = head + "User-Agent: y\r\n\r\n";
    for (std::size_t size = 0; size < request.size(); ++size) {
        const Seen seen = see(std::string_view(request).substr(0, size));
        ASSERT_EQ(seen.state, ParseState::incomplete) << size;
        ASSERT_EQ(seen.name, size >= head.size() ? "a.example" : "") << size;
        ASSERT_FALSE(seen.invalid) << size;
        ASSERT_EQ(seen.protocol, size > 3 ? AppProtocol::http : AppProtocol::none) << size;
    }
    EXPECT_EQ(see(request).state, ParseState::complete);
}

TEST(Http, AnyByteChanged) {
    const std::string good = "GET http://a.example/ HTTP/1.1\r\nHost: a.example:80\r\nX: y\r\n\r\n";
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string bad = good;
            bad[at] = static_cast<char>(value);
            const Seen seen = see(bad);
            ASSERT_LE(seen.name.size(), kNameBytesMax);
            if (seen.name != "a.example" && !seen.name.empty() && !seen.invalid) {
                // A changed name is a name, or it differs from the other place that has it.
                ADD_FAILURE() << bad << " gave " << seen.name;
            }
        }
    }
}

TEST(Http, HeadsAreReadToABound) {
    const std::string get = "GET / HTTP/1.1\r\n";
    const std::string filler = "X: " + std::string(kHttpHeadBytesMax, 'y') + "\r\n";
    const Seen late = see(get + filler + "Host: a.example\r\n\r\n");
    EXPECT_EQ(late.state, ParseState::malformed);
    EXPECT_EQ(late.name, "");
    const Seen early = see(get + "Host: a.example\r\n" + filler + "\r\n");
    EXPECT_EQ(early.state, ParseState::malformed);
    EXPECT_EQ(early.name, "a.example");
    expect_name(see(get + "Host: a.example\r\n\r\n" + filler), "a.example", "a body is no head");
    EXPECT_EQ(see("GET /" + filler).state, ParseState::malformed) << "an endless request line";
}

TEST(Http, LongHostKeepsItsDomain) {
    const Seen seen = see_host(std::string(5000, 'a') + ".evil.example");
    EXPECT_TRUE(seen.invalid);
    EXPECT_EQ(seen.name, ".evil.example");
}

}  // namespace
}  // namespace sallyport::classifier
