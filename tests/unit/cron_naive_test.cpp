#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <random>

#include "core/cron.hpp"
#include "cron_table.hpp"
#include "tzif_zone.hpp"

/*
 * The engine against the plainest reading of cron.md: minute by minute through every local time,
 * with the C library's calendar, around the transitions of many zones. Seeded, so it repeats.
 */
namespace ayb::test {
namespace {

using core::CronRule;

std::tm civil(std::int64_t local) {
    const std::time_t t = local;
    std::tm tm{};
    gmtime_r(&t, &tm);
    return tm;
}

bool in(std::uint64_t bits, int value) { return bits >> value & 1; }

int month_length(const std::tm &tm) {
    std::tm last{};
    last.tm_year = tm.tm_year;
    last.tm_mon = tm.tm_mon + 1;
    last.tm_mday = 0;
    timegm(&last);
    return last.tm_mday;
}

/* The day that "nW" means in this month: look outwards from n, one day and then two. */
int nearest(const std::tm &tm, int day) {
    for (const int move : {0, -1, 1, -2, 2}) {
        const int candidate = day + move;
        const int weekday = (tm.tm_wday + (candidate - tm.tm_mday) % 7 + 14) % 7;
        if (candidate >= 1 && candidate <= month_length(tm) && weekday % 6 != 0)
            return candidate;
    }
    return 0;
}

bool day_matches(const CronRule &rule, const std::tm &tm) {
    const int length = month_length(tm);
    bool by_day = in(rule.days, tm.tm_mday) || (rule.last_day && tm.tm_mday == length) ||
                  (rule.last_workday && tm.tm_mday == nearest(tm, length));
    for (int day = 1; day <= length; ++day)
        by_day |= in(rule.nearest_weekdays, day) && tm.tm_mday == nearest(tm, day);
    const bool by_weekday = in(rule.weekdays, tm.tm_wday) ||
                            (in(rule.last_weekdays, tm.tm_wday) && tm.tm_mday + 7 > length) ||
                            in(rule.nth_weekdays[(tm.tm_mday - 1) / 7], tm.tm_wday);
    return rule.any_day || rule.any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

bool matches(const CronRule &rule, std::int64_t local) {
    const std::tm tm = civil(local);
    return in(rule.minutes, tm.tm_min) && in(rule.hours, tm.tm_hour) &&
           in(rule.months, tm.tm_mon + 1) && day_matches(rule, tm);
}

/* Whether local times in [from, to) hold a match. */
bool gap_holds(const CronRule &rule, std::int64_t from, std::int64_t to) {
    for (; from < to; from += 60)
        if (matches(rule, from))
            return true;
    return false;
}

/* Up to `until`. All transitions must fall on whole minutes. */
std::optional<std::int64_t> naive_next(const CronRule &rule, const core::Zone &zone,
                                       std::int64_t after, std::int64_t until) {
    std::int64_t past = INT64_MIN; /* the latest local time so far, and a minute */
    for (std::int64_t t = after / 60 * 60 - 3 * 86400; t < until; t += 60) {
        const std::int64_t local = t + zone.offset_at(t);
        const std::int64_t jump = zone.offset_at(t) - zone.offset_at(t - 60);
        const bool gap = jump > 0 && jump <= 3 * 3600 && !rule.wildcard;
        if (t > after && gap && gap_holds(rule, std::max(local - jump, past), local))
            return t;
        if (t > after && (rule.wildcard || local >= past) && matches(rule, local))
            return t;
        past = std::max(past, local + 60);
    }
    return std::nullopt;
}

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }
    template <std::size_t N> std::string one_of(const char *const (&choices)[N]) {
        return choices[below(static_cast<int>(N))];
    }

  private:
    std::mt19937 engine_;
};

std::string random_rule(Random &random) {
    constexpr const char *kMinutes[] = {"0",      "30", "15",      "0,30", "*/15", "*",
                                        "5-50/9", "59", "0-59/20", "45,1", "*/30", "7/11"};
    constexpr const char *kHours[] = {"*",    "0",   "1",    "2",  "3",    "1,2", "2-4", "*/2",
                                      "0-23", "*/3", "22/1", "23", "0,23", "12",  "1-23"};
    constexpr const char *kDays[] = {"*",  "*",   "*",   "?",   "L",     "LW",
                                     "1W", "15W", "*/2", "1-7", "28-31", "10,20,30W"};
    constexpr const char *kMonths[] = {"*", "*", "*", "*/2", "3,4,9-11", "mar-oct"};
    constexpr const char *kWeekdays[] = {"*",   "*",  "*",   "0",   "SUN-TUE", "FRI-SUN",
                                         "0#2", "0L", "*/2", "1-5", "6#5,0#4", "?"};
    return random.one_of(kMinutes) + " " + random.one_of(kHours) + " " + random.one_of(kDays) +
           " " + random.one_of(kMonths) + " " + random.one_of(kWeekdays);
}

/* A transition of the zone between 1972 and 2060, or 1970 where there is none. */
std::int64_t random_transition(Random &random, const core::Zone &zone) {
    core::Transition found{};
    const std::int64_t from = 63072000 + random.below(32000) * std::int64_t{86400};
    return zone.next_transition(from, &found) ? found.instant : 0;
}

TEST(Naive, MinuteByMinuteAroundTransitionsGivesTheSame) {
    constexpr const char *kZones[] = {
        "America/New_York",  "Europe/Berlin",     "Europe/Dublin",     "Australia/Lord_Howe",
        "Antarctica/Troll",  "Africa/Casablanca", "America/Sao_Paulo", "America/St_Johns",
        "Pacific/Chatham",   "Asia/Tehran",       "Pacific/Apia",      "Asia/Pyongyang",
        "Africa/Cairo",      "America/Santiago",  "Asia/Hebron",       "America/Nuuk",
        "Pacific/Kwajalein", "Antarctica/Casey",  "America/Caracas",   "Asia/Gaza"};
    Random random(20240310);
    int compared = 0;
    for (const char *name : kZones) {
        const auto zone = TzifZone::load(name);
        for (int i = 0; i < 120; ++i) {
            const std::int64_t change = random_transition(random, zone);
            const std::string expr = random_rule(random);
            const CronRule rule = core::parse_cron(expr);
            const std::int64_t after = change + (random.below(481) - 400) * 300 + random.below(2);
            const std::int64_t until = after + 5 * 86400;
            const auto expected = naive_next(rule, zone, after, until);
            const auto found = core::next_instant(rule, zone, after);
            SCOPED_TRACE(expr + " in " + name + " after " + text(after));
            if (expected) {
                ASSERT_TRUE(found.has_value());
                ASSERT_EQ(text(*found), text(*expected));
            } else if (found) {
                ASSERT_GE(*found, until);
            }
            compared += expected ? 1 : 0;
        }
    }
    EXPECT_GT(compared, 1000);
}

} // namespace
} // namespace ayb::test
