// SPDX-License-Identifier: Apache-2.0
// Goal: a TCP connection's end is seen however it ends, and a port pair used again is a flow of its
// own. Method: whole conversations through the rig, with the clock moved between packets.
#include "tests/unit/dataplane/pipeline_fixture.h"

namespace sallyport::test {
namespace {

class PipelineTcp : public PipelineTest {
protected:
    /// Handshake and first payload: a settled flow. Events so far are thrown away.
    void settle(Connection& connection) {
        ASSERT_TRUE(connection.open());
        ASSERT_EQ(connection.hello("www.example.org").size(), 1U);
        connection.client_next += 1000;  // whatever the hello was long
        (void)rig().events();
    }
};

TEST_F(PipelineTcp, R_7857_2_ResetAfterOneFinEndsTheFlow) {
    for (const bool client_fin : {true, false}) {
        for (const bool client_reset : {true, false}) {
            Ends ends;
            ends.client_port = static_cast<std::uint16_t>(30'000 + client_fin * 2 + client_reset);
            Connection connection(rig(), ends);
            settle(connection);
            const auto say = [&](bool client, std::uint8_t flags) {
                return client ? connection.send_client(flags) : connection.send_server(flags);
            };
            ASSERT_EQ(say(client_fin, kFinAck).size(), 1U);
            ASSERT_EQ(say(client_reset, kTcpRst | kTcpAck).size(), 1U);
            rig().advance(seconds(4));
            const auto ends_told = rig().events(EventKind::flow_end);
            ASSERT_EQ(ends_told.size(), 1U) << client_fin << client_reset;
            EXPECT_EQ(ends_told[0].close_reason, CloseReason::rst);
            const std::uint64_t before = rig().counters().flows_created.get();
            ASSERT_EQ(connection.syn().size(), 1U);
            EXPECT_EQ(rig().counters().flows_created.get(), before + 1) << "the pair is free again";
        }
    }
    rig().advance(seconds(250));
    EXPECT_EQ(rig().flow_count(), 0U) << "not held for the two hours of a live connection";
}

// The kernel uses a port pair again only when it holds the old connection for gone; the gateway may
// not have seen that (a RST lost on the way, a node that went down).
TEST_F(PipelineTcp, R_6191_NewSynOnALiveFlowIsANewFlow) {
    settings.threats = {{"evil.example"}};
    Connection first(rig());
    settle(first);
    Connection second(rig());
    second.client_next = 5'000'000;
    const SentFrames out = second.send_client(kTcpSyn);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kOutsidePort);
    const auto ends_told = rig().events(EventKind::flow_end);
    ASSERT_EQ(ends_told.size(), 1U);
    EXPECT_EQ(ends_told[0].close_reason, CloseReason::replaced);
    EXPECT_EQ(ends_told[0].packets_out, 3U) << "the new SYN is not among them";
    // The new connection is looked at like any other.
    second.egress_port = out[0].frame().source_port;
    second.server_next = 9000;
    ASSERT_EQ(second.send_server(kSynAck).size(), 1U);
    ASSERT_EQ(second.send_client(kTcpAck).size(), 1U);
    const SentFrames denied = second.hello("evil.example");
    ASSERT_EQ(denied.size(), 2U);
    EXPECT_EQ(denied[1].port, kInsidePort);
}

TEST_F(PipelineTcp, SynSentAgainBelongsToItsFlow) {
    Connection connection(rig());
    ASSERT_EQ(connection.syn().size(), 1U);
    const std::uint16_t port = connection.egress_port;
    ASSERT_EQ(connection.syn().size(), 1U);
    EXPECT_EQ(connection.egress_port, port) << "unanswered: another try";
    connection.server_next = 7000;
    ASSERT_EQ(connection.send_server(kSynAck).size(), 1U);
    ASSERT_EQ(connection.syn().size(), 1U);
    EXPECT_EQ(connection.egress_port, port) << "its answer was lost on the way to the pod";
    EXPECT_EQ(rig().counters().flows_created.get(), 1U);
}

class AddressThatMoves : public PipelineTcp {
protected:
    static constexpr WorkloadId kNextWorkload = 7;
    /// The pod is deleted and another one gets its address.
    void move_address() {
        rig().publish([](RigSettings& s) {
            s.workloads = rig_workloads();
            Workload next = s.workloads[kApiWorkload];
            s.workloads[kApiWorkload].live = false;
            next.pod = next.uid = "next";
            s.workloads.push_back(next);
            ASSERT_EQ(s.workloads.size(), kNextWorkload + 1U);
        });
    }
};

TEST_F(AddressThatMoves, T3_UdpIsANewFlowOfTheNewPod) {
    const std::uint16_t port = rig().send(udp_out({})).at(0).frame().source_port;
    ASSERT_EQ(rig().send(udp_out({})).size(), 1U);
    (void)rig().events();
    move_address();
    ASSERT_EQ(rig().send(udp_out({})).at(0).port, kOutsidePort);
    const auto events = rig().events();
    ASSERT_THAT(
        kinds_of(events),
        testing::ElementsAre(
            EventKind::flow_end, EventKind::nat_block_allocated, EventKind::flow_start
        )
    );
    EXPECT_EQ(events[0].workload, kApiWorkload);
    EXPECT_EQ(events[0].packets_out, 2U);
    EXPECT_EQ(events[2].workload, kNextWorkload);
    EXPECT_TRUE(rig().send(udp_in({}, port), kOutsidePort).empty()) << "the old mapping is gone";
}

TEST_F(AddressThatMoves, T3_TcpOfTheOldPodIsReset) {
    Connection connection(rig());
    settle(connection);
    move_address();
    const SentFrames out = connection.send_client(kPshAck, "more");
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort);
    EXPECT_EQ(rig().drops(DropReason::midstream), 1U);
    EXPECT_EQ(rig().events(EventKind::flow_end).size(), 1U);
    EXPECT_EQ(rig().flow_count(), 0U);
}

TEST_F(AddressThatMoves, T3_AnswersToTheOldPodDoNotReachTheNewOne) {
    Connection connection(rig());
    settle(connection);
    move_address();
    EXPECT_TRUE(connection.send_server(kPshAck, "secret").empty());
    EXPECT_EQ(rig().drops(DropReason::no_flow), 1U);
    EXPECT_EQ(rig().events(EventKind::flow_end).size(), 1U);
}

}  // namespace
}  // namespace sallyport::test
