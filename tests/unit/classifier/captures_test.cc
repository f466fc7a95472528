// SPDX-License-Identifier: Apache-2.0
// Goal: real packets give the names that are known to be in them. Method: captures of the shared
// data (their contents are described in its README), each payload by itself, as the first of its
// flow.
#include "classifier/classify.h"
#include "tests/support/frames.h"
#include "tests/support/pcap_file.h"
#include "tests/support/shared_data.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sallyport::classifier {
namespace {

struct Names {
    std::map<std::string, unsigned> sni;
    std::map<std::string, unsigned> host;
    std::map<std::string, unsigned> queries;
    std::map<ParseState, unsigned> states;  ///< of what was recognised
    unsigned invalid = 0;
    unsigned quic = 0;
    std::size_t answer_bytes = 0;
};

class Captures : public ::testing::Test {
protected:
    void SetUp() override {
        directory_ = test::shared_data_directory();
        if (!directory_) {
            GTEST_SKIP() << "no shared data: set SALLYPORT_SHARED_DATA";
        }
    }

    [[nodiscard]] Names read(const std::string& name) const {
        Names out;
        const auto file = test::read_pcap((*directory_ / "pcaps" / (name + ".pcap")).string());
        EXPECT_TRUE(file.ok()) << name;
        if (!file.ok()) {
            return out;
        }
        Facts facts;  // one for all packets, as a worker has
        for (const auto& packet : file.value().packets) {
            const auto frame = test::parse_frame(packet.bytes);
            if (!frame || frame->payload.empty() ||
                (frame->protocol != 6 && frame->protocol != 17)) {
                continue;
            }
            if (frame->protocol == 6) {
                classify_tcp(frame->payload, frame->destination_port, facts);
            } else {
                classify_udp(frame->payload, frame->source_port, frame->destination_port, facts);
            }
            add(facts, out);
        }
        return out;
    }

private:
    static void add(const Facts& facts, Names& out) {
        out.quic += facts.protocol == AppProtocol::quic ? 1 : 0;
        out.answer_bytes += facts.dns.answers_size;
        if (facts.protocol != AppProtocol::none) {
            ++out.states[facts.state];
        }
        if (facts.name_source == NameSource::none) {
            return;
        }
        out.invalid += facts.name_invalid ? 1 : 0;
        const std::string name(facts.name_view());
        if (facts.name_source == NameSource::sni) {
            ++out.sni[name];
        } else if (facts.name_source == NameSource::http_host) {
            ++out.host[name];
        } else if (!facts.dns.is_response) {
            ++out.queries[name];
        }
    }

