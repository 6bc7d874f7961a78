#include <gtest/gtest.h>

#include <vector>

#include "core/ticks.hpp"
#include "tzif_zone.hpp"

namespace ayb::core {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kStart = 1704067200; /* 2024-01-01T00:00:00Z, a Monday */

std::vector<std::int64_t> ticks_of(const TickPlan &plan) {
    return {plan.ticks, plan.ticks + plan.count};
}

TickPlan plan_of(const char *expr, std::int64_t due, std::int64_t now, Missed missed) {
    TickPlan plan;
    plan_ticks(parse_cron(expr), FixedZone(), due, now, missed, &plan);
    return plan;
}

TEST(Ticks, OneThatIsOnTimeIsTheSameForAllPolicies) {
    for (const Missed missed : {Missed::once, Missed::all, Missed::skip}) {
        const TickPlan plan = plan_of("*/5 * * * *", kStart, kStart, missed);
        EXPECT_EQ(ticks_of(plan), std::vector<std::int64_t>{kStart});
        EXPECT_EQ(plan.next, kStart + 300);
        EXPECT_FALSE(plan.last_skipped);
    }
}

TEST(Ticks, OnceGivesTheLatestOfAllThatWereMissed) {
    const TickPlan plan = plan_of("*/5 * * * *", kStart, kStart + 899, Missed::once);
    EXPECT_EQ(ticks_of(plan), std::vector<std::int64_t>{kStart + 600});
    EXPECT_EQ(plan.next, kStart + 900);
}

TEST(Ticks, AllGivesEachOldestFirst) {
    const TickPlan plan = plan_of("*/5 * * * *", kStart, kStart + 899, Missed::all);
    EXPECT_EQ(ticks_of(plan), (std::vector<std::int64_t>{kStart, kStart + 300, kStart + 600}));
    EXPECT_EQ(plan.next, kStart + 900);
}

TEST(Ticks, AllStopsAtAThousandAndGoesOnFromThere) {
    const TickPlan plan = plan_of("* * * * *", kStart, kStart + 2 * kDay, Missed::all);
    EXPECT_EQ(plan.count, kMostTicks);
    EXPECT_EQ(plan.ticks[kMostTicks - 1], kStart + 999 * 60);
    EXPECT_EQ(plan.next, kStart + 1000 * 60);
}

TEST(Ticks, AllStopsWhereItsRoomEnds) {
    TickPlan plan;
    plan.room = 2;
    plan_ticks(parse_cron("* * * * *"), FixedZone(), kStart, kStart + kDay, Missed::all, &plan);
    EXPECT_EQ(ticks_of(plan), (std::vector<std::int64_t>{kStart, kStart + 60}));
    EXPECT_EQ(plan.next, kStart + 120);
}

TEST(Ticks, SkipDropsWhatIsAMinuteLate) {
    const TickPlan late = plan_of("*/5 * * * *", kStart, kStart + 660, Missed::skip);
    EXPECT_EQ(late.count, 0);
    EXPECT_EQ(late.last_skipped, kStart + 600);
    EXPECT_EQ(late.next, kStart + 900);
    const TickPlan on_time = plan_of("*/5 * * * *", kStart, kStart + 659, Missed::skip);
    EXPECT_EQ(ticks_of(on_time), std::vector<std::int64_t>{kStart + 600});
    EXPECT_EQ(on_time.last_skipped, kStart + 300);
}

TEST(Ticks, IntervalsCountFromTheirOwnTicks) {
    const std::int64_t due = kStart + 7;
    const TickPlan once = plan_of("@every 90s", due, due + 1000, Missed::once);
    EXPECT_EQ(ticks_of(once), std::vector<std::int64_t>{due + 990});
    EXPECT_EQ(once.next, due + 1080);
    const TickPlan skip = plan_of("@every 90s", due, due + 1000, Missed::skip);
    EXPECT_EQ(ticks_of(skip), std::vector<std::int64_t>{due + 990});
    EXPECT_EQ(skip.last_skipped, due + 900);
}

/* Held against looking at each tick, over rules of every rhythm and a zone with gaps. */
TEST(Ticks, TheLatestIsFoundWithoutLookingAtEach) {
    const test::TzifZone zone = test::TzifZone::load("Europe/Berlin");
    for (const char *expr : {"* * * * * *", "*/7 * * * *", "30 2 * * *", "0 0 29 2 *", "0 12 * * 1",
                             "59 59 23 31 12 *", "* 3 * 3,10 0", "0 0 L * *"}) {
        const CronRule rule = parse_cron(expr);
        std::int64_t tick = *next_instant(rule, zone, kStart);
        const std::int64_t due = tick;
        for (int step = 0; step < 300; step++) {
            const std::int64_t next = *next_instant(rule, zone, tick);
            for (const std::int64_t now : {tick, (tick + next) / 2, next - 1})
                ASSERT_EQ(latest_tick(rule, zone, due, now), tick) << expr << " at " << now;
            tick = next;
        }
    }
}

TEST(Ticks, ALongAbsenceOfADenseRuleIsAQuickLook) {
    const TickPlan plan = plan_of("* * * * * *", kStart, kStart + 10000 * kDay, Missed::once);
    EXPECT_EQ(ticks_of(plan), std::vector<std::int64_t>{kStart + 10000 * kDay});
}

} // namespace
} // namespace ayb::core
