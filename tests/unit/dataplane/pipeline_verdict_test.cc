// SPDX-License-Identifier: Apache-2.0
// Goal: who may go where, who is told what, and which events say so. Method: policy texts and feeds
// as an operator writes them, whole conversations through the rig.
#include "tests/unit/dataplane/pipeline_fixture.h"

namespace sallyport::test {
namespace {

using testing::ElementsAre;

class PipelineVerdict : public PipelineTest {
protected:
    static void expect_reset_to_client(const SentFrames& out, const Connection& connection) {
        ASSERT_GE(out.size(), 1U);
        const SentFrame& last = out.back();
        EXPECT_EQ(last.port, kInsidePort);
        const Frame reset = last.frame();
        EXPECT_EQ(reset.source.text(), connection.ends().server);
        EXPECT_EQ(reset.destination.text(), connection.ends().client);
        EXPECT_EQ(reset.source_port, connection.ends().server_port);
        EXPECT_EQ(reset.destination_port, connection.ends().client_port);
        EXPECT_NE(reset.tcp_flags & kTcpRst, 0);
        EXPECT_TRUE(reset.transport_checksum_ok);
    }
    // Two resets because of a packet from the server with `size` bytes: each carries the number
    // that its receiver waits for (RFC 5961), from the other end.
    static void expect_both_are_reset(
        const SentFrames& out, const Connection& connection, std::uint32_t size
    ) {
        ASSERT_EQ(out.size(), 2U);
        EXPECT_EQ(out[0].port, kInsidePort);
        const Frame to_pod = out[0].frame();
        EXPECT_EQ(to_pod.source.text(), connection.ends().server);
        EXPECT_EQ(to_pod.destination.text(), connection.ends().client);
        EXPECT_EQ(to_pod.destination_port, connection.ends().client_port);
        EXPECT_NE(to_pod.tcp_flags & kTcpRst, 0);
        EXPECT_EQ(to_pod.tcp_sequence, connection.server_next - size);
        EXPECT_EQ(out[1].port, kOutsidePort);
        const Frame to_server = out[1].frame();
        EXPECT_EQ(to_server.source.text(), kPoolAddress);
        EXPECT_EQ(to_server.source_port, connection.egress_port);
        EXPECT_EQ(to_server.destination.text(), connection.ends().server);
        EXPECT_NE(to_server.tcp_flags & kTcpRst, 0);
        EXPECT_EQ(to_server.tcp_sequence, connection.client_next);
    }
};

const std::string kDenyServer = "action: Deny, destination: {nets: [198.51.100.0/24]}";
const std::string kAllowAll = "action: Allow";

TEST_F(PipelineVerdict, UnknownWorkloadIsDeniedByDefault) {
    Ends ends;
    ends.client = kNobodyAddress;
    Connection connection(rig(), ends);
    const SentFrames out = connection.syn();
    ASSERT_EQ(out.size(), 1U);
    expect_reset_to_client(out, connection);
    EXPECT_EQ(rig().drops(DropReason::unknown_workload), 1U);
    const auto events = rig().events();
    ASSERT_THAT(kinds_of(events), ElementsAre(EventKind::flow_denied, EventKind::verdict));
    EXPECT_EQ(events[0].reason, VerdictReason::unknown_workload);
    EXPECT_EQ(events[0].attribution, AttributionStatus::unknown);
    EXPECT_EQ(events[0].deny_mode, DenyMode::reset);
    // Remembered: the same again is refused without another event.
    expect_reset_to_client(connection.syn(), connection);
    EXPECT_TRUE(rig().events().empty());
}

// An announcement without its generation would find no dictionary, and so not even the gateway's
// name.
TEST_F(PipelineVerdict, WhatWasShedIsToldUnderTheGenerationInForce) {
    rig().stall_spooler(true);
    rig().publish([](RigSettings&) {});
    for (dataplane::EventRing* ring : {&rig().rings().traffic, &rig().rings().security}) {
        while (ring->reserve() != nullptr) {
            ring->publish();
        }
    }
    Ends ends;
    ends.client = kNobodyAddress;
    (void)rig().send(udp_out(ends));
    ASSERT_GE(rig().counters().events_shed.get(), 1U);
    for (dataplane::EventRing* ring : {&rig().rings().traffic, &rig().rings().security}) {
        ring->drain(SIZE_MAX, [](const Event&) {});
    }
    rig().stall_spooler(false);
    (void)rig().housekeep();
    const auto told = rig().events(EventKind::events_shed);
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told[0].generation, rig().snapshot().generation);
}

TEST_F(PipelineVerdict, UnknownWorkloadPassesWhereAllowed) {
    settings.behaviour.unknown_allow = true;
    Ends ends;
    ends.client = kNobodyAddress;
    EXPECT_EQ(rig().send(udp_out(ends)).at(0).port, kOutsidePort);
}

TEST_F(PipelineVerdict, T2_AmbiguousAddressIsNobodysEvenWhereUnknownMayPass) {
    settings.behaviour.unknown_allow = true;
    Ends ends;
    ends.client = kTwiceAddress;
    EXPECT_EQ(rig().send(udp_out(ends)).at(0).port, kInsidePort);
    EXPECT_EQ(rig().drops(DropReason::ambiguous_workload), 1U);
    const auto events = rig().events();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events[0].attribution, AttributionStatus::ambiguous);
}

