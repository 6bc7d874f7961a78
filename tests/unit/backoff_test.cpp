#include "core/backoff.hpp"

#include <gtest/gtest.h>

#include <climits>

using namespace ayb::core;

TEST(Backoff, DoublesUpToFiveMinutes) {
    EXPECT_EQ(default_backoff_ms(1, 0), 5000);
    EXPECT_EQ(default_backoff_ms(2, 0), 10000);
    EXPECT_EQ(default_backoff_ms(6, 0), 160000);
    EXPECT_EQ(default_backoff_ms(7, 0), 300000);
    EXPECT_EQ(default_backoff_ms(INT_MAX, 0), 300000);
}

TEST(Backoff, AddsLessThanASecondOfJitter) {
    EXPECT_EQ(default_backoff_ms(1, 0.5), 5500);
    EXPECT_LT(default_backoff_ms(1, 0.999999), 6000);
}

TEST(Backoff, CountsAttemptsFromOne) {
    EXPECT_EQ(default_backoff_ms(0, 0), 5000);
    EXPECT_EQ(default_backoff_ms(-7, 0), 5000);
}

TEST(Backoff, StepsEndWithTheLastOne) {
    const int64_t steps[] = {100, 2000, 30000};
    EXPECT_EQ(stepped_backoff_ms(1, steps, 3), 100);
    EXPECT_EQ(stepped_backoff_ms(3, steps, 3), 30000);
    EXPECT_EQ(stepped_backoff_ms(9, steps, 3), 30000);
    EXPECT_EQ(stepped_backoff_ms(0, steps, 3), 100);
}
