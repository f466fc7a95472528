// SPDX-License-Identifier: Apache-2.0
#include "exporters/dictionary_store.h"

#include "exporters/byte_io.h"
#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <set>

namespace sallyport::exporters {
namespace {

TEST(DictionaryStore, RefusesEveryTruncation) {
    std::string bytes;
    append_dictionary(sample_dictionary(), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_dictionary(bytes_of(bytes).first(size))) << size;
    }
    EXPECT_FALSE(parse_dictionary(bytes_of(bytes + "x")));
}

TEST(DictionaryStore, RefusesEveryFlippedByte) {
    std::string bytes;
    append_dictionary(sample_dictionary(), bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
        EXPECT_FALSE(parse_dictionary(bytes_of(damaged))) << at;
    }
}

TEST(DictionaryStore, GivesBackWhatWasWritten) {
    const EventDictionary in = sample_dictionary();
    std::string bytes;
    append_dictionary(in, bytes);
    const auto out = parse_dictionary(bytes_of(bytes));
    ASSERT_TRUE(out);
    EXPECT_EQ(out->boot, in.boot);
    EXPECT_EQ(out->generation, in.generation);
    EXPECT_EQ(out->gateway, in.gateway);
    ASSERT_EQ(out->workloads.size(), in.workloads.size());
    EXPECT_EQ(out->workloads[kApiPod].labels, in.workloads[kApiPod].labels);
    EXPECT_EQ(out->workloads[kApiPod].namespace_labels, in.workloads[kApiPod].namespace_labels);
    EXPECT_EQ(out->workloads[kDaemonPod].addresses, in.workloads[kDaemonPod].addresses);
    EXPECT_EQ(out->workloads[kNode].kind, Workload::Kind::node);
    EXPECT_EQ(out->rules[0].trace, in.rules[0].trace);
    EXPECT_EQ(out->feeds[1].confidence, 40);
    EXPECT_EQ(out->pools, in.pools);
    EXPECT_EQ(out->patterns, in.patterns);
    std::string again;
    append_dictionary(*out, again);
    EXPECT_EQ(again, bytes);
}

TEST(DictionaryStore, FindsWhatAnotherProcessWrote) {
    const TemporaryDirectory directory;
    SpoolIo io;
    DictionaryStore writer(directory.path());
    ASSERT_TRUE(writer.write(io, sample_dictionary()));
    DictionaryStore reader(directory.path());
    EXPECT_EQ(reader.find(kBoot, kGeneration)->workloads[kApiPod].pod, "api-7d9c-x2k");
    EXPECT_EQ(reader.find(kBoot, kGeneration), reader.find(kBoot, kGeneration));
}

TEST(DictionaryStore, WithoutTheGenerationNamesWorkloadsOnly) {
    const TemporaryDirectory directory;
    SpoolIo io;
    DictionaryStore store(directory.path());
    ASSERT_TRUE(store.write(io, sample_dictionary()));
    for (const std::uint32_t generation : {kGeneration - 5, kGeneration + 5}) {
        const auto found = store.find(kBoot, generation);
        EXPECT_EQ(found->workloads[kApiPod].pod, "api-7d9c-x2k");
        EXPECT_TRUE(found->rules.empty());
        EXPECT_TRUE(found->feeds.empty());
        EXPECT_EQ(found->gateway, "egw-1");
    }
    // Ids of another boot mean other workloads.
    const auto other = store.find(kBoot + 1, kGeneration);
    EXPECT_TRUE(other->workloads.empty());
    EXPECT_EQ(other->gateway, "egw-1");
}

TEST(DictionaryStore, IsNeverNullInAnEmptyDirectory) {
    const TemporaryDirectory directory;
    DictionaryStore store(directory.path());
    EXPECT_TRUE(store.find(1, 1)->workloads.empty());
}

TEST(DictionaryStore, CollectsOnlyWhatNobodyNeeds) {
    const TemporaryDirectory directory;
    SpoolIo io;
    DictionaryStore store(directory.path());
    EventDictionary dictionary = sample_dictionary();
    for (const std::uint64_t boot : {1U, 2U}) {
        for (const std::uint32_t generation : {1U, 2U, 3U}) {
            dictionary.boot = boot;
            dictionary.generation = generation;
            ASSERT_TRUE(store.write(io, dictionary));
        }
    }
    store.collect({{1, 2}}, 2, 3, 1U << 30U);
    using Keys = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
    EXPECT_EQ(list_spool(directory.path()).dictionaries, (Keys{{1, 2}, {2, 3}}));
}

TEST(DictionaryStore, TooManyThatAreNeededLoseTheOldestFirst) {
    const TemporaryDirectory directory;
    SpoolIo io;
    DictionaryStore store(directory.path());
    EventDictionary dictionary = sample_dictionary();
    std::set<std::pair<std::uint64_t, std::uint32_t>> needed;
    for (const std::uint64_t boot : {7U, 2U}) {  // boots are random numbers: 2 is the newer one
        for (const std::uint32_t generation : {1U, 2U, 3U}) {
            dictionary.boot = boot;
            dictionary.generation = generation;
            ASSERT_TRUE(store.write(io, dictionary));
            needed.emplace(boot, generation);
        }
    }
    const std::uint64_t one = file_bytes(dictionary_path(directory.path(), 2, 1));
    store.collect(needed, 2, 3, one * 2);
    using Keys = std::vector<std::pair<std::uint64_t, std::uint32_t>>;
    EXPECT_EQ(list_spool(directory.path()).dictionaries, (Keys{{2, 2}, {2, 3}}));
    store.collect(needed, 2, 3, 0);  // what is in force stays
    EXPECT_EQ(list_spool(directory.path()).dictionaries, (Keys{{2, 3}}));
    DictionaryStore reader(directory.path());
    EXPECT_EQ(reader.find(2, 1)->workloads[kApiPod].pod, "api-7d9c-x2k");
}

}  // namespace
}  // namespace sallyport::exporters