TEST_F(PipelineVerdict, TcpDeniedAtSynIsResetAsAClosedPortWould) {
    settings.policy = policy_text({kDenyServer, kAllowAll});
    Connection connection(rig());
    const SentFrames out = connection.syn();
    ASSERT_EQ(out.size(), 1U);
    expect_reset_to_client(out, connection);
    const Frame reset = out[0].frame();
    EXPECT_EQ(reset.tcp_flags, kTcpRst | kTcpAck);
    EXPECT_EQ(reset.tcp_sequence, 0U);
    EXPECT_EQ(reset.tcp_acknowledgement, 1001U);
    EXPECT_EQ(rig().drops(DropReason::policy_denied), 1U);
    const auto events = rig().events();
    ASSERT_THAT(kinds_of(events), ElementsAre(EventKind::flow_denied, EventKind::verdict));
    EXPECT_EQ(events[0].drop_reason, DropReason::policy_denied);
    EXPECT_EQ(events[0].workload, kApiWorkload);
    EXPECT_NE(rig().rule_of(events[0]), "");
    EXPECT_EQ(events[0].nat.family, IpFamily::none) << "a refused flow takes no port";
}

TEST_F(PipelineVerdict, SilentModeSaysNothing) {
    settings.policy = policy_text({kDenyServer, kAllowAll});
    settings.behaviour.deny_silently = true;
    Connection connection(rig());
    EXPECT_TRUE(connection.syn().empty());
    EXPECT_TRUE(rig().send(udp_out({})).empty());
    for (const Event& event : rig().events(EventKind::flow_denied)) {
        EXPECT_EQ(event.deny_mode, DenyMode::silent);
    }
}

TEST_F(PipelineVerdict, R_5508_8_UdpAndEchoDeniedAreToldProhibited) {
    settings.policy = policy_text({kDenyServer, kAllowAll});
    const Ends ends;
    for (const Bytes& frame : {udp_out(ends), from_pod(ends).icmp_echo(1, 1).build()}) {
        const SentFrames out = rig().send(frame);
        ASSERT_EQ(out.size(), 1U);
        const Frame answer = out[0].frame();
        EXPECT_EQ(answer.icmp_type, 3);
        EXPECT_EQ(answer.icmp_code, 13);
        EXPECT_EQ(answer.destination.text(), kApiAddress);
        EXPECT_EQ(answer.destination_mac, kPodMac);
        EXPECT_EQ(
            Bytes(answer.payload.begin(), answer.payload.begin() + 28),
            Bytes(frame.begin() + 14, frame.begin() + 14 + 28)
        );
    }
    EXPECT_EQ(rig().drops(DropReason::policy_denied), 2U);
}

