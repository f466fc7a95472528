// SPDX-License-Identifier: Apache-2.0
// Goal: every member of a closed list has a spelling of its own, in the alphabet its readers
// expect. The spellings that are promises (interfaces, events reference) stand here, so that
// changing one is seen.
#include "gateway/model/drop_reason.h"
#include "gateway/model/event.h"
#include "gateway/model/indicator.h"
#include "gateway/model/verdict.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

namespace sallyport {
namespace {

void expect_spelling(std::string_view name, std::string_view separators) {
    EXPECT_FALSE(name.empty());
    for (const char c : name) {
        EXPECT_TRUE(
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            separators.find(c) != std::string_view::npos
        ) << name;
    }
}

// The spellings of the values [0, count) of a list, each its own.
template <class Enum>
std::set<std::string> spellings(std::size_t count, std::string_view separators = "_") {
    std::set<std::string> out;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view name = name_of(static_cast<Enum>(i));
        expect_spelling(name, separators);
        EXPECT_TRUE(out.emplace(name).second) << name << " twice";
    }
    return out;
}

TEST(Names, DropReasons) {
    const auto names = spellings<DropReason>(kDropReasonCount);
    EXPECT_TRUE(names.contains("nat_ports_exhausted"));
    EXPECT_EQ(name_of(DropReason::feed_denied), "feed_denied");
    EXPECT_EQ(name_of(DropReason::none), "none");
    for (std::size_t i = 0; i < kDropReasonCount; ++i) {
        const std::string_view help = help_of(static_cast<DropReason>(i));
        EXPECT_GT(help.size(), 10U) << name_of(static_cast<DropReason>(i));
        EXPECT_FALSE(help.ends_with('.')) << help;
    }
}

TEST(Names, VerdictReasonsAreDashed) {
    const auto count = static_cast<std::size_t>(VerdictReason::count_);
    const auto names = spellings<VerdictReason>(count, "-");
    EXPECT_TRUE(names.contains("policy-deny"));
    EXPECT_EQ(name_of(VerdictReason::policy_default_deny), "policy-default-deny");
    EXPECT_EQ(name_of(VerdictReason::feed_match), "feed-match");
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_FALSE(help_of(static_cast<VerdictReason>(i)).empty());
    }
}

TEST(Names, SmallLists) {
    EXPECT_EQ(spellings<Verdict>(3), (std::set<std::string>{"allow", "deny", "undecided"}));
    EXPECT_EQ(spellings<DenyMode>(5).size(), 5U);
    EXPECT_EQ(
        spellings<NameSource>(5),
        (std::set<std::string>{"dns", "http_host", "none", "quic_sni", "sni"})
    );
    EXPECT_EQ(
        spellings<AppProtocol>(6),
        (std::set<std::string>{"dns", "http", "none", "quic", "ssh", "tls"})
    );
    EXPECT_EQ(
        spellings<AttributionStatus>(4),
        (std::set<std::string>{"ambiguous", "known", "node", "unknown"})
    );
    EXPECT_EQ(spellings<FeedAction>(3), (std::set<std::string>{"alert", "allow", "deny"}));
    EXPECT_EQ(spellings<IndicatorType>(8).size(), 8U);
    EXPECT_EQ(spellings<CloseReason>(7).size(), 7U);
    EXPECT_EQ(name_of(AppProtocol::quic), "quic");
    EXPECT_EQ(name_of(NameSource::http_host), "http_host");
    EXPECT_EQ(name_of(FeedAction::deny), "deny");
    EXPECT_EQ(name_of(IndicatorType::pattern), "pattern");
}

TEST(Names, EventKindsAndClasses) {
    std::set<std::string> actions;
    std::set<std::string> classes;
    for (std::size_t i = 1; i <= static_cast<std::size_t>(EventKind::spool_truncated); ++i) {
        const auto kind = static_cast<EventKind>(i);
        expect_spelling(action_of(kind), "-");
        EXPECT_TRUE(actions.emplace(action_of(kind)).second) << action_of(kind);
        classes.emplace(name_of(class_of(kind)));
    }
    EXPECT_EQ(
        classes,
        (std::set<std::string>{"audit", "dns", "flow", "health", "nat", "policy", "threat"})
    );
    EXPECT_EQ(action_of(EventKind::flow_start), "flow-start");
    EXPECT_EQ(action_of(EventKind::nat_block_released), "nat-block-released");
    EXPECT_EQ(action_of(EventKind::events_shed), "events-shed");
    EXPECT_EQ(action_of(EventKind::spool_truncated), "spool-truncated");
    EXPECT_EQ(class_of(EventKind::flow_denied), EventClass::flow);
    EXPECT_EQ(class_of(EventKind::verdict), EventClass::policy);
    EXPECT_EQ(class_of(EventKind::generation_refused), EventClass::audit);
}

// A value from a file or a ring that no list has must not read past the list.
TEST(Names, ValuesOutsideTheirList) {
    EXPECT_FALSE(name_of(static_cast<DropReason>(255)).empty());
    EXPECT_FALSE(name_of(static_cast<VerdictReason>(255)).empty());
    EXPECT_FALSE(name_of(static_cast<Verdict>(255)).empty());
    EXPECT_FALSE(name_of(static_cast<AppProtocol>(255)).empty());
    EXPECT_FALSE(name_of(static_cast<EventClass>(255)).empty());
    EXPECT_EQ(class_of(static_cast<EventKind>(255)), EventClass::health);
}

}  // namespace
}  // namespace sallyport
