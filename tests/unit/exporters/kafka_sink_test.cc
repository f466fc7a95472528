// SPDX-License-Identifier: Apache-2.0
// The Kafka sink behind a real spool, against librdkafka's mock cluster.
#include "exporters/kafka_sink.h"

#include "exporters/ecs_encoder.h"
#include "exporters/sink_runner.h"
#include "tests/unit/exporters/kafka_mock.h"
#include "tests/unit/exporters/spool_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace sallyport::exporters {
namespace {

constexpr const char* kFlow = "egress.flow.v1";
constexpr const char* kThreat = "egress.threat.v1";
constexpr const char* kDns = "egress.dns.v1";

/// Polls until `done`, at most 60 s; the tests that use it end as soon as they can.
bool eventually(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

/// Flows of 8 connections in turn, so that there are 8 keys.
Event flow(std::uint64_t sequence) {
    Event event = sample_flow_end(sequence);
    event.source_port = static_cast<std::uint16_t>(1000 + sequence % 8);
    return event;
}

class KafkaSinkTest : public testing::Test {
protected:
    void SetUp() override {
        SpoolSettings settings = small_settings(directory_.path());
        settings.bytes_max = 64U << 20U;
        settings.segment_bytes = 1U << 20U;
        settings.sinks = {"kafka"};
        spool_ = open_spool(settings);
    }
    void start(const KafkaSettings& settings) {
        auto sink = make_kafka_sink(settings);
        ASSERT_TRUE(sink) << sink.error().message;
        SinkRunnerSettings runner;
        runner.name = "kafka";
        runner.cursor_interval = std::chrono::milliseconds(5);
        runner_ = std::make_unique<SinkRunner>(
            runner,
            std::move(spool_->reader("kafka")).value(),
            std::make_unique<EcsEncoder>(),
            std::move(sink).value()
        );
        runner_->start();
    }
    void append(std::uint64_t first, std::uint64_t last) {
        std::vector<Event> events;
        for (std::uint64_t i = first; i <= last; ++i) {
            events.push_back(flow(i));
        }
        spool_->append(events);
        spool_->commit();
    }
    bool delivered(std::uint64_t cursor) {
        return eventually([&] { return runner_->report().cursor >= cursor; });
    }
    /// A broker refuses what follows a refused batch until that comes again. The mock takes it, and
    /// librdkafka then has reason to believe that the refused one is there too: with one request
    /// under way the two agree.
    [[nodiscard]] KafkaSettings one_at_a_time() const {
        KafkaSettings settings = mock_.settings();
        settings.rdkafka["max.in.flight"] = "1";
        return settings;
    }
    /// Every sequence 1..last is there, and among the first of each they rise inside a key.
    static void expect_complete(
        const std::vector<KafkaMock::Message>& messages, std::uint64_t last, bool in_order = true
    ) {
        std::set<std::uint64_t> seen;
        std::map<std::string, std::uint64_t> latest;
        for (const auto& message : messages) {
            const auto sequence =
                nlohmann::json::parse(message.value)["event"]["sequence"].get<std::uint64_t>();
            if (seen.insert(sequence).second) {
                std::uint64_t& before = latest[message.topic + message.key];
                EXPECT_TRUE(sequence > before || !in_order) << sequence << " after " << before;
                before = sequence;
            }
        }
        EXPECT_EQ(seen.size(), last);
        EXPECT_EQ(seen.empty() ? 0 : *seen.rbegin(), last);
    }

    const TemporaryDirectory directory_;
    KafkaMock mock_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<SinkRunner> runner_;
};

TEST_F(KafkaSinkTest, EventsArriveWithKeyHeadersAndTime) {
    start(mock_.settings());
    append_one(*spool_, sample_threat(1));
    spool_->commit();
    ASSERT_TRUE(delivered(2));
    const auto messages = mock_.consume({kThreat}, 1);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].key, "prod-eu1/payments");
    EXPECT_EQ(messages[0].headers.at("event-id"), "egw-1:5f0c2a91:3:1");
    EXPECT_EQ(messages[0].headers.at("schema"), "ecs/9.4.0");
    EXPECT_EQ(messages[0].headers.at("action"), "deny");
    EXPECT_EQ(messages[0].time_ms, 1782345678123);
    EXPECT_EQ(nlohmann::json::parse(messages[0].value)["threat"]["feed"]["name"], "urlhaus");
    EXPECT_EQ(runner_->report().sink.state, SinkState::ok);
}

