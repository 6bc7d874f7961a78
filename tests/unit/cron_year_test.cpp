#include <gtest/gtest.h>

#include <vector>

#include "core/cron.hpp"
#include "cron_table.hpp"
#include "tzif_zone.hpp"

/* Whole stretches of ticks, each exactly once, as cron.md says. */
namespace ayb::test {
namespace {

std::vector<std::int64_t> ticks(std::string_view expr, const core::Zone &zone,
                                const std::string &from, const std::string &to) {
    const core::CronRule rule = core::parse_cron(expr);
    std::vector<std::int64_t> out;
    for (auto at = core::next_instant(rule, zone, instant(from) - 1); at && *at < instant(to);
         at = core::next_instant(rule, zone, *at))
        out.push_back(*at);
    return out;
}

std::vector<std::string> texts(const std::vector<std::int64_t> &instants) {
    std::vector<std::string> out;
    out.reserve(instants.size());
    for (const std::int64_t at : instants)
        out.push_back(text(at));
    return out;
}

/* A daily rule in 2024: one tick a local day, and `gap_tick` instead of the time that is missing.
 */
void expect_a_year_of_half_past_two(const TzifZone &zone, int standard, const std::string &summer,
                                    const std::string &winter) {
    const std::int64_t first = instant("2024-01-01T02:30:00Z") - standard;
    std::vector<std::int64_t> expected;
    for (int day = 0; day < 366; ++day) {
        std::int64_t at = first + day * 86400;
        /* While it is summer, local time is an hour ahead; in the gap itself the tick is its end.
         */
        if (at > instant(summer) && at - 3600 < instant(summer))
            at = instant(summer);
        else if (at > instant(summer) && at - 3600 < instant(winter))
            at -= 3600;
        expected.push_back(at);
    }
    const auto found = ticks("30 2 * * *", zone, "2024-01-01T05:00:00Z", "2025-01-01T05:00:00Z");
    const std::size_t skipped = first < instant("2024-01-01T05:00:00Z") ? 1 : 0;
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(skipped));
    if (skipped == 1)
        expected.push_back(first + 366 * std::int64_t{86400});
    EXPECT_EQ(texts(found), texts(expected));
}

TEST(AYear, OfHalfPastTwoInNewYork) {
    expect_a_year_of_half_past_two(TzifZone::load("America/New_York"), -5 * 3600,
                                   "2024-03-10T07:00:00Z", "2024-11-03T06:00:00Z");
}

TEST(AYear, OfHalfPastTwoInBerlin) {
    expect_a_year_of_half_past_two(TzifZone::load("Europe/Berlin"), 3600, "2024-03-31T01:00:00Z",
                                   "2024-10-27T01:00:00Z");
}

TEST(AYear, OfEveryHourIsEveryHourOfUtc) {
    for (const char *name : {"America/New_York", "Europe/Berlin", "UTC"}) {
        const auto found = ticks("0 * * * *", TzifZone::load(name), "2024-01-01T00:00:00Z",
                                 "2025-01-01T00:00:00Z");
        ASSERT_EQ(found.size(), 366U * 24U) << name;
        for (std::size_t i = 0; i < found.size(); ++i)
            ASSERT_EQ(found[i], instant("2024-01-01T00:00:00Z") + static_cast<int>(i) * 3600);
    }
}

TEST(AYear, OfQuartersFromTwoToThreeMissesTheGapAndRunsInBothPasses) {
    const auto berlin = TzifZone::load("Europe/Berlin");
    EXPECT_EQ(ticks("*/15 2 * * *", berlin, "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z").size(),
              366U * 4U); /* four fewer in March, four more in October */
    EXPECT_TRUE(
        ticks("*/15 2 * * *", berlin, "2024-03-30T12:00:00Z", "2024-03-31T12:00:00Z").empty());
    EXPECT_EQ(texts(ticks("*/15 2 * * *", berlin, "2024-10-26T12:00:00Z", "2024-10-27T12:00:00Z")),
              (std::vector<std::string>{"2024-10-27T00:00:00Z", "2024-10-27T00:15:00Z",
                                        "2024-10-27T00:30:00Z", "2024-10-27T00:45:00Z",
                                        "2024-10-27T01:00:00Z", "2024-10-27T01:15:00Z",
                                        "2024-10-27T01:30:00Z", "2024-10-27T01:45:00Z"}));
}

TEST(LordHowe, MovesByHalfAnHour) {
    const auto zone = TzifZone::load("Australia/Lord_Howe");
    const auto spring = [&zone](std::string_view expr) {
        return texts(ticks(expr, zone, "2024-10-05T14:00:00Z", "2024-10-06T14:00:00Z"));
    };
    EXPECT_EQ(spring("15 2 * * *"), std::vector<std::string>{"2024-10-05T15:30:00Z"});
    EXPECT_EQ(spring("30 2 * * *"), std::vector<std::string>{"2024-10-05T15:30:00Z"});
    EXPECT_EQ(spring("45 2 * * *"), std::vector<std::string>{"2024-10-05T15:45:00Z"});
    EXPECT_EQ(spring("*/15 2 * * *"),
              (std::vector<std::string>{"2024-10-05T15:30:00Z", "2024-10-05T15:45:00Z"}));
    const auto autumn = [&zone](std::string_view expr) {
        return texts(ticks(expr, zone, "2025-04-05T14:00:00Z", "2025-04-06T14:00:00Z"));
    };
    EXPECT_EQ(autumn("45 1 * * *"), std::vector<std::string>{"2025-04-05T14:45:00Z"});
    EXPECT_EQ(autumn("*/15 1 * * *"),
              (std::vector<std::string>{"2025-04-05T14:00:00Z", "2025-04-05T14:15:00Z",
                                        "2025-04-05T14:30:00Z", "2025-04-05T14:45:00Z",
                                        "2025-04-05T15:00:00Z", "2025-04-05T15:15:00Z"}));
}

/* Apia had no 30 December 2011: 10:00 UTC was the end of the 29th and the begin of the 31st. */
TEST(Apia, SkipsADayAndCatchesUpNothing) {
    const auto zone = TzifZone::load("Pacific/Apia");
    const auto run = [&zone](std::string_view expr) {
        return texts(ticks(expr, zone, "2011-12-28T12:00:00Z", "2012-01-01T12:00:00Z"));
    };
    EXPECT_EQ(run("0 12 * * *"),
              (std::vector<std::string>{"2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z",
                                        "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"}));
    EXPECT_TRUE(run("0 12 30 12 *").empty());
    EXPECT_EQ(ticks("0 * * * *", zone, "2011-12-28T12:00:00Z", "2012-01-01T12:00:00Z").size(), 96U);
}

} // namespace
} // namespace ayb::test
