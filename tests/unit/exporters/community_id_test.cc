// SPDX-License-Identifier: Apache-2.0
#include "exporters/community_id.h"

#include "tests/unit/exporters/samples.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

namespace sallyport::exporters {
namespace {

constexpr const char* kA = "fe80:1:203:405:607:809:a0b:c0d";
constexpr const char* kB = "fe80:1011:1213:1415:1617:1819:1a1b:1c1d";

struct Vector {
    const char* name;
    std::uint8_t protocol;
    const char* source;
    const char* destination;
    std::uint16_t source_port;
    std::uint16_t destination_port;
    const char* seed0;
    const char* seed1;  ///< null when the reference gives none
};

/// Events reference, section 9.
const Vector kVectors[] = {
    {"tcp",
     6,
     "1.2.3.4",
     "5.6.7.8",
     1122,
     3344,
     "1:wCb3OG7yAFWelaUydu0D+125CLM=",
     "1:HhA1B+6CoLbiKPEs5nhNYN4XWfk="},
    {"udp",
     17,
     "1.2.3.4",
     "5.6.7.8",
     1122,
     3344,
     "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=",
     "1:OShq+iKDAMVouh/4bMxB9Sz4amw="},
    {"sctp",
     132,
     "1.2.3.4",
     "5.6.7.8",
     1122,
     3344,
     "1:EKt4MsxuyaE6mL+hmrEkQ9csDD8=",
     "1:uitchpn5MMGAQKBJh7bIr/bAr7s="},
    {"icmp_echo",
     1,
     "1.2.3.4",
     "5.6.7.8",
     8,
     0,
     "1:crodRHL2FEsHjbv3UkRrfbs4bZ0=",
     "1:9pr4ZGTICiuZoIh90RRYE2RyXpU="},
    {"icmp_one_way",
     1,
     "1.2.3.4",
     "5.6.7.8",
     11,
     0,
     "1:f/YiSyWqczrTgfUCZlBUnvHRcPk=",
     "1:1DD7cWGC/Yg91YGsQeni8du3pIA="},
    {"icmp6_echo",
     58,
     kA,
     kB,
     128,
     0,
     "1:0bf7hyMJUwt3fMED7z8LIfRpBeo=",
     "1:IO27GQzPuCtNnwFvjWALMHu5tJE="},
    {"icmp6_one_way",
     58,
     kA,
     kB,
     146,
     0,
     "1:fYC8+pz24E+EhANP1EZhpX0Dw10=",
     "1:Cv4IKJe56BNkF0MBW2YxQ3Nwc3s="},
    {"rsvp",
     46,
     "1.2.3.4",
     "5.6.7.8",
     0,
     0,
     "1:ikv3kmf89luf73WPz1jOs49S768=",
     "1:/buhqeOmaRCopOZFy9HnoJd5XW8="},
    {"rsvp_v6",
     46,
     kA,
     kB,
     0,
     0,
     "1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0=",
     "1:j6EyyfBzL4vWKHFXgUqb5Az3OxM="},
    {"before_nat",
     6,
     "10.42.3.17",
     "192.0.2.80",
     48120,
     443,
     "1:zHGtyo0LzDGX8vkmQQL01NUnLjs=",
     nullptr},
    {"after_nat",
     6,
     "203.0.113.7",
     "192.0.2.80",
     31001,
     443,
     "1:tflNYCHb2FU6k5KmTjeTO8cDQ+I=",
     nullptr},
};

class CommunityIdVector : public testing::TestWithParam<Vector> {};

TEST_P(CommunityIdVector, MatchesTheReference) {
    const Vector& v = GetParam();
    CommunityId seed0;
    CommunityId seed1(1);
    const FlowTuple tuple{
        address(v.source), address(v.destination), v.protocol, v.source_port, v.destination_port};
    EXPECT_EQ(seed0.of(tuple), v.seed0);
    if (v.seed1 != nullptr) {
        EXPECT_EQ(seed1.of(tuple), v.seed1);
    }
}

TEST_P(CommunityIdVector, IsTheSameForTheReplyUnlessOneWay) {
    const Vector& v = GetParam();
    if (v.protocol == 1 || v.protocol == 58) {
        GTEST_SKIP() << "the reply of an ICMP message has another type";
    }
    CommunityId id;
    const FlowTuple reply{
        address(v.destination), address(v.source), v.protocol, v.destination_port, v.source_port};
    EXPECT_EQ(id.of(reply), v.seed0);
}

INSTANTIATE_TEST_SUITE_P(
    Reference,
    CommunityIdVector,
    testing::ValuesIn(kVectors),
    [](const auto& vector) { return vector.param.name; }
);

TEST(CommunityId, IsEmptyWithoutTwoAddressesOfOneFamily) {
    CommunityId id;
    EXPECT_EQ(id.of({}), "");
    EXPECT_EQ(id.of({address("1.2.3.4"), address("::1"), 6, 1, 2}), "");
    EXPECT_EQ(id.of({address("1.2.3.4"), IpAddress{}, 6, 1, 2}), "");
}

TEST(CommunityId, IcmpRepliesShareTheId) {
    CommunityId id;
    EXPECT_EQ(
        id.of({address("1.2.3.4"), address("5.6.7.8"), 1, 8, 0}),
        id.of({address("5.6.7.8"), address("1.2.3.4"), 1, 0, 0})
    );
    EXPECT_EQ(
        id.of({address(kA), address(kB), 58, 128, 0}), id.of({address(kB), address(kA), 58, 129, 0})
    );
}

std::string shared_data() {
    const char* given = std::getenv("SALLYPORT_SHARED_DATA");
    return given != nullptr ? given : std::string(SALLYPORT_SOURCE_ROOT) + "/../shared/data";
}

void check_baseline(const std::string& file, std::uint16_t seed) {
    std::ifstream in(shared_data() + "/schemas/community-id/baseline/" + file);
    if (!in) {
        GTEST_SKIP() << "no shared data at " << shared_data();
    }
    const auto entries = nlohmann::json::parse(in);
    ASSERT_GE(entries.size(), 20U);
    CommunityId id(seed);
    for (const auto& entry : entries) {
        const FlowTuple tuple{
            address(entry["saddr"].get<std::string>()),
            address(entry["daddr"].get<std::string>()),
            entry["proto"].get<std::uint8_t>(),
            entry["sport"].is_null() ? std::uint16_t{0} : entry["sport"].get<std::uint16_t>(),
            entry["dport"].is_null() ? std::uint16_t{0} : entry["dport"].get<std::uint16_t>()};
        EXPECT_EQ(id.of(tuple), entry["communityid"].get<std::string>()) << entry.dump();
    }
}

TEST(CommunityId, ReproducesTheSpecificationsBaseline) {
    check_baseline("baseline_deflt.json", 0);
}
TEST(CommunityId, ReproducesTheBaselineWithSeedOne) {
    check_baseline("baseline_seed1.json", 1);
}

}  // namespace
}  // namespace sallyport::exporters
