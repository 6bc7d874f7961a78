#include "core/topology.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace ayb::core;

TEST(Topology, KeepsTheOrderWhereItCan) {
    EXPECT_EQ(sort_steps({{}, {}, {}}).order, (std::vector<int>{0, 1, 2}));
    EXPECT_EQ(sort_steps({{2}, {}, {}}).order, (std::vector<int>{1, 2, 0}));
    EXPECT_EQ(sort_steps({{3, 1}, {2}, {3}, {}}).order, (std::vector<int>{3, 2, 1, 0}));
    EXPECT_TRUE(sort_steps({}).order.empty());
}

TEST(Topology, CountsWhatStandsThereTwiceOnce) {
    const Topology sorted = sort_steps({{1, 1}, {}});
    EXPECT_EQ(sorted.order, (std::vector<int>{1, 0}));
    EXPECT_TRUE(sorted.cycle.empty());
}

TEST(Topology, NamesACycleAndNothingBeside) {
    EXPECT_EQ(sort_steps({{0}}).cycle, (std::vector<int>{0}));
    // 0 only waits for the cycle, 4 is waited for by it.
    const std::vector<int> cycle = sort_steps({{1}, {2, 4}, {3}, {1}, {}}).cycle;
    EXPECT_EQ(cycle, (std::vector<int>{1, 2, 3}));
}

TEST(Topology, SortsAnyGraph) {
    std::mt19937 random(7);
    for (int graph = 0; graph < 1000; graph++) {
        const int count = 1 + static_cast<int>(random() % 40);
        std::vector<int> names(count);
        for (int i = 0; i < count; i++)
            names[i] = i;
        std::shuffle(names.begin(), names.end(), random);
        Steps after(count);
        for (int i = 1; i < count; i++)
            for (unsigned n = random() % 4; n > 0; n--)
                after[names[i]].push_back(names[random() % i]);
        const Topology sorted = sort_steps(after);
        ASSERT_EQ(static_cast<int>(sorted.order.size()), count);
        std::vector<int> place(count);
        for (int i = 0; i < count; i++)
            place[sorted.order[i]] = i;
        for (int i = 0; i < count; i++)
            for (const int parent : after[i])
                EXPECT_LT(place[parent], place[i]);
    }
}
