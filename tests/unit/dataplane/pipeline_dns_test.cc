// SPDX-License-Identifier: Apache-2.0
// Goal: each DNS message is judged by its own name, answered here when denied, and told. Method:
// messages of PacketBuilder and a few bent ones through the rig.
#include "tests/support/packet_bytes.h"
#include "tests/unit/dataplane/pipeline_fixture.h"

namespace sallyport::test {
namespace {

using testing::ElementsAre;

class PipelineDns : public PipelineTest {
protected:
    Ends resolver{std::string(kApiAddress), std::string(kServerAddress), 5353, 53};

    Bytes query(std::string_view name, std::uint16_t id = 0x1234) {
        return from_pod(resolver).udp(resolver.client_port, 53).dns_query(name, 1, id).build();
    }
};

TEST_F(PipelineDns, DeniedQueryIsAnsweredNxdomainAndLeavesNothing) {
    settings.threats = {{"evil.example"}};
    const SentFrames out = rig().send(query("www.evil.example", 0xBEEF));
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort);
    const Frame answer = out[0].frame();
    EXPECT_EQ(answer.source.text(), kServerAddress);
    EXPECT_EQ(answer.destination.text(), kApiAddress);
    EXPECT_EQ(answer.source_port, 53);
    EXPECT_EQ(answer.destination_port, 5353);
    EXPECT_EQ(answer.destination_mac, kPodMac);
    Bytes expected = DnsMessage(0x8183, 0xBEEF).question("www.evil.example").build();
    EXPECT_EQ(to_hex(answer.payload), to_hex(expected));
    EXPECT_EQ(rig().flow_count(), 0U);
    EXPECT_EQ(rig().drops(DropReason::dns_denied), 1U);
    const auto events = rig().events();
    ASSERT_THAT(
        kinds_of(events),
        ElementsAre(EventKind::dns_query, EventKind::threat_match, EventKind::verdict)
    ) << "no port block either";
    EXPECT_EQ(events[0].text_view(), "www.evil.example");
    EXPECT_EQ(events[0].deny_mode, DenyMode::dns_answer);
    EXPECT_EQ(events[0].dns_id, 0xBEEF);
}

TEST_F(PipelineDns, DeniedQueryIsRefusedWhereConfigured) {
    settings.threats = {{"evil.example"}};
    settings.behaviour.dns_deny_refused = true;
    const Frame answer = rig().send(query("evil.example")).at(0).frame();
    EXPECT_EQ(answer.payload[3] & 0x0F, 5);
}

TEST_F(PipelineDns, DeniedQueryWithEdnsKeepsOnlyTheQuestion) {
    settings.threats = {{"evil.example"}};
    Bytes message = DnsMessage(0x0110, 7).question("evil.example").build();  // RD, CD
    message[11] = 1;                                                         // ARCOUNT
    const Bytes opt{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};
    const Bytes whole = message + opt;
    const Bytes frame = from_pod(resolver).udp(5353, 53).payload(whole).build();
    const Frame answer = rig().send(frame).at(0).frame();
    EXPECT_EQ(
        to_hex(answer.payload), to_hex(DnsMessage(0x8193, 7).question("evil.example").build())
    );
}

TEST_F(PipelineDns, DeniedQueryOverIpv6) {
    settings.behaviour.route_ipv6 = true;
    settings.threats = {{"evil.example"}};
    resolver.client = kApiAddress6;
    resolver.server = kServerAddress6;
    const Frame answer = rig().send(query("evil.example")).at(0).frame();
    EXPECT_EQ(answer.source.text(), kServerAddress6);
    EXPECT_EQ(answer.payload[3] & 0x0F, 3);
}

TEST_F(PipelineDns, DeniedQueryOnALiveFlowLeavesTheFlowAlone) {
    settings.threats = {{"evil.example"}};
    const std::uint16_t port = rig().send(query("good.example", 1)).at(0).frame().source_port;
    EXPECT_EQ(rig().send(query("evil.example", 2)).at(0).port, kInsidePort);
    EXPECT_EQ(rig().send(query("good.example", 3)).at(0).frame().source_port, port);
    const Bytes answer =
        from_server(resolver).udp(53, port).dns_answer("good.example", "203.0.113.5", 3).build();
    EXPECT_EQ(rig().send(answer, kOutsidePort).size(), 1U);
    EXPECT_EQ(rig().events(EventKind::flow_start).size(), 1U);
}

TEST_F(PipelineDns, QueryAndAnswerAreTold) {
    const std::uint16_t port = rig().send(query("www.example.org")).at(0).frame().source_port;
    const Bytes answer =
        from_server(resolver).udp(53, port).dns_answer("www.example.org", "203.0.113.5").build();
    ASSERT_EQ(rig().send(answer, kOutsidePort).size(), 1U);
    const auto events = rig().events();
    ASSERT_THAT(
        kinds_of(events),
        ElementsAre(
            EventKind::nat_block_allocated,
            EventKind::flow_start,
            EventKind::dns_query,
            EventKind::dns_answer
        )
    );
    EXPECT_EQ(events[2].text_view(), "www.example.org");
    EXPECT_EQ(events[3].dns_flags & 0x8000, 0x8000);
    // type 1, ttl 60, size 4, address; host order
    ASSERT_EQ(events[3].data_size, 11);
    EXPECT_EQ(events[3].data[7], 203);
    EXPECT_EQ(events[3].data[10], 5);
}

// What is denied on port 53 without asking for a name is refused and told like any other flow:
// otherwise a tunnel would leave no trace.
TEST_F(PipelineDns, DeniedTrafficThatIsNoQueryIsTold) {
    settings.threats = {{"198.51.100.7"}};
    const Bytes frame = from_pod(resolver).udp(5353, 53).payload("not dns").build();
    const SentFrames out = rig().send(frame);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].frame().icmp_type, 3);
    EXPECT_EQ(out[0].frame().icmp_code, 13);
    EXPECT_EQ(rig().drops(DropReason::feed_denied), 1U);
    EXPECT_THAT(
        kinds_of(rig().events()),
        ElementsAre(EventKind::threat_match, EventKind::flow_denied, EventKind::verdict)
    );
    EXPECT_EQ(rig().send(frame).size(), 1U);
    EXPECT_TRUE(rig().events().empty()) << "remembered";
    rig().advance(seconds(32));
    EXPECT_EQ(rig().flow_count(), 0U);
}

