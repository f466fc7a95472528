// SPDX-License-Identifier: Apache-2.0
#include "feeds/format.h"
#include "tests/unit/feeds/feed_fixture.h"

namespace sallyport::feeds {
namespace {

class FormatsTest : public FeedTest {
protected:
    FeedReport read_as(const std::string& format, std::string_view content) {
        FeedSource source = feed("f", content, FeedAction::alert);
        source.format = format;
        return read(source);
    }
};

TEST_F(FormatsTest, PlainTakesEveryKindAndItsComments) {
    const FeedReport report = read_as(
        "plain",
        "# comment\n; comment\n\n1.2.3.4 ; SBL1\nevil.example # note\n1.4.0.0/17\t; x\n"
        "77.90.185.20\t10\n[2001:db8::1]:80\n*.wild.example\n.dot.example\n/cdn[0-9]/\n"
    );
    EXPECT_EQ(
        given_,
        "address 1.2.3.4/32, suffix evil.example, prefix 1.4.0.0/17, address 77.90.185.20/32, "
        "address_port 2001:db8::1 80, subdomains wild.example, suffix dot.example, "
        "pattern cdn[0-9]"
    );
    EXPECT_EQ(report.lines, 8U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(FormatsTest, PlainNamesTheBadLine) {
    const FeedReport report = read_as("plain", "good.example\ntwo words\n\n-bad-\x01!\n");
    ASSERT_EQ(report.problems.size(), 2U);
    EXPECT_EQ(
        report.problems[0].text(),
        directory_.file("f.txt") + ":2: more than one value on a line (\"two words\")"
    );
    EXPECT_EQ(report.problems[1].line, 4U);
    EXPECT_NE(report.problems[1].message.find("\\x01"), std::string::npos);
    EXPECT_EQ(report.lines, 3U);
    EXPECT_EQ(report.bad_lines, 2U);
}

TEST_F(FormatsTest, HostsBlocksExactNames) {
    const FeedReport report = read_as(
        "hosts",
        "# preamble\n127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n"
        "255.255.255.255 broadcasthost\nfe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n"
        "0.0.0.0 a.example b.example#c.example\n127.0.0.1\td.example # note\n:: e.example\n"
        "1.2.3.4 real.example\n"
    );
    EXPECT_EQ(given_, "domain a.example, domain b.example, domain d.example, domain e.example");
    EXPECT_EQ(skips_of(report, SkipReason::local_name), 6U);
    EXPECT_EQ(skips_of(report, SkipReason::redirect), 1U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(FormatsTest, HostsLinesThatAreNone) {
    const FeedReport report = read_as("hosts", "evil.example\n0.0.0.0\n0.0.0.0 # only a note\n");
    EXPECT_EQ(report.bad_lines, 3U);
    EXPECT_EQ(given_, "");
}

TEST_F(FormatsTest, CsvUrlhausHeaderIsAComment) {
    const FeedReport report = read_as(
        "auto",
        "################\r\n# abuse.ch URLhaus Database Dump (CSV - recent URLs only) #\r\n"
        "# Last updated: 2026-07-30 11:54:23 (UTC), more\r\n#\r\n"
        "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\r\n"
        "\"1\",\"2026-07-30 11:54:23\",\"http://61.54.253.89:37352/bin.sh\",\"online\",\"x\","
        "\"malware_download\",\"32-bit,elf,mips,Mozi\",\"https://urlhaus.abuse.ch/url/1/\","
        "\"geenensp\"\r\n"
        "\"2\",\"2026-07-30 11:54:23\",\"https://evil.example/\",\"online\",\"x\",\"y\",\"None\","
        "\"z\",\"r\"\r\n"
    );
    EXPECT_EQ(report.format, "csv");
    EXPECT_EQ(given_, "address_port 61.54.253.89 37352 alert, domain evil.example");
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(FormatsTest, CsvFeodoHeaderIsARow) {
    const FeedReport report = read_as(
        "auto",
        "# banner\r\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\","
        "\"malware\"\r\n"
        "\"2025-12-30 13:56:31\",\"50.16.16.211\",\"443\",\"online\",\"2026-03-12\",\"QakBot\"\r\n"
        "# END 1 entries\r\n"
    );
    EXPECT_EQ(report.format, "csv");
    EXPECT_EQ(given_, "address_port 50.16.16.211 443");
    EXPECT_EQ(report.lines, 1U);
}

TEST_F(FormatsTest, CsvThreatfoxSpacesTypesAndNone) {
    const FeedReport report = read_as(
        "auto",
        "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"tags\"\r\n"
        "\"2026-07-04 22:19:04\", \"1844855\", \"dazayse.hi-lo.bet\", \"domain\", \"x\", "
        "\"a,b\"\r\n"
        "\"2026-07-04 22:19:04\", \"2\", \"203.0.113.9:4444\", \"ip:port\", \"x\", \"None\"\r\n"
        "\"2026-07-04 22:19:04\", \"3\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", "
        "\"x\", \"\"\r\n"
        "\"2026-07-04 22:19:04\", \"4\", \"None\", \"domain\", \"x\", \"\"\r\n"
        "\"2026-07-04 22:19:04\", \"5\", \"https://evil.example/x\", \"url\", \"x\", \"\"\r\n"
    );
    EXPECT_EQ(
        given_, "suffix dazayse.hi-lo.bet, address_port 203.0.113.9 4444, domain evil.example alert"
    );
    EXPECT_EQ(skips_of(report, SkipReason::other_type), 1U);
    EXPECT_EQ(skips_of(report, SkipReason::empty_value), 1U);
    EXPECT_EQ(report.bad_lines, 0U);
}

TEST_F(FormatsTest, CsvConfiguredColumns) {
    FeedSource source = feed("f", "name;what;where\nx;evil.example;8443\ny;1.2.3.4;8443\n");
    source.format = "csv";
    source.csv = {"What", "", "where", ";"};
    read(source);
    EXPECT_EQ(given_, "suffix evil.example, address_port 1.2.3.4 8443");
    source = feed("f", "x\tevil.example\ny\t1.2.3.4\n");
    source.format = "csv";
    source.csv = {"2", "", "", "tab"};
    read(source);
    EXPECT_EQ(given_, "suffix evil.example, address 1.2.3.4/32");
}

TEST_F(FormatsTest, CsvWithoutItsColumnIsRefusedAsAWhole) {
    FeedReport report = read_as("csv", "a,b,c\n1,2,3\n");
    EXPECT_NE(report.refused.find("no header names a column with indicators"), std::string::npos);
    FeedSource source = feed("f", "url,b\nhttp://x.example,2\n");
    source.format = "csv";
    source.csv.value = "missing";
    report = read(source);
    EXPECT_NE(report.refused.find("no header names the column \"missing\""), std::string::npos);
}

TEST_F(FormatsTest, CsvBrokenRows) {
    const FeedReport report = read_as(
        "csv",
        "id,url,port\n1\n2,\"http://open.example\n3,\"http://a.example\"x,1\n"
        "4,1.2.3.4,notaport\n5,1.2.3.4,70000\n6,\"http://say\"\"quote.example/\",1\n7,1.2.3.4,80\n"
    );
    EXPECT_EQ(report.bad_lines, 6U);
    EXPECT_EQ(given_, "address_port 1.2.3.4 80");
}

TEST_F(FormatsTest, MaltrailMixture) {
    const FeedReport report = read_as(
        "maltrail",
        "# Copyright (c) 2014-2026 Maltrail developers\n\nmikus192091.ddns.net\n1.2.3.4:8080\n"
        "/log.php?admin_2E068B6BFBE9=666666\n/4Android super "
        "signed.apk\nnamchoncc.co.kr/include/?ind=\n"
        "[2a12:bec4:1460:50::2]:3478\n.cc\nq(l|r)[0-9]{5,6}\\.pw\nhttp://103.1.2.3\n5.63.151.0/24 "
        "# x\n"
        "C91.196.152.28\n"
    );
    EXPECT_EQ(
        given_,
        "suffix mikus192091.ddns.net, address_port 1.2.3.4 8080, domain namchoncc.co.kr alert, "
        "address_port 2a12:bec4:1460:50::2 3478, suffix cc, pattern q(l|r)[0-9]{5,6}\\.pw, "
        "address 103.1.2.3/32, prefix 5.63.151.0/24"
    );
    EXPECT_EQ(skips_of(report, SkipReason::url_path), 2U);
    EXPECT_EQ(report.bad_lines, 1U);
}

TEST_F(FormatsTest, Detection) {
    const FeedSource source;
    EXPECT_EQ(detect_format("", source), "plain");
    EXPECT_EQ(detect_format("evil.example\n1.2.3.4\n", source), "plain");
    EXPECT_EQ(detect_format("77.90.185.20\t10\n77.90.185.21\t9\n", source), "plain");
    EXPECT_EQ(detect_format("1.4.0.0/17 ; SBL256893\n", source), "plain");
    EXPECT_EQ(detect_format("1.4.0.1 ; SBL256893\n1.4.0.2 # x\n", source), "plain");
    EXPECT_EQ(detect_format("# x\n127.0.0.1 localhost\n0.0.0.0 evil.example\n", source), "hosts");
    EXPECT_EQ(detect_format("id,url\n1,http://x\n", source), "csv");
    EXPECT_EQ(detect_format("# domain, ip\nevil.example\n", source), "plain");
    EXPECT_EQ(detect_format("# see the Maltrail developers\nx.example\n", source), "maltrail");
}

TEST_F(FormatsTest, EveryNameIsAFormat) {
    const FeedSource source;
    for (const std::string_view name : format_names()) {
        EXPECT_EQ(make_format(name, source) != nullptr, name != "auto") << name;
    }
    EXPECT_EQ(make_format("stix", source), nullptr);
    FeedSource unknown = feed("f", "x.example\n");
    unknown.format = "stix";
    EXPECT_EQ(
        read(unknown).refused, "no format \"stix\"; there are auto, plain, hosts, csv, maltrail"
    );
}

}  // namespace
}  // namespace sallyport::feeds
