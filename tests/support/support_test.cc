// SPDX-License-Identifier: Apache-2.0
// The test parts are checked against bytes written by others (RFC examples, frames made with Scapy
// and read by Wireshark), because every other packet test leans on them.
#include "tests/support/fake_clock.h"
#include "tests/support/frames.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap_file.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace sallyport::test {
namespace {

TEST(InternetChecksum, ExampleOfRfc1071) {
    // Section 3: the sum of these four words is ddf2, the checksum its complement.
    EXPECT_EQ(internet_checksum(from_hex("0001 f203 f4f5 f6f7")), 0xFFFF - 0xDDF2);
}

TEST(InternetChecksum, OddByteIsTheHighHalf) {
    EXPECT_EQ(internet_checksum(from_hex("01")), 0xFFFF - 0x0100);
    EXPECT_EQ(internet_checksum({}), 0xFFFF);
}

TEST(PacketBuilder, UdpDnsQueryIsScapysBytes) {
    const Bytes scapy = from_hex(
        "020000000002020000000001080045000037123440004011f3160a2a0105c633640914e900350023"
        "44d51234010000010000000000000178076578616d706c650000010001"
    );
    EXPECT_EQ(
        to_hex(PacketBuilder()
                   .ethernet()
                   .ipv4("10.42.1.5", "198.51.100.9")
                   .udp(5353, 53)
                   .dns_query("x.example")
                   .build()),
        to_hex(scapy)
    );
}

TEST(PacketBuilder, TcpInQinqIsScapysBytes) {
    const Bytes scapy = from_hex(
        "02000000000202000000000188a800648100000508004500002b123440000306302e0a2a0105c633"
        "64099c40005000000007000000095018ffff0a5900006f6464"
    );
    TcpFields fields;
    fields.flags = kTcpPsh | kTcpAck;
    fields.sequence = 7;
    fields.acknowledgement = 9;
    EXPECT_EQ(
        to_hex(PacketBuilder()
                   .ethernet()
                   .vlan(100, 0x88A8)
                   .vlan(5)
                   .ipv4("10.42.1.5", "198.51.100.9", 3)
                   .tcp(40000, 80, fields)
                   .payload("odd")
                   .build()),
        to_hex(scapy)
    );
}

TEST(PacketBuilder, IcmpEchoInIpv6IsScapysBytes) {
    EXPECT_EQ(
        to_hex(PacketBuilder()
                   .ethernet()
                   .ipv6("fd00:42:1::5", "2001:db8::9")
                   .icmp_echo(0x77, 1)
                   .payload("ping")
                   .build()),
        to_hex(from_hex(
            "02000000000202000000000186dd60000000000c3a40fd0000420001000000000000000000052001"
            "0db8000000000000000000000009800075650077000170696e67"
        ))
    );
}

TEST(PacketBuilder, ParseFrameReadsBackWhatWasBuilt) {
    const Bytes bytes = PacketBuilder()
                            .ethernet()
                            .vlan(7)
                            .ipv4("10.42.1.5", "198.51.100.9", 9)
                            .udp(1000, 2000)
                            .payload("hello")
                            .build();
    const std::optional<Frame> frame = parse_frame(bytes);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->source_mac, kPodMac);
    EXPECT_EQ(frame->destination_mac, kGatewayMac);
    EXPECT_EQ(frame->vlans, (std::vector<std::uint16_t>{7}));
    EXPECT_EQ(frame->source.text(), "10.42.1.5");
    EXPECT_EQ(frame->destination.text(), "198.51.100.9");
    EXPECT_EQ(frame->hop_limit, 9);
    EXPECT_EQ(frame->source_port, 1000);
    EXPECT_EQ(frame->destination_port, 2000);
    EXPECT_TRUE(frame->dont_fragment);
    EXPECT_TRUE(frame->ip_checksum_ok);
    EXPECT_TRUE(frame->transport_checksum_ok);
    EXPECT_EQ(std::string(frame->payload.begin(), frame->payload.end()), "hello");
}

TEST(PacketBuilder, EveryTransportOfBothFamiliesHasRightChecksums) {
    for (const bool v6 : {false, true}) {
        for (const int transport : {0, 1, 2}) {
            for (const std::string_view text : {"", "a", "ab", "abc"}) {
                PacketBuilder builder;
                builder.ethernet();
                if (v6) {
                    builder.ipv6("fd00::1", "2001:db8::1");
                } else {
                    builder.ipv4("10.0.0.1", "192.0.2.1");
                }
                if (transport == 0) {
                    builder.udp(1, 2);
                } else if (transport == 1) {
                    builder.tcp(1, 2);
                } else {
                    builder.icmp_echo(1, 2);
                }
                const std::optional<Frame> frame = parse_frame(builder.payload(text).build());
                ASSERT_TRUE(frame);
                EXPECT_TRUE(frame->ip_checksum_ok);
                EXPECT_TRUE(frame->transport_checksum_ok) << v6 << transport << text;
            }
        }
    }
}