TEST_F(KafkaSinkTest, K1AnOutageLosesNothingAndKeepsTheOrderInsideAKey) {
    start(mock_.settings());
    std::uint64_t next = 1;
    for (int outage = 0; outage < 4; ++outage) {
        append(next, next + 499);
        next += 500;
        mock_.set_all(false);
        append(next, next + 499);
        next += 500;
        // Until the outage is felt, which is not before something had to be sent.
        ASSERT_TRUE(eventually([&] { return runner_->report().sink.state == SinkState::degraded; })
        );
        mock_.set_all(true);
        ASSERT_TRUE(delivered(next));
    }
    EXPECT_TRUE(eventually([&] { return runner_->report().sink.state == SinkState::ok; }));
    expect_complete(mock_.consume({kFlow}, next - 1), next - 1);
}

TEST_F(KafkaSinkTest, K3RetriesOfTheBrokerLeaveNoHolesAndNoDisorder) {
    start(one_at_a_time());
    append(1, 200);
    ASSERT_TRUE(delivered(201));
    mock_.fail_produce(
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
         RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
         RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
         RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND}
    );
    append(201, 1200);
    ASSERT_TRUE(delivered(1201));
    expect_complete(mock_.consume({kFlow}, 1200), 1200);
}

TEST_F(KafkaSinkTest, K4AFatalErrorGetsANewProducerAndAReplay) {
    start(one_at_a_time());
    append(1, 300);
    ASSERT_TRUE(delivered(301));
    mock_.fail_produce({RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
    append(301, 600);
    ASSERT_TRUE(delivered(601));
    EXPECT_GE(runner_->report().sink.restarts, 1U);
    append(601, 900);
    ASSERT_TRUE(delivered(901));
    EXPECT_EQ(runner_->report().sink.state, SinkState::ok);
    // What the old producer had ready when the error came, the mock takes before the replay;
    // tests/lab/test_kafka_outage.py asks a real broker for the order.
    expect_complete(mock_.consume({kFlow}, 900), 900, false);
}

TEST_F(KafkaSinkTest, K5AnUnauthorisedTopicWaitsAloneAndRecoversWithoutARestart) {
    rd_kafka_mock_topic_create(mock_.get(), kDns, KafkaMock::kPartitions, 1);
    for (int i = 0; i < 12; ++i) {
        mock_.fail_produce({RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    }
    start(mock_.settings());
    for (std::uint64_t i = 1; i <= 20; ++i) {
        Event event = flow(i);
        event.kind = EventKind::dns_query;
        append_one(*spool_, event);
    }
    spool_->commit();
    ASSERT_TRUE(eventually([&] {
        return runner_->report().sink.text.find("\"egress.dns.v1\"") != std::string::npos;
    }));
    EXPECT_EQ(runner_->report().sink.state, SinkState::degraded);
    EXPECT_NE(runner_->report().sink.text.find("Topic authorization failed"), std::string::npos);
    EXPECT_LT(runner_->report().cursor, 21U);
    rd_kafka_mock_clear_request_errors(mock_.get(), kProduceRequest);
    append(21, 40);
    ASSERT_TRUE(delivered(41));
    EXPECT_EQ(runner_->report().sink.state, SinkState::ok);
    EXPECT_GE(runner_->report().sink.retried, 1U);
    expect_complete(mock_.consume({kFlow, kDns}, 40), 40);
}

TEST_F(KafkaSinkTest, K5AMissingTopicIsNamedAndTheOthersGoOn) {
    rd_kafka_mock_topic_set_error(mock_.get(), kDns, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    start(mock_.settings());
    Event query = flow(1);
    query.kind = EventKind::dns_query;
    append_one(*spool_, query);
    append(2, 50);
    ASSERT_TRUE(eventually([&] {
        return runner_->report().sink.text.find("\"egress.dns.v1\"") != std::string::npos;
    })) << runner_->report().sink.text;
    ASSERT_TRUE(eventually([&] { return runner_->report().sink.delivered >= 49; }));
    EXPECT_EQ(runner_->report().cursor, 1U);
    rd_kafka_mock_topic_set_error(mock_.get(), kDns, RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_TRUE(delivered(51)) << runner_->report().sink.text;
    EXPECT_EQ(runner_->report().sink.state, SinkState::ok);
    expect_complete(mock_.consume({kFlow, kDns}, 50), 50);
}

TEST_F(KafkaSinkTest, K6WhatTheClientFindsTooLargeIsReducedThenPutAside) {
    KafkaSettings settings = mock_.settings();
    settings.dead_letter_path = directory_.path() + "/dlq.ndjson";
    // A flow with its many labels does not fit, without them it does; a match on a long name never
    // does.
    EventDictionary names = sample_dictionary();
    for (int i = 0; i < 100; ++i) {
        names.workloads[kApiPod].labels["label-" + std::to_string(i)] = std::string(60, 'x');
    }
    ASSERT_TRUE(spool_->write_dictionary(names));
    Event threat = sample_threat(2);
    set_text(threat, std::string(250, 'a'));
    EcsEncoder encoder;
    const auto size_of = [&](const Event& event, Detail detail) {
        std::string out;
        encoder.encode(event, names, detail, out);
        return out.size();
    };
    constexpr std::size_t kLimit = 4000;
    ASSERT_GT(size_of(flow(1), Detail::full), kLimit);
    ASSERT_LT(size_of(flow(1), Detail::reduced), kLimit - 500);
    ASSERT_GT(size_of(threat, Detail::reduced), kLimit);
    settings.rdkafka["message.max.bytes"] = std::to_string(kLimit);
    start(settings);
    append(1, 1);
    append_one(*spool_, threat);
    append(3, 3);
    ASSERT_TRUE(delivered(4));
    const auto messages = mock_.consume({kFlow}, 2);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_TRUE(nlohmann::json::parse(messages[0].value)["sallyport"]["truncated"]);
    EXPECT_EQ(runner_->report().sink.dead_letters, 1U);
    const auto letter = read_file(settings.dead_letter_path, 1U << 20U).value();
    EXPECT_EQ(nlohmann::json::parse(letter)["event"]["sequence"], 2);
}

TEST_F(KafkaSinkTest, K6WhatTheBrokerFindsTooLargeIsReducedThenPutAside) {
    KafkaSettings settings = mock_.settings();
    settings.dead_letter_path = directory_.path() + "/dlq.ndjson";
    rd_kafka_mock_topic_create(mock_.get(), kFlow, 1, 1);
    start(settings);
    append(1, 1);
    ASSERT_TRUE(delivered(2));
    mock_.fail_produce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    append(2, 2);
    ASSERT_TRUE(delivered(3));
    mock_.fail_produce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE}
    );
    append(3, 3);
    ASSERT_TRUE(delivered(4));
    EXPECT_EQ(runner_->report().sink.dead_letters, 1U);
    runner_->stop();
    EXPECT_EQ(
        nlohmann::json::parse(read_file(settings.dead_letter_path, 1U << 20U).value()
        )["event"]["sequence"],
        3
    );
}

// Goal: one record that is too large costs its neighbours nothing. Method: the broker refuses whole
// batches until the one at fault travels alone, then that one's shorter form too.
TEST_F(KafkaSinkTest, K6ABatchThatIsTooLargeIsSentInPartsBeforeAnEventIsJudged) {
    KafkaSettings settings = mock_.settings();
    settings.dead_letter_path = directory_.path() + "/dlq.ndjson";
    settings.rdkafka["linger.ms"] = "50";  // so that what is sent together travels together
    rd_kafka_mock_topic_create(mock_.get(), kFlow, 1, 1);
    start(settings);
    append(1, 1);
    ASSERT_TRUE(delivered(2));
    mock_.fail_produce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    append(2, 101);
    ASSERT_TRUE(delivered(102));
    EXPECT_EQ(runner_->report().sink.dead_letters, 0U);
    // 8 together, 4, 2, 1, and that one again without its labels.
    mock_.fail_produce(std::vector(5, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
    append(102, 109);
    ASSERT_TRUE(delivered(110));
    EXPECT_EQ(runner_->report().sink.dead_letters, 1U);
    EXPECT_EQ(
        nlohmann::json::parse(read_file(settings.dead_letter_path, 1U << 20U).value()
        )["event"]["sequence"],
        102
    );
    const auto messages = mock_.consume({kFlow}, 108);
    EXPECT_EQ(messages.size(), 108U);
    for (const auto& message : messages) {
        EXPECT_FALSE(nlohmann::json::parse(message.value)["sallyport"].contains("truncated"));
    }
    EXPECT_EQ(runner_->report().sink.state, SinkState::ok);
}

TEST_F(KafkaSinkTest, ARecordTheBrokerCallsInvalidIsPutAsideAfterAFewTries) {
    KafkaSettings settings = mock_.settings();
    settings.dead_letter_path = directory_.path() + "/dlq.ndjson";
    rd_kafka_mock_topic_create(mock_.get(), kFlow, 1, 1);
    start(settings);
    append(1, 1);
    ASSERT_TRUE(delivered(2));
    mock_.fail_produce(
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
         RD_KAFKA_RESP_ERR_INVALID_RECORD,
         RD_KAFKA_RESP_ERR_INVALID_RECORD}
    );
    append(2, 2);
    ASSERT_TRUE(delivered(3));
    EXPECT_EQ(runner_->report().sink.dead_letters, 1U);
    append(3, 3);
    ASSERT_TRUE(delivered(4));
    EXPECT_EQ(mock_.consume({kFlow}, 2).size(), 2U);
}

TEST_F(KafkaSinkTest, AnEventIsDealtWithOnlyOnceItsDeadLetterIsOnDisk) {
    KafkaSettings settings = mock_.settings();
    const std::string folder = directory_.path() + "/letters";
    settings.dead_letter_path = folder + "/dlq.ndjson";
    settings.rdkafka["message.max.bytes"] = "1000";
    start(settings);
    append(1, 1);
    ASSERT_TRUE(eventually([&] { return runner_->report().sink.state == SinkState::degraded; }));
    EXPECT_EQ(
        runner_->report().sink.text,
        "cannot open " + settings.dead_letter_path +
            ": No such file or directory; events that cannot be sent wait for it"
    );
    EXPECT_EQ(runner_->report().cursor, 1U);
    EXPECT_EQ(runner_->report().sink.dead_letters, 0U);
    std::filesystem::create_directory(folder);
    ASSERT_TRUE(delivered(2));
    EXPECT_EQ(runner_->report().sink.dead_letters, 1U);
    EXPECT_TRUE(eventually([&] { return runner_->report().sink.state == SinkState::ok; }));
}

TEST_F(KafkaSinkTest, K11AFullQueueBoundsMemoryAndLosesNothing) {
    KafkaSettings settings = mock_.settings();
    settings.rdkafka["queue.buffering.max.messages"] = "100";
    start(settings);
    append(1, 10);
    ASSERT_TRUE(delivered(11));
    mock_.set_all(false);
    append(11, 3000);
    ASSERT_TRUE(eventually([&] { return runner_->report().sink.pending == 50; }));
    EXPECT_EQ(runner_->report().behind, 2990U);
    mock_.set_all(true);
    ASSERT_TRUE(delivered(3001));
    expect_complete(mock_.consume({kFlow}, 3000), 3000);
}

TEST_F(KafkaSinkTest, StopWhileBrokersAreDownIsQuickAndTheRestComesLater) {
    start(mock_.settings());
    append(1, 100);
    ASSERT_TRUE(delivered(101));
    mock_.set_all(false);
    append(101, 400);
    const auto before = std::chrono::steady_clock::now();
    runner_->stop(std::chrono::seconds(2));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
    runner_.reset();
    EXPECT_EQ(read_cursor(directory_.path() + "/spool", "kafka"), 101U);
    mock_.set_all(true);
    start(mock_.settings());
    ASSERT_TRUE(delivered(401));
    expect_complete(mock_.consume({kFlow}, 400), 400);
}

// Goal: a refusal that is heard while stopping asks for nothing that a stopped sink cannot do.
// Method: the sink alone, so that the report comes inside stop() and not before.
TEST_F(KafkaSinkTest, WhatIsFoundTooLargeWhileStoppingWaitsForTheNextStart) {
    rd_kafka_mock_topic_create(mock_.get(), kFlow, 1, 1);
    auto sink = std::move(make_kafka_sink(mock_.settings())).value();
    mock_.fail_produce({RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
    OutgoingEvent event;
    event.number = 7;
    event.document = "{}";
    ASSERT_EQ(sink->offer(event), Offer::taken);
    const SinkProgress last = sink->stop(std::chrono::seconds(10));
    EXPECT_TRUE(last.oversize.empty());
    EXPECT_EQ(last.oldest_pending, 7U);
    event.reduced = true;
    EXPECT_EQ(sink->offer(event), Offer::busy);
}

TEST_F(KafkaSinkTest, StopSendsWhatIsLeftWhenItCan) {
    start(mock_.settings());
    append(1, 2000);
    spool_->close();
    runner_->stop();
    EXPECT_EQ(runner_->report().cursor, 2001U);
    EXPECT_EQ(read_cursor(directory_.path() + "/spool", "kafka"), 2001U);
    expect_complete(mock_.consume({kFlow}, 2000), 2000);
}

TEST_F(KafkaSinkTest, ABrokerThatIsNotThereIsToldByNameAndStopIsQuick) {
    KafkaSettings settings;
    settings.brokers = {"127.0.0.1:9"};
    start(settings);
    append(1, 10);
    ASSERT_TRUE(eventually([&] { return runner_->report().sink.state == SinkState::degraded; }));
    EXPECT_NE(runner_->report().sink.text.find("127.0.0.1:9"), std::string::npos);
    const auto before = std::chrono::steady_clock::now();
    runner_->stop(std::chrono::seconds(1));
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

}  // namespace
}  // namespace sallyport::exporters