TEST_F(PipelineDns, AllowedNameDoesNotOpenADeniedResolver) {
    settings.threats = {{"198.51.100.7"}, {"good.example", FeedAction::allow}};
    const SentFrames out = rig().send(query("good.example"));
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].port, kInsidePort);
    EXPECT_EQ(rig().drops(DropReason::dns_denied), 1U);
    EXPECT_EQ(rig().flow_count(), 0U);
}

TEST_F(PipelineDns, DeniedQueryLeavesTheFlowItsOwnVerdict) {
    settings.policy =
        policy_text({"action: Allow, destination: {domains: ['good.example']}", "action: Deny"});
    const std::uint16_t port = rig().send(query("good.example", 1)).at(0).frame().source_port;
    const Event start = rig().events(EventKind::flow_start).at(0);
    ASSERT_EQ(start.reason, VerdictReason::policy_allow);
    ASSERT_EQ(rig().send(query("evil.example", 2)).at(0).port, kInsidePort);
    const Bytes answer =
        from_server(resolver).udp(53, port).dns_answer("good.example", "203.0.113.5", 1).build();
    ASSERT_EQ(rig().send(answer, kOutsidePort).size(), 1U);
    rig().advance(seconds(12));
    std::vector<Event> later = rig().events();
    std::erase_if(later, [](const Event& event) {
        return event.kind != EventKind::dns_answer && event.kind != EventKind::flow_end;
    });
    ASSERT_EQ(later.size(), 2U);
    for (const Event& event : later) {
        EXPECT_EQ(event.reason, VerdictReason::policy_allow);
        EXPECT_EQ(event.rule, start.rule);
    }
}

TEST_F(PipelineDns, CutQueriesNeverAnswerMoreThanTheyAsked) {
    settings.threats = {{"198.51.100.7"}};  // everything to it is denied, whatever it says
    const Bytes message = DnsMessage().question("www.evil.example").build();
    for (std::size_t size = 0; size <= message.size(); ++size) {
        resolver.client_port = static_cast<std::uint16_t>(6000 + size);
        const Bytes cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
        const SentFrames out =
            rig().send(from_pod(resolver).udp(resolver.client_port, 53).payload(cut).build());
        ASSERT_LE(out.size(), 1U);
        for (const SentFrame& sent : out) {
            EXPECT_EQ(sent.port, kInsidePort);
        }
    }
}

TEST_F(PipelineDns, FlowLastsTenSecondsAfterTheAnswer) {
    const std::uint16_t port = rig().send(query("www.example.org")).at(0).frame().source_port;
    const Bytes answer =
        from_server(resolver).udp(53, port).dns_answer("www.example.org", "203.0.113.5").build();
    rig().advance(seconds(8));
    ASSERT_EQ(rig().send(answer, kOutsidePort).size(), 1U);
    rig().advance(seconds(9));
    EXPECT_EQ(rig().flow_count(), 1U);
    rig().advance(seconds(2));
    EXPECT_EQ(rig().flow_count(), 0U);
    EXPECT_TRUE(rig().send(answer, kOutsidePort).empty());
}

TEST_F(PipelineDns, QueryIsNamedByTheGenerationThatJudgedIt) {
    ASSERT_EQ(rig().send(query("evil.example", 1)).at(0).port, kOutsidePort);
    (void)rig().events();
    rig().publish([](RigSettings& s) { s.threats = {{"evil.example"}}; });
    ASSERT_EQ(rig().send(query("evil.example", 2)).at(0).port, kInsidePort);
    for (const Event& event : rig().events()) {
        EXPECT_EQ(event.generation, 2U);
        EXPECT_EQ(event.verdict, Verdict::deny);
    }
}

}  // namespace
}  // namespace sallyport::test