TEST_F(PipelineVerdict, Ipv6DeniedIsToldProhibitedAlsoBehindTags) {
    settings.behaviour.route_ipv6 = true;
    settings.policy =
        policy_text({"action: Deny, destination: {nets: ['2001:db8:9::/48']}", kAllowAll});
    Ends ends;
    ends.client = kApiAddress6;
    ends.server = kServerAddress6;
    const Frame answer = rig().send(udp_out(ends)).at(0).frame();
    EXPECT_EQ(answer.icmp_type, 1);
    EXPECT_EQ(answer.icmp_code, 1);
    EXPECT_EQ(answer.source.text(), "fd00:42::1");
    const Bytes tagged = PacketBuilder()
                             .ethernet()
                             .vlan(5)
                             .vlan(6)
                             .ipv6(kApiAddress6, kServerAddress6)
                             .udp(40'001, 443)
                             .payload("x")
                             .build();
    const SentFrames out = rig().send(tagged);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].frame().vlans, (std::vector<std::uint16_t>{5, 6}));
    EXPECT_EQ(out[0].frame().icmp_code, 1);
    ends.client_port = 40'002;
    Connection connection(rig(), ends);
    expect_reset_to_client(connection.syn(), connection);
}

TEST_F(PipelineVerdict, FeedDeniesAnAddressAtSyn) {
    settings.threats = {{"198.51.100.7"}};
    Connection connection(rig());
    expect_reset_to_client(connection.syn(), connection);
    EXPECT_EQ(rig().drops(DropReason::feed_denied), 1U);
    const auto events = rig().events();
    ASSERT_THAT(
        kinds_of(events),
        ElementsAre(EventKind::threat_match, EventKind::flow_denied, EventKind::verdict)
    );
    EXPECT_EQ(events[0].match_size, 1);
    EXPECT_EQ(events[0].reason, VerdictReason::feed_match);
}

TEST_F(PipelineVerdict, AddressAndPortIndicatorSparesOtherPorts) {
    settings.threats = {{"198.51.100.7:443"}};
    Ends ends;
    Connection denied(rig(), ends);
    expect_reset_to_client(denied.syn(), denied);
    ends.server_port = 80;
    Connection allowed(rig(), ends);
    EXPECT_TRUE(allowed.open());
}

TEST_F(PipelineVerdict, AlertFeedTellsAndLetsPass) {
    settings.threats = {{"198.51.100.0/24", FeedAction::alert}};
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    ASSERT_EQ(connection.hello("www.example.org").size(), 1U);
    ASSERT_EQ(connection.send_client(kPshAck, "more").size(), 1U);
    const auto events = rig().events(EventKind::threat_match);
    ASSERT_EQ(events.size(), 1U) << "told once a flow";
    EXPECT_EQ(events[0].verdict, Verdict::allow);
}

TEST_F(PipelineVerdict, AllowFeedBeatsDenyFeed) {
    settings.threats = {{"198.51.100.7", FeedAction::deny}, {"198.51.100.7", FeedAction::allow}};
    Connection connection(rig());
    EXPECT_TRUE(connection.open());
    ASSERT_EQ(connection.hello("www.example.org").size(), 1U);
    const auto starts = rig().events(EventKind::flow_start);
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].reason, VerdictReason::feed_allow);
}

TEST_F(PipelineVerdict, AllowFeedDoesNotOpenWhatPolicyDenies) {
    settings.threats = {{"198.51.100.7", FeedAction::allow}};
    settings.policy = policy_text({kDenyServer, kAllowAll});
    Connection connection(rig());
    expect_reset_to_client(connection.syn(), connection);
}

class DeniedAtHello : public PipelineVerdict {
protected:
    void check_denied(DropReason reason, VerdictReason why) {
        Connection connection(rig());
        ASSERT_TRUE(connection.open());
        EXPECT_TRUE(rig().events(EventKind::flow_start).empty()) << "undecided until the name";
        const SentFrames out = connection.hello("c2.evil.example");
        ASSERT_EQ(out.size(), 2U);
        // The server's half: as if the pod had reset it, inside its window.
        EXPECT_EQ(out[0].port, kOutsidePort);
        const Frame to_server = out[0].frame();
        EXPECT_EQ(to_server.source.text(), kPoolAddress);
        EXPECT_EQ(to_server.source_port, connection.egress_port);
        EXPECT_EQ(to_server.destination_port, 443);
        EXPECT_EQ(to_server.tcp_flags, kTcpRst | kTcpAck);
        EXPECT_EQ(to_server.tcp_sequence, connection.client_next);
        EXPECT_EQ(to_server.tcp_acknowledgement, connection.server_next);
        // The pod's half: the sequence number it expects next.
        expect_reset_to_client(out, connection);
        EXPECT_EQ(out[1].frame().tcp_sequence, connection.server_next);
        EXPECT_EQ(rig().drops(reason), 1U);

        const auto denied = rig().events(EventKind::flow_denied);
        ASSERT_EQ(denied.size(), 1U);
        EXPECT_EQ(denied[0].reason, why);
        EXPECT_EQ(denied[0].text_view(), "c2.evil.example");
        EXPECT_EQ(denied[0].name_source, NameSource::sni);
        EXPECT_EQ(denied[0].packets_out, 2U);  // SYN and ACK had passed
        EXPECT_EQ(denied[0].packets_in, 1U);

        // What follows: refused, silent towards the server, no further events.
        expect_reset_to_client(connection.send_client(kPshAck, "again"), connection);
        EXPECT_TRUE(connection.send_server(kPshAck, "answer").empty());
        EXPECT_EQ(rig().drops(reason), 3U);
        EXPECT_TRUE(rig().events().empty());
        // The flow is not held for hours: a RST's quiet time, then everything is given back.
        rig().advance(seconds(245));
        EXPECT_EQ(rig().flow_count(), 0U);
        EXPECT_TRUE(rig().events(EventKind::flow_end).empty()) << "it was told as denied";
    }
};

