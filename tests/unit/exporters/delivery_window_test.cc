// SPDX-License-Identifier: Apache-2.0
#include "exporters/delivery_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sallyport::exporters {
namespace {

TEST(DeliveryWindow, TheCursorFollowsTheOldestThatIsMissing) {
    DeliveryWindow window;
    EXPECT_EQ(window.oldest_open(), kNothingPending);
    const auto a = window.add(10);
    const auto b = window.add(11);
    const auto c = window.add(15);
    EXPECT_TRUE(window.confirm(c));
    EXPECT_TRUE(window.confirm(b));
    EXPECT_EQ(window.oldest_open(), 10U);
    EXPECT_TRUE(window.confirm(a));
    EXPECT_EQ(window.oldest_open(), kNothingPending);
    EXPECT_EQ(window.open(), 0U);
}

TEST(DeliveryWindow, ReportsThatComeTwiceOrNeverWereAreIgnored) {
    DeliveryWindow window;
    const auto a = window.add(1);
    EXPECT_TRUE(window.confirm(a));
    EXPECT_FALSE(window.confirm(a));
    EXPECT_FALSE(window.confirm(0));
    EXPECT_FALSE(window.confirm(a + 1));
    window.add(2);
    window.clear();
    EXPECT_FALSE(window.confirm(a + 1));
    EXPECT_EQ(window.oldest_open(), kNothingPending);
    EXPECT_GT(window.add(3), a + 1);
}

TEST(DeliveryWindow, FindsOpenEventsByNumber) {
    DeliveryWindow window;
    const auto a = window.add(1);
    const auto b = window.add(5);
    window.add(9);
    EXPECT_EQ(window.token_of(5), b);
    EXPECT_EQ(window.token_of(6), 0U);
    EXPECT_EQ(window.number_of(b), 5U);
    window.confirm(b);
    EXPECT_EQ(window.token_of(5), 0U);
    EXPECT_TRUE(window.reduce(a));
    EXPECT_FALSE(window.reduce(a));
    window.withdraw();
    EXPECT_EQ(window.token_of(9), 0U);
    EXPECT_EQ(window.open(), 1U);
}

TEST(DeliveryWindow, OneThatWaitsKeepsNoneOfTheOthersInMemory) {
    DeliveryWindow window;
    const auto waits = window.add(1);
    for (std::uint64_t number = 2; number <= 100000; ++number) {
        ASSERT_TRUE(window.confirm(window.add(number)));
    }
    EXPECT_LE(window.entries(), DeliveryWindow::kDoneMax + 3);
    EXPECT_EQ(window.oldest_open(), 1U);
    const auto late = window.add(100001);
    EXPECT_EQ(window.token_of(100001), late);
    EXPECT_TRUE(window.confirm(waits));
    EXPECT_EQ(window.oldest_open(), 100001U);
}

TEST(DeliveryWindow, AgreesWithASetUnderRandomOrder) {
    std::mt19937 random(7);
    DeliveryWindow window;
    std::vector<std::pair<std::uint64_t, DeliveryWindow::Token>> open;
    std::uint64_t number = 1;
    for (int step = 0; step < 20000; ++step) {
        if (open.size() < 500 && random() % 2 == 0) {
            number += 1 + random() % 3;
            open.emplace_back(number, window.add(number));
        } else if (!open.empty()) {
            const auto at = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
            ASSERT_TRUE(window.confirm(at->second));
            open.erase(at);
        }
        std::uint64_t oldest = kNothingPending;
        for (const auto& entry : open) {
            oldest = std::min(oldest, entry.first);
        }
        ASSERT_EQ(window.oldest_open(), oldest);
        ASSERT_EQ(window.open(), open.size());
    }
}

}  // namespace
}  // namespace sallyport::exporters