    std::optional<std::filesystem::path> directory_;
};

std::set<std::string> keys(const std::map<std::string, unsigned>& names) {
    std::set<std::string> out;
    for (const auto& [name, count] : names) {
        out.insert(name);
    }
    return out;
}

using Set = std::set<std::string>;

TEST_F(Captures, TlsNames) {
    EXPECT_EQ(keys(read("zeek-tls-x25519-kyber").sni), Set{"lh3.google.com"});
    EXPECT_EQ(keys(read("ndpi-443-firefox").sni), Set{"www.ntop.org"});
    EXPECT_EQ(read("zeek-tls13-ech").sni.at("cloudflare-ech.com"), 2U);
    EXPECT_EQ(
        keys(read("ndpi-tls_esni_sni_both").sni),
        (Set{
            "these-are-not-the-droids-youre-looking-for.com",
            "you-think-thats-normal-tls-traffic-youre-seeing.com"})
    );
    EXPECT_TRUE(read("zeek-tls-hrr").sni.empty());
}

TEST_F(Captures, TlsNameInTheFirstOfSeveralSegments) {
    const Names cut = read("sv-tls-client-hello-frag-mtu300");
    EXPECT_GE(cut.states.at(ParseState::incomplete), 1U);
}

TEST_F(Captures, TlsAddressAsNameIsInvalid) {
    const Names names = read("ndpi-1kxun");
    EXPECT_EQ(names.sni.at("192.168.115.75"), 4U);
    EXPECT_GE(names.invalid, 4U);
    EXPECT_EQ(names.host.at("mangaweb.1kxun.mobi"), 31U);
    EXPECT_EQ(names.host.at("pic.1kxun.com"), 23U + 9U) << "nine of them were sent twice";
    EXPECT_EQ(names.host.at("hkbn.content.1kxun.com"), 14U);
    EXPECT_TRUE(names.host.contains("ws.1kxun.mobi")) << "sent with a port";
}

TEST_F(Captures, TlsAndHttpOfOneClient) {
    const Names names = read("ndpi-netflix");
    EXPECT_EQ(names.sni.at("api-global.netflix.com"), 9U);
    EXPECT_EQ(names.sni.at("ios.nccp.netflix.com"), 6U);
    EXPECT_EQ(names.sni.at("ichnaea.netflix.com"), 4U);
    EXPECT_EQ(names.host.at("23.246.11.141"), 13U);
}

TEST_F(Captures, HttpHosts) {
    EXPECT_EQ(keys(read("zeek-http-proxy").host), Set{"bro.org"});
    EXPECT_EQ(keys(read("zeek-http-pipelined").host), Set{"www.mozilla.org"});
    EXPECT_EQ(keys(read("zeek-http-vlan").host), Set{"bro.org"});
    EXPECT_EQ(keys(read("zeek-http-qinq").host), Set{"bro.org"});
    EXPECT_TRUE(read("zeek-ipv6-http-atomic-frag").host.empty()) << "HTTP/0.9 has no Host";
}

TEST_F(Captures, DnsNames) {
    EXPECT_EQ(keys(read("tcpdump-edns-opts").queries), Set{"example.com"});
    EXPECT_EQ(keys(read("arkime-dns-punycode").queries), Set{"xn--80a0adav.xn--80ao21a"});
    EXPECT_EQ(keys(read("zeek-dns-https").queries), Set{"cloudflare.com"});
    EXPECT_EQ(keys(read("sv-dns-tcp-www-google-com").queries), Set{"www.google.com"});
    const Names malformed = read("ndpi-malformed_dns");
    EXPECT_EQ(keys(malformed.queries), Set{"www.xt.com"});
}

TEST_F(Captures, DnsTunnelsKeepTheirDomain) {
    const Names exfiltration = read("ndpi-dns-exf");
    ASSERT_EQ(exfiltration.queries.size(), 1U);
    EXPECT_TRUE(exfiltration.queries.begin()->first.starts_with("h4sicn03*2qaa3rlc3qud"));
    EXPECT_EQ(exfiltration.invalid, 2U);
    const Names tunnel = read("ndpi-dns-tunnel-iodine");
    EXPECT_GT(tunnel.queries.size(), 100U);
    for (const auto& [name, count] : tunnel.queries) {
        EXPECT_TRUE(name.ends_with(".pirate.sea")) << name;
    }
}

TEST_F(Captures, DnsPointersAndCountsThatLie) {
    EXPECT_EQ(read("tcpdump-dns-badlabel").states.count(ParseState::complete), 0U);
    EXPECT_EQ(read("tcpdump-dns_fwdptr").states.count(ParseState::complete), 0U);
    const Names deep = read("zeek-dns-max-compression-depth");
    EXPECT_EQ(deep.answer_bytes, 7U * (7 + 4)) << "seven addresses";
}

TEST_F(Captures, QuicIsRecognised) {
    for (const char* name :
         {"zeek-quic-chromium",
          "zeek-quic-curl",
          "zeek-quicv2-echo",
          "ndpi-quic-29",
          "sv-quic-retry"}) {
        EXPECT_GE(read(name).quic, 1U) << name;
    }
}

}  // namespace
}  // namespace sallyport::classifier