TEST_F(DeniedAtHello, ByFeed) {
    settings.threats = {{"evil.example"}};
    check_denied(DropReason::feed_denied, VerdictReason::feed_match);
}

TEST_F(DeniedAtHello, ByPolicy) {
    settings.policy =
        policy_text({"action: Deny, destination: {domains: ['*.evil.example']}", kAllowAll});
    check_denied(DropReason::policy_denied, VerdictReason::policy_deny);
}

TEST_F(DeniedAtHello, ByDefaultBecauseOnlyOtherNamesAreAllowed) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    check_denied(DropReason::policy_denied, VerdictReason::policy_default_deny);
}

TEST_F(PipelineVerdict, HostHeaderDenied) {
    settings.threats = {{"evil.example"}};
    Ends ends;
    ends.server_port = 80;
    Connection connection(rig(), ends);
    ASSERT_TRUE(connection.open());
    const SentFrames out =
        connection.send_client(kPshAck, "GET / HTTP/1.1\r\nHost: Evil.Example\r\n\r\n");
    ASSERT_EQ(out.size(), 2U);
    expect_reset_to_client(out, connection);
    EXPECT_EQ(rig().events(EventKind::flow_denied).at(0).name_source, NameSource::http_host);
}

TEST_F(PipelineVerdict, AllowedNameSettlesAndIsTold) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    ASSERT_EQ(connection.hello("good.example").size(), 1U);
    const auto starts = rig().events(EventKind::flow_start);
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].text_view(), "good.example");
    EXPECT_EQ(starts[0].verdict, Verdict::allow);
    EXPECT_EQ(starts[0].reason, VerdictReason::policy_allow);
    EXPECT_EQ(starts[0].app_protocol, AppProtocol::tls);
}

TEST_F(PipelineVerdict, FirstPayloadWithoutNameIsDecidedNameless) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    const SentFrames out = connection.send_client(kPshAck, "SSH-2.0-OpenSSH_9.2\r\n");
    expect_reset_to_client(out, connection);
    EXPECT_EQ(
        rig().events(EventKind::flow_denied).at(0).reason, VerdictReason::policy_default_deny
    );
}

TEST_F(PipelineVerdict, ServerThatSpeaksFirstIsDecidedNameless) {
    settings.policy =
        policy_text({"action: Deny, destination: {domains: ['evil.example']}", kAllowAll});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    EXPECT_TRUE(rig().events(EventKind::flow_start).empty());
    ASSERT_EQ(connection.send_server(kPshAck, "220 mail ready\r\n").size(), 1U);
    EXPECT_EQ(rig().events(EventKind::flow_start).size(), 1U);
    ASSERT_EQ(connection.send_client(kPshAck, "EHLO pod\r\n").size(), 1U);
}

TEST_F(PipelineVerdict, ServerThatSpeaksFirstIsRefusedWhereOnlyNamesAreAllowed) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    const SentFrames out = connection.send_server(kPshAck, "220 mail ready\r\n");
    EXPECT_EQ(rig().drops(DropReason::policy_denied), 1U);
    expect_both_are_reset(out, connection, 16);
    expect_reset_to_client(connection.send_client(kTcpAck), connection);
    EXPECT_TRUE(connection.send_server(kPshAck, "220 again").empty()) << "told once";
}

