#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "core/cron.hpp"
#include "cron_table.hpp"
#include "tzif_zone.hpp"

namespace ayb::test {
namespace {

using core::FixedZone;
using core::kEndInstant;
using core::kFirstInstant;
using core::parse_cron;

std::string next(std::string_view expr, const core::Zone &zone, const std::string &after) {
    const auto found = core::next_instant(parse_cron(expr), zone, instant(after));
    return found ? text(*found) : "none";
}

/* A zone with transitions of one's own choice. */
class MadeUpZone final : public core::Zone {
  public:
    MadeUpZone(std::int32_t first, std::vector<core::Transition> changes)
        : first_(first), changes_(std::move(changes)) {}

    std::int32_t offset_at(std::int64_t instant) const noexcept override {
        std::int32_t offset = first_;
        for (const auto &change : changes_)
            offset = change.instant <= instant ? change.after : offset;
        return offset;
    }
    bool next_transition(std::int64_t after, core::Transition *next) const noexcept override {
        for (const auto &change : changes_)
            if (change.instant > after) {
                *next = change;
                return true;
            }
        return false;
    }

  private:
    std::int32_t first_;
    std::vector<core::Transition> changes_;
};

TEST(NextInstant, FindsRareDays) {
    const FixedZone utc;
    EXPECT_EQ(next("0 0 29 2 *", utc, "2097-01-01T00:00:00Z"), "2104-02-29T00:00:00Z");
    EXPECT_EQ(next("0 0 * 2 0#5", utc, "2024-01-01T00:00:00Z"), "2032-02-29T00:00:00Z");
    EXPECT_EQ(next("0 0 * 2 0#5", utc, "2060-03-01T00:00:00Z"), "2088-02-29T00:00:00Z");
    EXPECT_EQ(next("0 0 * 2 0#5", utc, "2088-03-01T00:00:00Z"), "2128-02-29T00:00:00Z");
    EXPECT_EQ(next("0 0 29W 2 *", utc, "2024-03-01T00:00:00Z"), "2028-02-29T00:00:00Z");
    EXPECT_EQ(next("0 0 LW * *", utc, "2026-01-31T00:00:00Z"), "2026-02-27T00:00:00Z");
    EXPECT_EQ(next("0 0 LW * *", utc, "2026-05-01T00:00:00Z"), "2026-05-29T00:00:00Z");
    EXPECT_EQ(next("0 0 30W * *", utc, "2025-11-01T00:00:00Z"), "2025-11-28T00:00:00Z");
    EXPECT_EQ(next("0 0 1W * *", utc, "2026-07-31T00:00:00Z"), "2026-08-03T00:00:00Z");
}

TEST(NextInstant, TakesEitherDayFieldOrBothAsCrontabDoes) {
    const FixedZone utc;
    EXPECT_EQ(next("0 0 13 * 5", utc, "2026-01-01T00:00:00Z"), "2026-01-02T00:00:00Z");
    EXPECT_EQ(next("0 0 */13 * 5", utc, "2026-01-02T00:00:00Z"), "2026-02-27T00:00:00Z");
    EXPECT_EQ(next("0 0 13 * */5", utc, "2026-01-01T00:00:00Z"), "2026-02-13T00:00:00Z");
    EXPECT_EQ(next("0 0 ? * 5", utc, "2026-01-02T00:00:00Z"), "2026-01-09T00:00:00Z");
    EXPECT_EQ(next("0 0 1-31 * 5", utc, "2026-01-02T00:00:00Z"), "2026-01-03T00:00:00Z");
    EXPECT_EQ(next("0 0 */2,2 * 5", utc, "2026-01-02T00:00:00Z"), "2026-01-09T00:00:00Z");
}

TEST(NextInstant, IsStrictlyAfterAndFloorsNothingItself) {
    const FixedZone utc;
    EXPECT_EQ(next("* * * * * *", utc, "2026-01-01T00:00:00Z"), "2026-01-01T00:00:01Z");
    EXPECT_EQ(next("0 0 0 * * *", utc, "2025-12-31T23:59:59Z"), "2026-01-01T00:00:00Z");
    EXPECT_EQ(next("59 59 23 31 12 *", utc, "2025-12-31T23:59:59Z"), "2026-12-31T23:59:59Z");
}

TEST(NextInstant, CatchesUpOnceAtTheEndOfAGapAskedFromAnywhere) {
    const auto berlin = TzifZone::load("Europe/Berlin");
    for (const char *after : {"2024-03-30T01:30:00Z", "2024-03-31T00:30:00Z",
                              "2024-03-31T00:59:58Z", "2024-03-31T00:59:59Z"})
        EXPECT_EQ(next("0,30 2 * * *", berlin, after), "2024-03-31T01:00:00Z") << after;
    EXPECT_EQ(next("0,30 2 * * *", berlin, "2024-03-31T01:00:00Z"), "2024-04-01T00:00:00Z");
    EXPECT_EQ(next("59 59 2 * * *", berlin, "2024-03-31T00:59:59Z"), "2024-03-31T01:00:00Z");
    EXPECT_EQ(next("30 2,3 * * *", berlin, "2024-03-31T01:00:00Z"), "2024-03-31T01:30:00Z");
    EXPECT_EQ(next("* 30 2 * * *", berlin, "2024-03-31T01:00:00Z"), "2024-04-01T00:30:00Z");
}

/* cron.md makes no exception for it; croner and cron-parser do (docs/cron-oracles.md). */
TEST(NextInstant, CatchesUpAGapThatReachesMidnightOnTheNextDate) {
    const auto pyongyang = TzifZone::load("Asia/Pyongyang"); /* 2018-05-04 23:30 to 24:00 */
    EXPECT_EQ(next("45 23 * * *", pyongyang, "2018-05-04T12:00:00Z"), "2018-05-04T15:00:00Z");
    EXPECT_EQ(next("45 23 * * FRI", pyongyang, "2018-05-04T12:00:00Z"), "2018-05-04T15:00:00Z");
    EXPECT_EQ(next("45 23 * * *", pyongyang, "2018-05-04T15:00:00Z"), "2018-05-05T14:45:00Z");
}

TEST(NextInstant, EndsForAWildcardRuleWhoseTimesAllFallIntoGaps) {
    const auto new_york = TzifZone::load("America/New_York");
    EXPECT_EQ(next("*/15 2 * 3 SUN#2", new_york, "2024-01-01T00:00:00Z"), "none");
    EXPECT_EQ(next("*/15 2 * 3 SUN#2", new_york, "2000-01-01T00:00:00Z"), "2000-03-12T07:00:00Z");
    EXPECT_EQ(next("15 2 * 3 SUN#2", new_york, "2024-01-01T00:00:00Z"), "2024-03-10T07:00:00Z");
}

TEST(NextInstant, TakesAJumpOfThreeHoursForAGapAndAWiderOneForNone) {
    const std::int64_t at = instant("2026-01-01T12:00:00Z");
    const MadeUpZone three(0, {{at, 0, 10800}}), wider(0, {{at, 0, 10801}});
    EXPECT_EQ(next("30 13 * * *", three, "2026-01-01T00:00:00Z"), "2026-01-01T12:00:00Z");
    EXPECT_EQ(next("30 13 * * *", wider, "2026-01-01T00:00:00Z"), "2026-01-02T10:29:59Z");
}

TEST(NextInstant, KeepsTheLocalTimesPastOverSeveralTransitions) {
    const std::int64_t at = instant("2026-01-01T12:00:00Z");
    /* Back an hour at 12:00, and back another half an hour later: 11:30 comes three times. */
    const MadeUpZone twice(0, {{at, 0, -3600}, {at + 1800, -3600, -7200}});
    EXPECT_EQ(next("15 11 * * *", twice, "2026-01-01T00:00:00Z"), "2026-01-01T11:15:00Z");
    EXPECT_EQ(next("15 11 * * *", twice, "2026-01-01T11:15:00Z"), "2026-01-02T13:15:00Z");
    EXPECT_EQ(next("15 */1 * * *", twice, "2026-01-01T11:15:00Z"), "2026-01-01T12:15:00Z");
    EXPECT_EQ(next("15 */1 * * *", twice, "2026-01-01T12:15:00Z"), "2026-01-01T13:15:00Z");
    /* Forward an hour, and back half an hour later: what was caught up doesn't run again. */
    const MadeUpZone there_and_back(0, {{at, 0, 3600}, {at + 1800, 3600, 0}});
    EXPECT_EQ(next("45 12 * * *", there_and_back, "2026-01-01T00:00:00Z"), "2026-01-01T12:00:00Z");
    EXPECT_EQ(next("45 12 * * *", there_and_back, "2026-01-01T12:00:00Z"), "2026-01-02T12:45:00Z");
    /* A transition that changes nothing but a flag. */
    const MadeUpZone flag(3600, {{at, 3600, 3600}});
    EXPECT_EQ(next("0 13 * * *", flag, "2026-01-01T00:00:00Z"), "2026-01-01T12:00:00Z");
    EXPECT_EQ(next("0 13 * * *", flag, "2026-01-01T11:59:59Z"), "2026-01-01T12:00:00Z");
}

TEST(NextInstant, RunsOnceOnADayThatAZoneRepeats) {
    const auto kwajalein = TzifZone::load("Pacific/Kwajalein"); /* 1969-09-30: +11 to -12 */
    EXPECT_EQ(next("0 12 * * *", kwajalein, "1969-09-29T01:00:00Z"), "1969-09-30T01:00:00Z");
    EXPECT_EQ(next("0 12 * * *", kwajalein, "1969-09-30T01:00:00Z"), "1969-10-02T00:00:00Z");
}

TEST(NextInstant, CountsIntervalsFromTheReference) {
    const FixedZone utc;
    EXPECT_EQ(next("@every 90s", utc, "2026-01-01T00:00:07Z"), "2026-01-01T00:01:37Z");
    EXPECT_EQ(core::next_instant(parse_cron("@every 100000000d"), utc, kEndInstant - 2),
              std::nullopt);
    EXPECT_EQ(core::next_instant(parse_cron("@every 1s"), utc, kEndInstant - 2), kEndInstant - 1);
}

TEST(NextInstant, EndsAtBothEndsOfTime) {
    const auto berlin = TzifZone::load("Europe/Berlin");
    for (const char *expr : {"* * * * * *", "0 0 29 2 *", "0 0 * 2 0#5", "30 2 * * *", "@every 1s",
                             "*/15 2 * 3 0L", "59 59 23 31 12 *"}) {
        const core::CronRule rule = parse_cron(expr);
        for (const std::int64_t after :
             {INT64_MIN, kFirstInstant - 1, kFirstInstant, kEndInstant - 86400 * 366 * 8}) {
            const auto found = core::next_instant(rule, berlin, after);
            ASSERT_TRUE(found || after > 0) << expr << " " << after;
            if (found) {
                EXPECT_GT(*found, after);
                EXPECT_GE(*found, kFirstInstant - 1);
                EXPECT_LT(*found, kEndInstant);
            }
        }
        for (const std::int64_t after : {kEndInstant - 1, kEndInstant, INT64_MAX})
            EXPECT_EQ(core::next_instant(rule, berlin, after), std::nullopt) << expr;
    }
    /* 294276 is a leap year: from its 1 March on there is no leap day left. */
    EXPECT_EQ(core::next_instant(parse_cron("0 0 29 2 *"), FixedZone(), kEndInstant - 306 * 86400),
              std::nullopt);
    EXPECT_EQ(core::next_instant(parse_cron("0 0 29 2 *"), FixedZone(), kEndInstant - 308 * 86400),
              kEndInstant - 307 * 86400);
}

/* Generous: the figures are cron_bench's business; this keeps the order of magnitude. */
TEST(NextInstant, IsFastForTheRarestRules) {
    const auto new_york = TzifZone::load("America/New_York");
    for (const char *expr : {"0 0 29 2 *", "0 0 * 2 0#5", "*/15 2 * 3 SUN#2"}) {
        const core::CronRule rule = parse_cron(expr);
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < 20; ++i)
            core::next_instant(rule, new_york, 4102444800 + i);
        const auto spent = std::chrono::steady_clock::now() - begin;
        EXPECT_LT(spent, std::chrono::milliseconds(20 * 20)) << expr;
    }
}

} // namespace
} // namespace ayb::test
