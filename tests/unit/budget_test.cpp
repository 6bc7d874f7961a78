// How long the database thinks about what an identity may see.
#include "realtime/budget.hpp"

#include <gtest/gtest.h>

using ayb::realtime::Budget;
using namespace std::chrono_literals;

namespace {

class Budgets : public testing::Test {
  protected:
    Budget::Clock::time_point at(std::chrono::milliseconds time) const { return begin_ + time; }

    const Budget::Clock::time_point begin_ = Budget::Clock::now();
    Budget budget_{50ms};
};

} // namespace

TEST_F(Budgets, SoMuchOfASecond) {
    EXPECT_TRUE(budget_.spend(at(20ms), 20ms, false));
    EXPECT_TRUE(budget_.spend(at(500ms), 30ms, false));
    EXPECT_LE(budget_.free_at(), at(500ms));
    EXPECT_TRUE(budget_.spend(at(600ms), 1ms, false)); // which has to wait now, and no more
    EXPECT_EQ(budget_.free_at(), at(1000ms));
    EXPECT_TRUE(budget_.spend(at(1100ms), 50ms, false)); // the next second
    EXPECT_TRUE(budget_.spend(at(2200ms), 50ms, false));
    EXPECT_FALSE(budget_.exhausted(at(2200ms)));
}

TEST_F(Budgets, OneThatIsTooLongWaitsFromThenOn) {
    EXPECT_FALSE(budget_.spend(at(3000ms), 3000ms, false));
    EXPECT_EQ(budget_.free_at(), at(3000ms));
    EXPECT_FALSE(budget_.spend(at(4000ms), 10ms, true)); // cut off
    EXPECT_EQ(budget_.free_at(), at(5000ms));
}

TEST_F(Budgets, ThreeInAMinuteAreTheEnd) {
    EXPECT_FALSE(budget_.spend(at(1s), 60ms, false));
    EXPECT_FALSE(budget_.spend(at(30s), 60ms, false));
    EXPECT_FALSE(budget_.exhausted(at(30s)));
    EXPECT_FALSE(budget_.spend(at(62s), 60ms, false)); // the first is over
    EXPECT_FALSE(budget_.exhausted(at(62s)));
    EXPECT_FALSE(budget_.spend(at(63s), 60ms, true));
    EXPECT_TRUE(budget_.exhausted(at(63s)));
    EXPECT_FALSE(budget_.exhausted(at(90s)));
}

TEST_F(Budgets, IsForgottenWhenNothingFollowsFromIt) {
    EXPECT_TRUE(budget_.forgettable(at(0s)));
    EXPECT_TRUE(budget_.spend(at(20ms), 20ms, false));
    EXPECT_FALSE(budget_.forgettable(at(500ms)));
    EXPECT_TRUE(budget_.forgettable(at(1000ms)));
    EXPECT_FALSE(budget_.spend(at(2s), 60ms, false));
    EXPECT_FALSE(budget_.forgettable(at(61s)));
    EXPECT_TRUE(budget_.forgettable(at(62s)));
}