TEST_F(PipelineVerdict, DenyOfAReloadFoundOnAnAnswerResetsBothEnds) {
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    ASSERT_EQ(connection.hello("www.example.org").size(), 1U);
    rig().publish([](RigSettings& s) { s.threats = {{"198.51.100.7"}}; });
    expect_both_are_reset(connection.send_server(kPshAck, "data"), connection, 4);
    EXPECT_EQ(rig().events(EventKind::flow_end).at(0).close_reason, CloseReason::verdict);
}

TEST_F(PipelineVerdict, SilentModeIsSilentTowardsBothEnds) {
    settings.behaviour.deny_silently = true;
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    rig().publish([](RigSettings& s) { s.threats = {{"198.51.100.7"}}; });
    EXPECT_TRUE(connection.send_server(kPshAck, "data").empty());
    EXPECT_TRUE(connection.send_client(kPshAck, "data").empty());
}

TEST_F(PipelineVerdict, WaitingForANameEndsAfterFiveSeconds) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    rig().advance(seconds(4));
    EXPECT_TRUE(rig().events(EventKind::flow_denied).empty());
    rig().advance(seconds(3));
    const auto denied = rig().events(EventKind::flow_denied);
    ASSERT_EQ(denied.size(), 1U);
    EXPECT_EQ(denied[0].reason, VerdictReason::policy_default_deny);
    const SentFrames out = connection.send_client(kPshAck, "late");
    ASSERT_EQ(out.size(), 2U) << "no packet was at hand when the time was over";
    EXPECT_EQ(out[0].port, kOutsidePort);
    expect_reset_to_client(out, connection);
    EXPECT_EQ(connection.send_client(kPshAck, "late").size(), 1U);
}

TEST_F(PipelineVerdict, WaitingForANameBeginsWithTheConnection) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_EQ(connection.syn().size(), 1U);
    rig().advance(seconds(20));
    EXPECT_TRUE(rig().events(EventKind::flow_denied).empty()) << "a slow server is no verdict";
    connection.server_next = 7000;
    ASSERT_EQ(connection.send_server(kSynAck).size(), 1U);
    ASSERT_EQ(connection.send_client(kTcpAck).size(), 1U);
    EXPECT_EQ(connection.hello("good.example").at(0).port, kOutsidePort);
}

TEST_F(PipelineVerdict, UnansweredSynIsToldWithAVerdict) {
    Connection connection(rig());
    ASSERT_EQ(connection.syn().size(), 1U);
    rig().advance(seconds(245));
    EXPECT_EQ(rig().flow_count(), 0U);
    const auto events = rig().events();
    ASSERT_THAT(
        kinds_of(events),
        ElementsAre(EventKind::nat_block_allocated, EventKind::flow_start, EventKind::flow_end)
    );
    EXPECT_EQ(events[1].verdict, Verdict::allow);
}

// RFC 7413: a server may ignore what comes with a SYN; the client then says something else.
TEST_F(PipelineVerdict, E7_AllowedNameInTheSynDoesNotSettleTheFlow) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    const Bytes syn =
        from_pod({}).tcp(40'000, 443, tcp_flags(kTcpSyn)).tls_client_hello("good.example").build();
    const SentFrames out = rig().send(syn);
    ASSERT_EQ(out.size(), 1U);
    ASSERT_EQ(out[0].port, kOutsidePort);
    connection.egress_port = out[0].frame().source_port;
    connection.client_next = 1001;
    connection.server_next = 7000;
    ASSERT_EQ(connection.send_server(kSynAck).size(), 1U);
    ASSERT_EQ(connection.send_client(kTcpAck).size(), 1U);
    EXPECT_TRUE(rig().events(EventKind::flow_start).empty());
    expect_reset_to_client(connection.hello("evil.example"), connection);
}

TEST_F(PipelineVerdict, SegmentFromFurtherOnIsNotTheFirstPayload) {
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    connection.client_next += 500;
    ASSERT_EQ(connection.hello("good.example").at(0).port, kOutsidePort);
    EXPECT_TRUE(rig().events(EventKind::flow_start).empty()) << "the server will read other bytes";
    connection.client_next -= 500;
    expect_reset_to_client(connection.hello("evil.example"), connection);
}

