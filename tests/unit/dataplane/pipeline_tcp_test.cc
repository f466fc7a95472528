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

}  // namespace
}  // namespace sallyport::test
