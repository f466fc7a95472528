// SPDX-License-Identifier: Apache-2.0
#include "exporters/kafka_settings.h"

#include "exporters/kafka_sink.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace sallyport::exporters {
namespace {

KafkaSettings one_broker() {
    KafkaSettings out;
    out.brokers = {"127.0.0.1:9"};
    return out;
}

std::map<std::string, std::string> properties(const KafkaSettings& settings) {
    std::vector<std::string> problems;
    const KafkaProperties list = kafka_properties(settings, problems);
    EXPECT_TRUE(problems.empty()) << problems.front();
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : list) {
        EXPECT_TRUE(out.emplace(name, value).second) << name << " is set twice";
    }
    return out;
}

std::vector<std::string> problems_of(const KafkaSettings& settings) {
    std::vector<std::string> problems;
    kafka_properties(settings, problems);
    return problems;
}

TEST(KafkaSettings, WithoutBrokersThereIsNoSink) {
    EXPECT_EQ(problems_of({}), std::vector<std::string>{"brokers: at least one is needed"});
    EXPECT_FALSE(make_kafka_sink({}));
}

TEST(KafkaSettings, K2K3DefaultsNeverGiveUpAndNeverReorder) {
    const auto ours = properties(one_broker());
    EXPECT_EQ(ours.at("enable.idempotence"), "true");
    EXPECT_EQ(ours.at("message.timeout.ms"), "0");
    EXPECT_EQ(ours.at("partitioner"), "murmur2_random");
    EXPECT_EQ(ours.at("queue.buffering.max.messages"), "200000");
    EXPECT_EQ(ours.at("compression.codec"), "zstd");
    EXPECT_EQ(ours.count("security.protocol"), 0U);
}

TEST(KafkaSettings, PassedPropertiesReplaceDefaultsAlsoUnderTheirOtherNames) {
    KafkaSettings settings = one_broker();
    settings.rdkafka = {
        {"queue.buffering.max.ms", "75"}, {"compression.type", "lz4"}, {"debug", "broker"}};
    const auto all = properties(settings);
    EXPECT_EQ(all.count("linger.ms"), 0U);
    EXPECT_EQ(all.count("compression.codec"), 0U);
    EXPECT_EQ(all.at("compression.type"), "lz4");
    EXPECT_EQ(all.at("debug"), "broker");
}

TEST(KafkaSettings, APropertySetTwiceIsRefusedNamingBothPlaces) {
    const TemporaryDirectory directory;
    const std::string secret = directory.path() + "/secret";
    std::ofstream(secret) << "hunter2\n";
    KafkaSettings settings = one_broker();
    settings.tls.enabled = true;
    settings.tls.ca_file = secret;
    settings.sasl = {"SCRAM-SHA-512", "sallyport", secret};
    settings.rdkafka = {
        {"metadata.broker.list", "x"},
        {"security.protocol", "ssl"},
        {"ssl.ca.location", "x"},
        {"sasl.mechanism", "PLAIN"},
        {"sasl.password", "other"}};
    const std::vector<std::string> expected{
        "rdkafka.\"metadata.broker.list\" and brokers set the same thing: keep one of them",
        "rdkafka.\"security.protocol\" and tls set the same thing: keep one of them",
        "rdkafka.\"ssl.ca.location\" and tls.ca set the same thing: keep one of them",
        "rdkafka.\"sasl.mechanism\" and sasl.mechanism set the same thing: keep one of them",
        "rdkafka.\"sasl.password\" and sasl.password_file set the same thing: keep one of them"};
    EXPECT_EQ(problems_of(settings), expected);
}

TEST(KafkaSettings, WhatWouldMakeReportsMeaninglessIsRefused) {
    KafkaSettings settings = one_broker();
    settings.rdkafka = {{"request.required.acks", "0"}, {"delivery.report.only.error", "true"}};
    EXPECT_EQ(problems_of(settings).size(), 2U);
}

TEST(KafkaSettings, SecretsComeFromFilesAndStayOutOfMessages) {
    const TemporaryDirectory directory;
    const std::string secret = directory.path() + "/secret";
    std::ofstream(secret) << "hunter2\r\n";
    KafkaSettings settings = one_broker();
    settings.sasl = {"PLAIN", "sallyport", secret};
    auto all = properties(settings);
    EXPECT_EQ(all.at("sasl.password"), "hunter2");
    EXPECT_EQ(all.at("security.protocol"), "sasl_plaintext");
    settings.tls.enabled = true;
    EXPECT_EQ(properties(settings).at("security.protocol"), "sasl_ssl");
    settings.sasl = {};
    EXPECT_EQ(properties(settings).at("security.protocol"), "ssl");

    settings.sasl = {"", "sallyport", directory.path() + "/absent"};
    settings.tls.certificate_file = secret;
    const auto problems = problems_of(settings);
    ASSERT_EQ(problems.size(), 2U);
    for (const std::string& problem : problems) {
        EXPECT_EQ(problem.find("hunter2"), std::string::npos);
    }
    settings.sasl.mechanism = "PLAIN";
    settings.tls.certificate_file.clear();
    EXPECT_EQ(
        problems_of(settings).at(0),
        "sasl.password_file: cannot read \"" + directory.path() + "/absent\""
    );
}

TEST(KafkaSettings, AnUnknownPropertyIsNamed) {
    KafkaSettings settings = one_broker();
    settings.rdkafka = {{"lingerms", "5"}};
    EXPECT_NE(make_kafka_sink(settings).error().message.find("\"lingerms\""), std::string::npos);
    settings.rdkafka = {{"linger.ms", "soon"}};
    EXPECT_NE(make_kafka_sink(settings).error().message.find("\"linger.ms\""), std::string::npos);
}

}  // namespace
}  // namespace sallyport::exporters