// Keeping silent until the budget is spent must not be a way past the names.
TEST_F(PipelineVerdict, NameAfterTheBudgetIsStillJudged) {
    settings.threats = {{"evil.example"}};
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    rig().advance(seconds(8));
    ASSERT_EQ(rig().events(EventKind::flow_start).size(), 1U) << "decided nameless";
    const SentFrames out = connection.hello("evil.example");
    ASSERT_EQ(out.size(), 2U);
    expect_reset_to_client(out, connection);
    const auto events = rig().events();
    EXPECT_THAT(
        kinds_of(events),
        ElementsAre(EventKind::threat_match, EventKind::verdict, EventKind::flow_end)
    );
    EXPECT_EQ(events.back().close_reason, CloseReason::verdict);
}

// Nor must a reload that comes between the decision and the first payload be one.
TEST_F(PipelineVerdict, NameAfterBudgetAndReloadIsStillJudged) {
    settings.threats = {{"evil.example"}};
    Connection connection(rig());
    ASSERT_TRUE(connection.open());
    rig().advance(seconds(8));
    rig().publish([](RigSettings&) {});
    ASSERT_EQ(connection.send_client(kTcpAck).size(), 1U) << "judged again";
    ASSERT_EQ(rig().counters().flows_rejudged.get(), 1U);
    expect_reset_to_client(connection.hello("evil.example"), connection);
}

TEST_F(PipelineVerdict, SourcePort53IsNoReasonToReadDns) {
    settings.threats = {{"good.example", FeedAction::allow}};
    settings.policy = policy_text({"action: Allow, destination: {domains: ['good.example']}"});
    const Bytes frame = from_pod({}).udp(53, 4444).dns_query("good.example").build();
    const SentFrames out = rig().send(frame);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort) << "a name the workload made up";
    EXPECT_EQ(rig().events(EventKind::flow_denied).at(0).name_source, NameSource::none);
}

TEST_F(PipelineVerdict, E7_NameInTheSynIsJudgedAndTheServerHearsNothing) {
    settings.threats = {{"evil.example"}};
    const Bytes frame =
        from_pod({}).tcp(40'000, 443, tcp_flags(kTcpSyn)).tls_client_hello("evil.example").build();
    const SentFrames out = rig().send(frame);
    ASSERT_EQ(out.size(), 1U) << "nothing goes to a server that has seen nothing";
    EXPECT_EQ(out[0].port, kInsidePort);
}

TEST_F(PipelineVerdict, E20_MidstreamTcpIsResetSoThatItStartsAgain) {
    const Bytes frame = from_pod({}).tcp(40'000, 443, tcp_flags(kPshAck)).payload("x").build();
    const SentFrames out = rig().send(frame);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].frame().tcp_flags, kTcpRst);
    EXPECT_EQ(rig().drops(DropReason::midstream), 1U);
    EXPECT_TRUE(rig().send(from_pod({}).tcp(40'000, 443, tcp_flags(kTcpRst)).build()).empty());
    EXPECT_EQ(rig().flow_count(), 0U);
}

TEST_F(PipelineVerdict, FramesForOtherStationsAreNotForwarded) {
    const Bytes other = PacketBuilder()
                            .ethernet(kPodMac, "02:00:00:00:00:99")
                            .ipv4(kApiAddress, kServerAddress)
                            .udp(40'000, 443)
                            .payload("x")
                            .build();
    EXPECT_TRUE(rig().send(other).empty());
    ASSERT_EQ(rig().send(udp_out({})).size(), 1U);
    ASSERT_EQ(rig().send(udp_out({})).size(), 1U);
    EXPECT_TRUE(rig().send(other).empty()) << "nor those of a settled flow";
    EXPECT_EQ(rig().drops(DropReason::not_for_us), 2U);
}

// RFC 1812 section 4.3.2.8: a flood of refused packets does not become a flood of errors.
TEST_F(PipelineVerdict, R_5508_9_ErrorsAreRateLimited) {
    settings.policy = policy_text({kDenyServer, kAllowAll});
    std::size_t told = 0;
    for (int i = 0; i < 1000; ++i) {
        told += rig().send(udp_out({})).size();
    }
    EXPECT_EQ(told, 200U);
    rig().advance(seconds(1));
    EXPECT_EQ(rig().send(udp_out({})).size(), 1U);
}

}  // namespace
}  // namespace sallyport::test