TEST(PacketBuilder, ArpRequestReadsBack) {
    const std::optional<Frame> frame =
        parse_frame(PacketBuilder()
                        .ethernet(kPodMac, kBroadcastMac)
                        .arp(1, kPodMac, "10.1.0.11", "00:00:00:00:00:00", "10.1.0.1")
                        .build());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->arp_operation, 1);
    EXPECT_EQ(frame->source.text(), "10.1.0.11");
    EXPECT_EQ(frame->destination.text(), "10.1.0.1");
}

TEST(PacketBuilder, RefusesWhatCannotBe) {
    EXPECT_THROW((void)PacketBuilder().ipv4("fd00::1", "10.0.0.1"), std::invalid_argument);
    EXPECT_THROW((void)PacketBuilder().ethernet("02:00", kGatewayMac), std::invalid_argument);
    EXPECT_THROW((void)PacketBuilder().ethernet().udp(1, 2).build(), std::logic_error);
}

TEST(ParseFrame, CutAtEveryLengthGivesNothing) {
    const Bytes whole = PacketBuilder()
                            .ethernet()
                            .vlan(1)
                            .ipv4("10.0.0.1", "192.0.2.1")
                            .tcp(1, 2)
                            .payload("x")
                            .build();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_frame(std::span(whole).first(size))) << size;
    }
    EXPECT_TRUE(parse_frame(whole));
}

TEST(ParseFrame, SeesAWrongChecksum) {
    Bytes bytes =
        PacketBuilder().ethernet().ipv4("10.0.0.1", "192.0.2.1").udp(1, 2).payload("x").build();
    bytes.back() ^= 1U;
    EXPECT_FALSE(parse_frame(bytes)->transport_checksum_ok);
    bytes[14 + 8] ^= 1U;  // the TTL
    EXPECT_FALSE(parse_frame(bytes)->ip_checksum_ok);
}

TEST(Hex, RefusesOddAndForeign) {
    EXPECT_THROW((void)from_hex("abc"), std::invalid_argument);
    EXPECT_THROW((void)from_hex("zz"), std::invalid_argument);
    EXPECT_EQ(to_hex(from_hex("00 FF\n7f")), "00 ff 7f");
}

PcapFile two_packets(bool nanoseconds, bool big_endian) {
    PcapFile file;
    file.nanoseconds = nanoseconds;
    file.big_endian = big_endian;
    file.link_type = LinkType::raw_ip;
    file.packets.push_back({FakeClock::kWallStart + 1000, from_hex("010203"), 3});
    file.packets.push_back({FakeClock::kWallStart + 5'000'000'000, from_hex("04"), 60});
    return file;
}

TEST(PcapFile, ReadsBackAllFourMagicNumbers) {
    const TemporaryDirectory directory;
    for (const bool nanoseconds : {false, true}) {
        for (const bool big_endian : {false, true}) {
            const PcapFile file = two_packets(nanoseconds, big_endian);
            write_pcap(directory.file("x.pcap"), file);
            const Result<PcapFile> back = read_pcap(directory.file("x.pcap"));
            ASSERT_TRUE(back.ok()) << back.error().message;
            EXPECT_EQ(back.value().link_type, LinkType::raw_ip);
            ASSERT_EQ(back.value().packets.size(), 2U);
            EXPECT_EQ(back.value().packets[0].time_ns, FakeClock::kWallStart + 1000);
            EXPECT_EQ(back.value().packets[1].bytes, from_hex("04"));
            EXPECT_EQ(back.value().packets[1].original_bytes, 60U);
        }
    }
}

TEST(PcapFile, CutShortIsAnErrorExceptBetweenRecords) {
    const TemporaryDirectory directory;
    const Bytes whole = pcap_bytes(two_packets(true, false));
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        write_pcap(directory.file("whole.pcap"), two_packets(true, false));
        std::filesystem::resize_file(directory.file("whole.pcap"), size);
        const bool between = size == 24 || size == 24 + 16 + 3 || size == whole.size();
        EXPECT_EQ(read_pcap(directory.file("whole.pcap")).ok(), between) << size;
    }
}

TEST(FakeClock, StandsStillUntilMoved) {
    FakeClock clock;
    EXPECT_EQ(clock.wall_ns(), FakeClock::kWallStart);
    clock.advance(std::chrono::seconds(2));
    EXPECT_EQ(clock.wall_ns(), FakeClock::kWallStart + 2'000'000'000);
    EXPECT_EQ(clock.monotonic_ns(), FakeClock::kMonotonicStart + 2'000'000'000);
    clock.set_wall(5);
    EXPECT_EQ(clock.wall_ns(), 5U);
}

TEST(TemporaryDirectory, GoesAway) {
    std::filesystem::path path;
    {
        const TemporaryDirectory directory;
        path = directory.path();
        EXPECT_TRUE(std::filesystem::is_directory(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace sallyport::test
