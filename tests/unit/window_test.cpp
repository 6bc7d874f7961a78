// Against every start that was made, kept as a list: never more than the rate in any window, and
// the rate is used.
#include "core/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

using ayb::core::Window;

namespace {

constexpr int64_t kEpoch = 800'000'000'000'000; // about now, from 2000 on

// The most that lie in any window of that length, which is open at one end.
int most_in_any(const std::vector<int64_t> &starts, int64_t length) {
    int most = 0;
    std::size_t first = 0;
    for (std::size_t last = 0; last < starts.size(); last++) {
        while (starts[first] <= starts[last] - length)
            first++;
        most = std::max(most, static_cast<int>(last - first + 1));
    }
    return most;
}

bool start(Window *window, int64_t now, int64_t length, int most) {
    if (!window->has_room(now, length, most))
        return false;
    window->reserve();
    window->start(now, length);
    return true;
}

} // namespace

TEST(window, never_more_than_the_rate) {
    std::mt19937_64 random(20261130);
    for (int round = 0; round < 400; round++) {
        const int most = 1 + static_cast<int>(random() % (round % 2 == 0 ? 4 : 40));
        const int64_t length = 16 + static_cast<int64_t>(random() % 1'000'000);
        Window window{};
        std::vector<int64_t> starts;
        int64_t now = kEpoch + static_cast<int64_t>(random() % length);
        for (int i = 0; i < 2000; i++) {
            now += static_cast<int64_t>(random() % (1 + length / (1 + random() % 60)));
            if (start(&window, now, length, most))
                starts.push_back(now);
        }
        ASSERT_LE(most_in_any(starts, length), most) << "of " << most << " in " << length;
    }
}

TEST(window, the_rate_is_used) {
    for (const int most : {1, 3, 4, 5, 16, 100}) {
        constexpr int64_t kLength = 1'600'000;
        Window window{};
        int started = 0;
        const int64_t end = kEpoch + 100 * kLength;
        for (int64_t now = kEpoch; now < end;) {
            started += start(&window, now, kLength, most) ? 1 : 0;
            now = std::max(now, window.opens_at(now, kLength, most));
        }
        EXPECT_LE(started, 101 * most);
        EXPECT_GE(started, most <= Window::kInstants ? 100 * most : 100 * most * 16 / 17) << most;
    }
}

TEST(window, says_when_it_opens) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 2000; round++) {
        const int most = 1 + static_cast<int>(random() % 12);
        const int64_t length = 16 + static_cast<int64_t>(random() % 10'000);
        Window window{};
        int64_t now = kEpoch;
        while (start(&window, now, length, most))
            now += static_cast<int64_t>(random() % (1 + length / most));
        const int64_t opens = window.opens_at(now, length, most);
        ASSERT_GT(opens, now);
        ASSERT_LE(opens, now + 17 * ((length + 15) / 16));
        ASSERT_FALSE(window.has_room(opens - 1, length, most));
        ASSERT_TRUE(window.has_room(opens, length, most));
    }
}

TEST(window, what_is_reserved_counts_until_it_is_settled) {
    Window window{};
    window.reserve();
    EXPECT_FALSE(window.has_room(kEpoch, 1000, 1));
    EXPECT_FALSE(window.has_room(kEpoch + 5000, 1000, 1));
    window.release();
    EXPECT_TRUE(window.has_room(kEpoch + 5000, 1000, 1));
    window.reserve();
    window.start(kEpoch + 6000, 1000);
    EXPECT_FALSE(window.has_room(kEpoch + 6999, 1000, 1));
    EXPECT_TRUE(window.has_room(kEpoch + 7000, 1000, 1));
}

TEST(window, a_clock_that_is_set_back_lets_nothing_through) {
    for (const int most : {2, 10}) {
        constexpr int64_t kLength = 16'000;
        Window window{};
        for (int i = 0; i < most; i++)
            ASSERT_TRUE(start(&window, kEpoch + i, kLength, most));
        const int64_t back = kEpoch - 1000 * kLength;
        EXPECT_FALSE(window.has_room(back, kLength, most));
        EXPECT_FALSE(window.has_room(back + kLength - 1, kLength, most));
        EXPECT_TRUE(window.has_room(back + kLength + kLength / 16, kLength, most));
    }
}
