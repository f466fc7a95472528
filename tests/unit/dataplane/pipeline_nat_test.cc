// SPDX-License-Identifier: Apache-2.0
// Goal: a packet goes out translated and its answer comes back, and nothing else does. Method:
// whole packets through the rig; its own checks (doors, sources, checksums) hold in every test.
#include "tests/unit/dataplane/pipeline_fixture.h"

#include <map>
#include <set>
#include <tuple>

namespace sallyport::test {
namespace {

class PipelineNat : public PipelineTest {};

TEST_F(PipelineNat, R_6888_11b_PodWithoutPoolIsToldSoftly) {
    Ends ends;
    ends.client = kPoolessAddress;
    const SentFrames out = rig().send(udp_out(ends));
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort);
    const Frame answer = out[0].frame();
    EXPECT_EQ(answer.icmp_type, 3);
    EXPECT_EQ(answer.icmp_code, 1);
    EXPECT_EQ(answer.destination.text(), ends.client);
    EXPECT_EQ(rig().drops(DropReason::no_egress_pool), 1U);
    EXPECT_EQ(rig().flow_count(), 0U);
    const auto events = rig().events();
    ASSERT_EQ(kinds_of(events), std::vector{EventKind::flow_denied});
    EXPECT_EQ(events[0].reason, VerdictReason::no_egress_pool);
}

TEST_F(PipelineNat, N7_InboundWithoutFlowIsSilentAndLeavesNothing) {
    Ends ends;
    for (const Bytes& frame :
         {udp_in(ends, 2000),
          from_server(ends).tcp(443, 2000, tcp_flags(kTcpSyn)).build(),
          from_server(ends).tcp(443, 2000, tcp_flags(kTcpRst)).build(),
          from_server(ends).icmp_echo(7, 1).build(),
          from_server(ends).icmp_echo(7, 1, true).build(),
          from_server(ends).udp(53, 80).payload("x").build()}) {
        EXPECT_TRUE(rig().send(frame, kOutsidePort).empty());
    }
    EXPECT_EQ(rig().drops(DropReason::no_flow), 6U);
    EXPECT_EQ(rig().flow_count(), 0U);
    EXPECT_TRUE(rig().events().empty());
}

TEST_F(PipelineNat, AddressAndPortDependentFiltering) {
    Ends ends;
    const std::uint16_t port = rig().send(udp_out(ends)).at(0).frame().source_port;
    Ends other_port = ends;
    other_port.server_port = 444;
    Ends other_address = ends;
    other_address.server = "198.51.100.8";
    EXPECT_TRUE(rig().send(udp_in(other_port, port), kOutsidePort).empty());
    EXPECT_TRUE(rig().send(udp_in(other_address, port), kOutsidePort).empty());
    EXPECT_EQ(rig().send(udp_in(ends, port), kOutsidePort).size(), 1U);
    EXPECT_EQ(rig().drops(DropReason::no_flow), 2U);
}

TEST_F(PipelineNat, UdpThereAndBack) {
    Ends ends;
    const SentFrames out = rig().send(from_pod(ends, 64).udp(40'000, 443).payload("ask").build());
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kOutsidePort);
    const Frame there = out[0].frame();
    EXPECT_EQ(there.source.text(), kPoolAddress);
    EXPECT_EQ(there.destination.text(), kServerAddress);
    EXPECT_GE(there.source_port, 1024);
    EXPECT_EQ(there.destination_port, 443);
    EXPECT_EQ(there.hop_limit, 63);
    EXPECT_EQ(there.destination_mac, kNextHopMac);
    EXPECT_EQ(there.source_mac, kOutsideMac);
    EXPECT_EQ(bytes_text(there.payload), "ask");

    const SentFrames back = rig().send(udp_in(ends, there.source_port, "answer"), kOutsidePort);
    ASSERT_EQ(back.size(), 1U);
    EXPECT_EQ(back[0].port, kInsidePort);
    const Frame here = back[0].frame();
    EXPECT_EQ(here.source.text(), kServerAddress);
    EXPECT_EQ(here.destination.text(), kApiAddress);
    EXPECT_EQ(here.destination_port, 40'000);
    EXPECT_EQ(here.hop_limit, 63);
    EXPECT_EQ(here.destination_mac, kPodMac);
    EXPECT_EQ(here.source_mac, kGatewayMac);
    EXPECT_EQ(bytes_text(here.payload), "answer");
}

TEST_F(PipelineNat, TcpThereAndBackOnTheSlowAndTheFastPath) {
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    ASSERT_EQ(connection.hello("www.example.org").size(), 1U);  // settles the flow
    for (int i = 0; i < 3; ++i) {
        const SentFrames there = connection.send_client(kPshAck, "data");
        ASSERT_EQ(there.size(), 1U);
        EXPECT_EQ(there[0].frame().source_port, connection.egress_port);
        EXPECT_EQ(there[0].frame().hop_limit, 63);
        const SentFrames back = connection.send_server(kPshAck, "more");
        ASSERT_EQ(back.size(), 1U);
        EXPECT_EQ(back[0].frame().destination.text(), kApiAddress);
        EXPECT_EQ(back[0].frame().destination_port, 40'000);
        EXPECT_EQ(back[0].frame().tcp_acknowledgement, connection.client_next);
    }
}

TEST_F(PipelineNat, R_5508_1_EchoThereAndBackByIdentifier) {
    Ends ends;
    std::set<std::uint16_t> used;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const auto id = static_cast<std::uint16_t>(i * 65);
        const SentFrames out = rig().send(from_pod(ends).icmp_echo(id, 9).payload("abc").build());
        ASSERT_EQ(out.size(), 1U);
        const Frame there = out[0].frame();
        EXPECT_EQ(there.icmp_type, 8);
        EXPECT_TRUE(used.insert(there.source_port).second) << "two mappings share an identifier";
        const Bytes reply =
            from_server(ends).icmp_echo(there.source_port, 9, true).payload("abc").build();
        const SentFrames back = rig().send(reply, kOutsidePort);
        ASSERT_EQ(back.size(), 1U);
        EXPECT_EQ(back[0].frame().source_port, id);
        EXPECT_EQ(back[0].frame().destination.text(), kApiAddress);
        EXPECT_EQ(back[0].frame().icmp_sequence, 9);
    }
}

TEST_F(PipelineNat, EchoRequestFromOutsideDoesNotEnterAnEchoFlow) {
    Ends ends;
    const auto id = rig().send(from_pod(ends).icmp_echo(5, 1).build()).at(0).frame().source_port;
    EXPECT_TRUE(rig().send(from_server(ends).icmp_echo(id, 1).build(), kOutsidePort).empty());
    EXPECT_EQ(rig().drops(DropReason::no_flow), 1U);
}

TEST_F(PipelineNat, UdpWithoutChecksumKeepsNone) {
    Ends ends;
    Bytes frame = udp_out(ends);
    frame[14 + 20 + 6] = frame[14 + 20 + 7] = 0;
    for (int i = 0; i < 2; ++i) {  // first by the slow path, then settled
        const SentFrames out = rig().send(frame);
        ASSERT_EQ(out.size(), 1U);
        EXPECT_EQ(out[0].bytes[14 + 20 + 6], 0);
        EXPECT_EQ(out[0].bytes[14 + 20 + 7], 0);
    }
}

// RFC 768: a sum that comes out as zero is sent as all ones. Payloads are tried until the
// translated datagram's sum is zero, on both paths and in both directions.
TEST_F(PipelineNat, UdpChecksumOfZeroIsSentAsAllOnes) {
    Ends ends;
    const std::uint16_t port = rig().send(udp_out(ends)).at(0).frame().source_port;
    int all_ones = 0;
    for (std::uint32_t i = 0; i < 0x10000; ++i) {
        const std::string text{static_cast<char>(i >> 8U), static_cast<char>(i)};
        const bool out = i % 2 == 0;
        const SentFrames sent = out ? rig().send(udp_out(ends, text))
                                    : rig().send(udp_in(ends, port, text), kOutsidePort);
        ASSERT_EQ(sent.size(), 1U);
        const Bytes& bytes = sent[0].bytes;
        ASSERT_FALSE(bytes[40] == 0 && bytes[41] == 0);
        all_ones += bytes[40] == 0xFF && bytes[41] == 0xFF ? 1 : 0;
    }
    EXPECT_GE(all_ones, 1);
}

TEST_F(PipelineNat, R_4787_2_OneWorkloadUsesOneEgressAddress) {
    settings.pool = {"192.0.2.16", "192.0.2.17", "192.0.2.18", "192.0.2.19"};
    std::set<std::string> addresses;
    for (std::uint16_t i = 0; i < 300; ++i) {
        Ends ends;
        ends.client_port = static_cast<std::uint16_t>(20'000 + i);
        ends.server_port = static_cast<std::uint16_t>(1000 + i);
        addresses.insert(rig().send(udp_out(ends)).at(0).frame().source.text());
        Connection connection(rig(), ends);
        addresses.insert(connection.syn().at(0).frame().source.text());
        addresses.insert(
            rig().send(from_pod(ends).icmp_echo(i, 1).build()).at(0).frame().source.text()
        );
    }
    EXPECT_EQ(addresses.size(), 1U);
}

// R-4787-3, R-7857-3: a port may serve several destinations, a 5-tuple outside only one flow.
TEST_F(PipelineNat, R_4787_3_TupleOutsideIsNeverUsedTwice) {
    settings.block_size = 16;
    std::set<std::tuple<std::string, std::uint16_t, std::string, std::uint16_t>> tuples;
    std::map<std::uint16_t, int> by_port;
    for (std::uint16_t i = 0; i < 1500; ++i) {
        Ends ends;
        ends.client = i % 3 == 0 ? kWebAddress : kApiAddress;
        ends.client_port = static_cast<std::uint16_t>(10'000 + i);
        ends.server = "198.51.100." + std::to_string(i % 5);
        const Frame there = rig().send(udp_out(ends)).at(0).frame();
        EXPECT_TRUE(tuples
                        .emplace(
                            there.source.text(),
                            there.source_port,
                            there.destination.text(),
                            there.destination_port
                        )
                        .second);
        ++by_port[there.source_port];
    }
    EXPECT_GT(tuples.size(), by_port.size()) << "ports are not shared over destinations";
}

TEST_F(PipelineNat, PortBlocksAreToldOnceAndBelongToOneWorkload) {
    for (std::uint16_t i = 0; i < 200; ++i) {
        Ends ends;
        ends.client = i % 2 == 0 ? kWebAddress : kApiAddress;
        ends.client_port = static_cast<std::uint16_t>(10'000 + i);
        ASSERT_EQ(rig().send(udp_out(ends)).size(), 1U);
    }
    std::map<std::uint16_t, WorkloadId> owner_of;  // by first port
    std::vector<Event> starts;
    for (const Event& event : rig().events()) {
        if (event.kind == EventKind::nat_block_allocated) {
            EXPECT_EQ(event.nat_port_last - event.nat_port, 63);
            EXPECT_EQ(event.nat.text(), kPoolAddress);
            EXPECT_EQ(event.protocol, 17);
            EXPECT_TRUE(owner_of.emplace(event.nat_port, event.workload).second);
        } else if (event.kind == EventKind::flow_start) {
            starts.push_back(event);
        }
    }
    ASSERT_EQ(starts.size(), 200U);
    for (const Event& start : starts) {
        const auto block = std::prev(owner_of.upper_bound(start.nat_port));
        EXPECT_LE(start.nat_port, block->first + 63);
        EXPECT_EQ(block->second, start.workload);
    }
}

// A workload that opens one short flow after the other uses its blocks again: what it holds is what
// its live flows need, not what it has ever opened.
TEST_F(PipelineNat, ChurnUsesBlocksAgain) {
    std::uint64_t most = 0;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        if (i % 100 == 0) {
            rig().advance(seconds(1));
            rig().learn_next_hops();
            (void)rig().events();
        }
        Ends ends;
        ends.server_port = 53;  // ten seconds each: a thousand live ones
        ends.client_port = static_cast<std::uint16_t>(1024 + i % 60'000);
        ASSERT_EQ(rig().send(udp_out(ends)).size(), 1U);
        most = std::max(most, rig().counters().blocks_in_use.get());
    }
    EXPECT_GE(most, 1000U / 64U);
    EXPECT_LE(most, 40U);
}

// N3: every port there is can be had, and then the flow is refused softly.
TEST_F(PipelineNat, N3_EveryPortOfAnAddressIsUsed) {
    settings.pipeline.flows_max = 70'000;
    for (std::uint32_t i = 0; i < 64'512; ++i) {
        Ends ends;
        ends.client_port = static_cast<std::uint16_t>(i);
        ASSERT_EQ(rig().send(udp_out(ends)).at(0).port, kOutsidePort) << i;
        if (i % 1000 == 0) {
            (void)rig().events();
        }
    }
    Ends late;
    late.client_port = 65'000;
    EXPECT_EQ(rig().send(udp_out(late)).at(0).port, kInsidePort);
    EXPECT_EQ(rig().drops(DropReason::nat_ports_exhausted), 1U);
    late.server = "198.51.100.8";
    EXPECT_EQ(rig().send(udp_out(late)).at(0).port, kOutsidePort) << "another destination";
    late.client = kWebAddress;
    EXPECT_EQ(rig().send(udp_out(late)).at(0).port, kInsidePort);
    EXPECT_EQ(rig().drops(DropReason::nat_blocks_exhausted), 1U);
}

// The same where one block is the whole address: asked over many bursts, found in the end.
TEST_F(PipelineNat, N3_SearchGoesOnInTheNextBurst) {
    settings.pipeline.flows_max = 70'000;
    settings.block_size = 64'512;
    std::uint32_t refused = 0;
    for (std::uint32_t i = 0; i < 64'512; ++i) {
        Ends ends;
        ends.client_port = static_cast<std::uint16_t>(i);
        while (rig().send(udp_out(ends)).at(0).port != kOutsidePort) {
            ASSERT_LE(++refused, 64U * 64U) << i;
            rig().advance(milliseconds(1));
        }
    }
    Ends late;
    late.client_port = 65'000;
    for (int i = 0; i < 40; ++i) {
        EXPECT_NE(rig().send(udp_out(late)).at(0).port, kOutsidePort);
        rig().advance(milliseconds(1));
    }
}

TEST_F(PipelineNat, HopLimitOneIsToldAndNotForwarded) {
    Ends ends;
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    const Bytes late = from_pod(ends, 1).tcp(40'000, 443, tcp_flags(kTcpAck)).build();
    for (const Bytes& frame : {from_pod(ends, 1).udp(9, 443).payload("x").build(), late}) {
        const SentFrames out = rig().send(frame);
        ASSERT_EQ(out.size(), 1U);
        const Frame answer = out[0].frame();
        EXPECT_EQ(out[0].port, kInsidePort);
        EXPECT_EQ(answer.source.text(), "10.42.0.1");
        EXPECT_EQ(answer.destination.text(), kApiAddress);
        EXPECT_EQ(answer.icmp_type, 11);
        EXPECT_EQ(answer.icmp_code, 0);
        // The quote is the packet as it came: header and the first bytes behind it.
        EXPECT_EQ(
            Bytes(answer.payload.begin(), answer.payload.begin() + 28),
            Bytes(frame.begin() + 14, frame.begin() + 14 + 28)
        );
    }
    EXPECT_EQ(rig().drops(DropReason::hop_limit), 2U);
    EXPECT_EQ(rig().flow_count(), 1U);
}

TEST_F(PipelineNat, ReplyKeepsTheVlanTagsOfTheFlow) {
    const Ends ends;
    const Bytes tagged = PacketBuilder()
                             .ethernet()
                             .vlan(100, 0x88A8)
                             .vlan(7)
                             .ipv4(kApiAddress, kServerAddress)
                             .udp(40'000, 443)
                             .payload("x")
                             .build();
    for (int i = 0; i < 2; ++i) {
        const Frame there = rig().send(tagged).at(0).frame();
        EXPECT_TRUE(there.vlans.empty());
        const Frame back = rig().send(udp_in(ends, there.source_port), kOutsidePort).at(0).frame();
        EXPECT_EQ(back.vlans, (std::vector<std::uint16_t>{100, 7}));
        EXPECT_EQ(back.destination_mac, kPodMac);
    }
    const auto starts = rig().events(EventKind::flow_start);
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].vlan, 100);
}

TEST_F(PipelineNat, RepliesFollowAStationThatMoved) {
    const Ends ends;
    const std::uint16_t port = rig().send(udp_out(ends)).at(0).frame().source_port;
    const Bytes moved = PacketBuilder()
                            .ethernet("02:00:00:00:00:77", kGatewayMac)
                            .ipv4(kApiAddress, kServerAddress)
                            .udp(40'000, 443)
                            .payload("x")
                            .build();
    EXPECT_EQ(rig().send(moved).at(0).frame().source_port, port);
    EXPECT_EQ(
        rig().send(udp_in(ends, port), kOutsidePort).at(0).frame().destination_mac,
        "02:00:00:00:00:77"
    );
}

TEST_F(PipelineNat, PaddingBehindThePacketIsNotSentOn) {
    Bytes frame = udp_out({});
    const std::size_t real = frame.size();
    frame.resize(60, 0xEE);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(rig().send(frame).at(0).bytes.size(), real);
    }
}

TEST_F(PipelineNat, OptionsOfIpv4TravelAlong) {
    // A router alert option (RFC 2113) before the UDP header.
    Bytes frame = udp_out({});
    frame[14] = 0x46;
    const Bytes option{0x94, 4, 0, 0};
    frame.insert(frame.begin() + 34, option.begin(), option.end());
    frame[17] = static_cast<std::uint8_t>(frame[17] + 4);
    frame[24] = frame[25] = 0;
    const std::uint16_t sum = internet_checksum({frame.data() + 14, 24});
    frame[24] = static_cast<std::uint8_t>(sum >> 8U);
    frame[25] = static_cast<std::uint8_t>(sum);
    for (int i = 0; i < 2; ++i) {
        const SentFrames out = rig().send(frame);
        ASSERT_EQ(out.size(), 1U);
        EXPECT_EQ(out[0].bytes[14], 0x46);
        EXPECT_EQ(bytes_text(out[0].frame().payload), "ping");
    }
}

TEST_F(PipelineNat, MartiansAndOurOwnAddressesAreNotForwarded) {
    for (const auto& [client, server, reason] :
         std::vector<std::tuple<std::string, std::string, DropReason>>{
             {"127.0.0.1", "198.51.100.7", DropReason::martian_source},
             {"0.0.0.0", "198.51.100.7", DropReason::martian_source},
             {"224.0.0.1", "198.51.100.7", DropReason::martian_source},
             {"10.42.0.1", "198.51.100.7", DropReason::martian_source},
             {"192.0.2.2", "198.51.100.7", DropReason::martian_source},
             {"10.42.1.5", "224.0.0.251", DropReason::martian_destination},
             {"10.42.1.5", "255.255.255.255", DropReason::martian_destination},
             {"10.42.1.5", "127.0.0.1", DropReason::martian_destination},
             {"10.42.1.5", "169.254.169.254", DropReason::martian_destination},
             {"10.42.1.5", "10.42.0.1", DropReason::martian_destination},
             {"10.42.1.5", "192.0.2.16", DropReason::martian_destination},
             {"::", "2001:db8:9::7", DropReason::martian_source},
             {"fe80::1", "2001:db8:9::7", DropReason::martian_source},
             {"fd00:42::5", "ff02::fb", DropReason::martian_destination},
             {"fd00:42::5", "::1", DropReason::martian_destination}}) {
        Ends ends;
        ends.client = client;
        ends.server = server;
        const std::uint64_t before = rig().drops(reason);
        EXPECT_TRUE(rig().send(udp_out(ends)).empty()) << client << " to " << server;
        EXPECT_EQ(rig().drops(reason), before + 1) << client << " to " << server;
    }
    EXPECT_EQ(rig().flow_count(), 0U);
}

TEST_F(PipelineNat, RetiredEgressAddressIsAnsweredForWhileItIsUsed) {
    settings.pool = {"192.0.2.16", "192.0.2.17"};
    const std::string used = rig().send(udp_out({})).at(0).frame().source.text();
    const std::string unused = used == "192.0.2.16" ? "192.0.2.17" : "192.0.2.16";
    const auto answers = [this](const std::string& address) {
        return rig()
            .send(
                PacketBuilder()
                    .ethernet(kNextHopMac, kBroadcastMac)
                    .arp(1, kNextHopMac, "192.0.2.1", "00:00:00:00:00:00", address)
                    .build(),
                kOutsidePort
            )
            .size();
    };
    EXPECT_EQ(answers(used) + answers(unused), 2U);
    rig().publish([](RigSettings& s) { s.pool.clear(); });
    EXPECT_EQ(answers(unused), 0U);
    EXPECT_EQ(answers(used), 1U) << "a flow still has it";
    rig().advance(seconds(302 + 122 + 60));  // the flow's time, its block's, and a sweep
    EXPECT_EQ(answers(used), 0U);
}

class PipelineMtu : public PipelineNat {
protected:
    static void expect_told(const SentFrames& out, std::uint16_t port, std::uint16_t mtu) {
        ASSERT_EQ(out.size(), 1U);
        EXPECT_EQ(out[0].port, port);
        const Frame answer = out[0].frame();
        const bool v4 = answer.source.is_v4();
        EXPECT_EQ(answer.icmp_type, v4 ? 3 : 2);
        EXPECT_EQ(answer.icmp_code, v4 ? 4 : 0);
        const std::size_t icmp = 14 + (v4 ? 20 : 40);
        EXPECT_EQ(out[0].bytes[icmp + 4] + out[0].bytes[icmp + 5], 0);
        EXPECT_EQ(out[0].bytes[icmp + 6] << 8U | out[0].bytes[icmp + 7], mtu);
    }
    static Bytes without_df(Bytes frame) {
        frame[20] &= 0xBF;
        frame[24] = frame[25] = 0;
        const std::uint16_t sum = internet_checksum({frame.data() + 14, 20});
        frame[24] = static_cast<std::uint8_t>(sum >> 8U);
        frame[25] = static_cast<std::uint8_t>(sum);
        return frame;
    }
};

TEST_F(PipelineMtu, R_1191_SenderIsToldWhatFits) {
    settings.outside_mtu = 1400;
    settings.inside_mtu = 1300;
    const Ends ends;
    const std::string fits(1400 - 28, 'x');
    const std::string too_long(1401 - 28, 'x');
    EXPECT_TRUE(rig().send(without_df(udp_out(ends, too_long))).empty());
    EXPECT_EQ(rig().flow_count(), 0U);
    expect_told(rig().send(udp_out(ends, too_long)), kInsidePort, 1400);
    const std::uint16_t port = rig().send(udp_out(ends, fits)).at(0).frame().source_port;
    ASSERT_EQ(rig().send(udp_out(ends, fits)).size(), 1U);
    EXPECT_EQ(rig().drops(DropReason::oversize), 2U);
    // The same by a settled flow, both ways.
    expect_told(rig().send(udp_out(ends, too_long)), kInsidePort, 1400);
    const std::string too_long_inside(1301 - 28, 'x');
    ASSERT_EQ(rig().send(udp_out(ends, too_long_inside)).size(), 1U);
    expect_told(rig().send(udp_in(ends, port, too_long_inside), kOutsidePort), kOutsidePort, 1300);
    EXPECT_EQ(rig().drops(DropReason::oversize), 4U);
}

TEST_F(PipelineMtu, R_8201_SenderIsToldWhatFits) {
    settings.behaviour.route_ipv6 = true;
    settings.outside_mtu = 1280;
    Ends ends;
    ends.client = kApiAddress6;
    ends.server = kServerAddress6;
    expect_told(rig().send(udp_out(ends, std::string(1281 - 48, 'x'))), kInsidePort, 1280);
    EXPECT_EQ(rig().send(udp_out(ends, std::string(1280 - 48, 'x'))).at(0).port, kOutsidePort);
}

// With several workers the answer is learned by one; what another has waiting goes out at its next
// housekeeping, not when the second is over.
TEST_F(PipelineNat, WaitingPacketsLeaveWhenTheirNextHopIsKnown) {
    settings.next_hops_known = false;
    ASSERT_EQ(rig().send(udp_out({})).at(0).frame().arp_operation, 1);
    EXPECT_TRUE(rig().housekeep().empty());
    rig().learn_next_hops();
    const SentFrames out = rig().housekeep();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].frame().destination_mac, kNextHopMac);
}

TEST_F(PipelineNat, R_5095_RoutingHeaderWithSegmentsLeftIsNotForwarded) {
    settings.behaviour.route_ipv6 = true;
    settings.check_checksums = false;  // the header is put in afterwards
    Ends ends;
    ends.client = kApiAddress6;
    ends.server = kServerAddress6;
    for (const std::uint8_t left : {std::uint8_t{0}, std::uint8_t{1}}) {
        Bytes frame = udp_out(ends);
        const Bytes routing{17, 0, 4, left, 0, 0, 0, 0};
        frame.insert(frame.begin() + 54, routing.begin(), routing.end());
        frame[14 + 5] = static_cast<std::uint8_t>(frame[14 + 5] + 8);
        frame[14 + 6] = 43;
        EXPECT_EQ(rig().send(frame).size(), left == 0 ? 1U : 0U);
    }
    EXPECT_EQ(rig().drops(DropReason::ipv6_source_route), 1U);
}

TEST_F(PipelineNat, PingToTheGatewayIsAnswered) {
    Ends ends;
    ends.server = "10.42.0.1";
    const Frame here =
        rig().send(from_pod(ends).icmp_echo(3, 4).payload("abcd").build()).at(0).frame();
    EXPECT_EQ(here.icmp_type, 0);
    EXPECT_EQ(here.source_port, 3);
    EXPECT_EQ(here.icmp_sequence, 4);
    EXPECT_EQ(bytes_text(here.payload), "abcd");
    ends.client = kApiAddress6;
    ends.server = "fd00:42::1";
    EXPECT_EQ(rig().send(from_pod(ends).icmp_echo(3, 4).build()).at(0).frame().icmp_type, 129);
    ends.server = "198.51.100.7";
    const Bytes outside = PacketBuilder()
                              .ethernet(kNextHopMac, kOutsideMac)
                              .ipv4("198.51.100.7", "192.0.2.2")
                              .icmp_echo(1, 1)
                              .build();
    EXPECT_EQ(rig().send(outside, kOutsidePort).at(0).frame().destination.text(), "198.51.100.7");
    EXPECT_EQ(rig().drops(DropReason::consumed), 3U);
}

TEST_F(PipelineNat, Ipv6IsRefusedUnlessItIsRouted) {
    Ends ends;
    ends.client = kApiAddress6;
    ends.server = kServerAddress6;
    const SentFrames out = rig().send(udp_out(ends));
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort);
    EXPECT_EQ(out[0].frame().icmp_type, 1);
    EXPECT_EQ(out[0].frame().icmp_code, 3);
    EXPECT_EQ(rig().drops(DropReason::no_egress_pool), 1U);
}

TEST_F(PipelineNat, Ipv6RoutedThereAndBack) {
    settings.behaviour.route_ipv6 = true;
    Ends ends;
    ends.client = kApiAddress6;
    ends.server = kServerAddress6;
    Connection connection(rig(), ends);
    ASSERT_EQ(connection.syn().size(), 1U);
    connection.egress_port = ends.client_port;
    ASSERT_EQ(connection.send_server(kSynAck).size(), 1U);
    const Frame there = connection.hello("www.example.org").at(0).frame();
    EXPECT_EQ(there.source.text(), kApiAddress6);
    EXPECT_EQ(there.hop_limit, 63);
    EXPECT_EQ(there.destination_mac, kNextHopMac);
    const Frame back = connection.send_server(kPshAck, "hello").at(0).frame();
    EXPECT_EQ(back.destination.text(), kApiAddress6);
    EXPECT_EQ(back.destination_mac, kPodMac);
    EXPECT_EQ(back.hop_limit, 63);
}

TEST_F(PipelineNat, FullTransmitQueueIsADropOfItsOwn) {
    const std::uint16_t port = rig().send(udp_out({})).at(0).frame().source_port;
    rig().io().transmit_room = 1;
    EXPECT_EQ(
        rig()
            .send_burst(
                {{udp_out({})}, {udp_out({})}, {udp_in({}, port), kOutsidePort}, {udp_out({})}}
            )
            .size(),
        1U
    );
    EXPECT_EQ(rig().drops(DropReason::transmit_full), 3U);
}

// A capture has no neighbours to ask: everything is sent on at once, however much there is.
TEST_F(PipelineNat, CaptureDoesNotWaitForNeighbours) {
    settings.behaviour.capture = true;
    settings.behaviour.midstream_pickup = true;
    settings.behaviour.translate = false;
    settings.next_hops_known = false;
    for (int i = 0; i < 600; ++i) {
        ASSERT_EQ(rig().send(udp_out({})).size(), 1U) << i;
    }
    EXPECT_EQ(rig().lost(), 0U);
}

}  // namespace
}  // namespace sallyport::test
