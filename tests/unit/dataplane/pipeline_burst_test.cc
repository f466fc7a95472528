// SPDX-License-Identifier: Apache-2.0
// Goal: what a burst finds out ahead of its packets' turns changes nothing but the time it takes.
// Method: the same frames through two rigs, in bursts and one by one; frames and events must agree.
#include "tests/unit/dataplane/pipeline_fixture.h"

#include <set>
#include <tuple>

namespace sallyport::test {
namespace {

class PipelineBurst : public PipelineTest {
protected:
    /// What an event says, less what is drawn at random.
    static std::string text_of(const Event& event) {
        return std::string(action_of(event.kind)) + " " + event.source.text() + ":" +
               std::to_string(event.source_port) + " " + event.destination.text() + ":" +
               std::to_string(event.destination_port) + " w" + std::to_string(event.workload) +
               " " + std::string(name_of(event.verdict)) + " " +
               std::string(name_of(event.reason)) + " " + std::string(name_of(event.app_protocol)) +
               " " + std::string(event.text_view()) + " " + event.nat.text() + " " +
               std::to_string(event.match_size);
    }
    static std::vector<std::string> texts_of(const std::vector<Event>& events) {
        std::vector<std::string> out;
        for (const Event& event : events) {
            if (event.kind != EventKind::nat_block_allocated) {
                out.push_back(text_of(event));
            }
        }
        return out;
    }
    static std::vector<std::string> texts_of(const SentFrames& frames) {
        std::vector<std::string> out;
        for (const SentFrame& sent : frames) {
            const Frame frame = sent.frame();
            out.push_back(
                std::to_string(sent.port) + " " + frame.source.text() + " " +
                frame.destination.text() + ":" + std::to_string(frame.destination_port) + " " +
                std::to_string(frame.icmp_type) + " " + bytes_text(frame.payload)
            );
        }
        return out;
    }
    /// A burst of payloads, so that those of the next one are read ahead.
    void look_at_payloads() {
        std::vector<ReceivedFrame> frames;
        for (std::uint16_t i = 0; i < 4; ++i) {
            Ends ends;
            ends.client_port = static_cast<std::uint16_t>(30'000 + i);
            frames.push_back({from_pod(ends).udp(ends.client_port, 53).dns_query("first").build()});
        }
        (void)rig().send_burst(frames);
        rig().events();
        flows_before_ = rig().flow_count();
    }
    /// The frames in one burst, and in another rig one after the other.
    void expect_the_same(const std::vector<ReceivedFrame>& frames) {
        PipelineRig alone(settings);
        look_at_payloads();
        SentFrames sent;
        for (const ReceivedFrame& frame : frames) {
            const SentFrames out = alone.send(frame.bytes, frame.port);
            sent.insert(sent.end(), out.begin(), out.end());
        }
        EXPECT_EQ(texts_of(rig().send_burst(frames)), texts_of(sent));
        EXPECT_EQ(texts_of(rig().events()), texts_of(alone.events()));
        EXPECT_EQ(rig().flow_count() - flows_before_, alone.flow_count());
    }

    std::size_t flows_before_ = 0;
};

TEST_F(PipelineBurst, FlowsOfEverybodyOpenAsTheyDoOneByOne) {
    settings.behaviour.route_ipv6 = true;
    settings.threats = {{"203.0.113.0/24"}, {"evil.example"}};
    std::vector<ReceivedFrame> frames;
    const std::vector<std::string_view> clients{
        kApiAddress, kWebAddress, kTwiceAddress, kNobodyAddress, kPoolessAddress};
    for (std::uint16_t i = 0; i < 6; ++i) {
        for (const std::string_view client : clients) {
            Ends ends{std::string(client), std::string(kServerAddress)};
            ends.client_port = static_cast<std::uint16_t>(40'000 + i);
            ends.server = i % 3 == 2 ? "203.0.113.9" : ends.server;
            frames.push_back({udp_out(ends)});
        }
    }
    for (std::uint16_t i = 0; i < 6; ++i) {  // last, for a burst's IPv4 packets come first
        Ends six{std::string(kApiAddress6), std::string(kServerAddress6)};
        six.client_port = static_cast<std::uint16_t>(40'000 + i);
        frames.push_back({udp_out(six)});
    }
    expect_the_same(frames);
}

TEST_F(PipelineBurst, FlowsToOneDestinationGetPortsOfTheirOwn) {
    std::vector<ReceivedFrame> frames;
    for (std::uint16_t i = 0; i < 64; ++i) {
        Ends ends;
        ends.client_port = static_cast<std::uint16_t>(40'000 + i);
        frames.push_back({udp_out(ends)});
    }
    // The first burst takes the workload's block, the second draws from it ahead of time.
    std::set<std::uint16_t> ports;
    for (int burst = 0; burst < 2; ++burst) {
        for (const SentFrame& sent : rig().send_burst(frames)) {
            ports.insert(sent.frame().source_port);
        }
        for (ReceivedFrame& frame : frames) {
            Ends ends;
            ends.client_port = static_cast<std::uint16_t>(50'000 + (&frame - frames.data()));
            frame.bytes = udp_out(ends);
        }
    }
    EXPECT_EQ(ports.size(), 128U);
    EXPECT_EQ(rig().flow_count(), 128U);
}

TEST_F(PipelineBurst, SeveralPacketsOfANewFlowOpenItOnce) {
    const ReceivedFrame frame{udp_out(Ends{})};
    EXPECT_EQ(rig().send_burst({frame, frame, frame}).size(), 3U);
    EXPECT_EQ(rig().flow_count(), 1U);
    EXPECT_EQ(rig().events(EventKind::flow_start).size(), 1U);
}

TEST_F(PipelineBurst, NamesReadAheadAreJudgedEachByItself) {
    settings.threats = {{"evil.example"}, {"odd.example", FeedAction::alert}};
    std::vector<ReceivedFrame> frames;
    const std::vector<std::string> names{
        "www.evil.example", "good.example", "odd.example", "a.b.c.d.e.f.evil.example", "example"};
    // More than are read ahead; on port 53 questions of one flow and of several.
    for (std::uint16_t i = 0; i < 40; ++i) {
        Ends ends{std::string(i % 2 == 0 ? kApiAddress : kWebAddress), std::string(kServerAddress)};
        ends.client_port = static_cast<std::uint16_t>(5000 + i / 4);
        frames.push_back(
            {from_pod(ends).udp(ends.client_port, 53).dns_query(names[i % 5], 1, i).build()}
        );
    }
    expect_the_same(frames);
}

TEST_F(PipelineBurst, NamesOfBothFamiliesAreReadAhead) {
    settings.behaviour.route_ipv6 = true;
    settings.threats = {{"evil.example"}};
    std::vector<ReceivedFrame> frames;
    const std::vector<std::string_view> names{"evil.example", "good.example", "example"};
    for (const bool six : {false, true}) {
        for (std::uint16_t i = 0; i < 6; ++i) {
            Ends ends;
            ends.client = six ? kApiAddress6 : kApiAddress;
            ends.server = six ? kServerAddress6 : kServerAddress;
            ends.client_port = static_cast<std::uint16_t>(5000 + i);
            const std::string_view name = names[(i + (six ? 1U : 0U)) % names.size()];
            frames.push_back(
                {from_pod(ends).udp(ends.client_port, 53).dns_query(name, 1, i).build()}
            );
        }
    }
    expect_the_same(frames);
}

TEST_F(PipelineBurst, HellosReadAheadAreJudgedEachByItself) {
    settings.threats = {{"evil.example"}};
    PipelineRig alone(settings);
    std::vector<ReceivedFrame> hellos;
    const std::vector<std::string_view> names{"evil.example", "www.evil.example", "good.example"};
    for (std::uint16_t i = 0; i < 24; ++i) {
        Ends ends;
        ends.client_port = static_cast<std::uint16_t>(41'000 + i);
        for (PipelineRig* each : {&rig(), &alone}) {
            Connection connection(*each, ends);
            connection.open();
            if (each == &alone) {
                hellos.push_back({connection.hello_frame(names[i % 3])});
            }
        }
    }
    look_at_payloads();
    SentFrames sent;
    alone.events();
    for (const ReceivedFrame& frame : hellos) {
        const SentFrames out = alone.send(frame.bytes, frame.port);
        sent.insert(sent.end(), out.begin(), out.end());
    }
    EXPECT_EQ(texts_of(rig().send_burst(hellos)), texts_of(sent));
    EXPECT_EQ(texts_of(rig().events()), texts_of(alone.events()));
}

// What was found out about a packet that then took the fast path must not reach the next burst.
TEST_F(PipelineBurst, NothingFoundOutOutlivesItsBurst) {
    settings.threats = {{"evil.example"}};
    Ends web;
    web.client = kWebAddress;
    const ReceivedFrame first{udp_out(web)};
    settings.behaviour.route_ipv6 = true;
    // The second packet of the new flow is prepared as new, and settled when its turn comes.
    EXPECT_EQ(rig().send_burst({first, first}).size(), 2U);
    rig().events();
    const Ends six{std::string(kApiAddress6), std::string(kServerAddress6)};
    EXPECT_EQ(rig().send_burst({first, {udp_out(six)}}).size(), 2U);
    const auto starts = rig().events(EventKind::flow_start);
    ASSERT_EQ(starts.size(), 1U);
    EXPECT_EQ(starts[0].workload, kApiWorkload);
}

}  // namespace
}  // namespace sallyport::test
