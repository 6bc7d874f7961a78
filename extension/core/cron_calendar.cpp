#include "core/cron_calendar.hpp"

#include "core/civil.hpp"

namespace ayb::core {
namespace {

constexpr int kMonthsPerCycle = 400 * 12;
constexpr std::uint64_t kEverySeventhDay = 0x20408102; /* days 1, 8, 15, 22, 29 */

constexpr bool has(std::uint64_t bits, int value) noexcept { return bits >> value & 1; }

/* The lowest value in the set that is at least `from` (0 to 64), or -1. */
int next_bit(std::uint64_t bits, int from) noexcept {
    if (from > 63 || bits >> from == 0)
        return -1;
    return from + __builtin_ctzll(bits >> from);
}

constexpr std::uint32_t days_up_to(int length) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{2} << length) - 2);
}

/* The working day nearest to `day` that lies in the same month. */
int nearest_workday(int day, int length, int first_weekday) noexcept {
    const int weekday = (first_weekday + day - 1) % 7;
    if (weekday == 6)
        return day > 1 ? day - 1 : day + 2;
    if (weekday == 0)
        return day < length ? day + 1 : day - 2;
    return day;
}

std::uint32_t match_day_of_month(const CronRule &rule, int length, int first_weekday) noexcept {
    std::uint32_t found = rule.days;
    if (rule.last_day)
        found |= std::uint32_t{1} << length;
    if (rule.last_workday)
        found |= std::uint32_t{1} << nearest_workday(length, length, first_weekday);
    for (int day = next_bit(rule.nearest_weekdays, 1); day > 0 && day <= length;
         day = next_bit(rule.nearest_weekdays, day + 1))
        found |= std::uint32_t{1} << nearest_workday(day, length, first_weekday);
    return found & days_up_to(length);
}

std::uint32_t match_weekday(const CronRule &rule, int length, int first_weekday) noexcept {
    std::uint64_t found = 0;
    for (int weekday = 0; weekday < 7; ++weekday) {
        const int ahead = (weekday - first_weekday + 7) % 7;
        const int first = 1 + ahead;
        if (has(rule.weekdays, weekday))
            found |= kEverySeventhDay << ahead;
        if (has(rule.last_weekdays, weekday))
            found |= std::uint64_t{1} << (first + (length - first) / 7 * 7);
        for (int n = 0; n < 5; ++n)
            if (has(rule.nth_weekdays[n], weekday))
                found |= std::uint64_t{1} << (first + n * 7);
    }
    return static_cast<std::uint32_t>(found & days_up_to(length));
}

/* Seconds since midnight of the first match at or after `from`, or -1. */
int next_time_of_day(const CronRule &rule, int from) noexcept {
    const int hour = from / 3600, minute = from / 60 % 60, second = from % 60;
    const int first_second = next_bit(rule.seconds, 0);
    if (has(rule.hours, hour)) {
        const int later_second = next_bit(rule.seconds, second);
        if (has(rule.minutes, minute) && later_second >= 0)
            return from - second + later_second;
        const int later_minute = next_bit(rule.minutes, minute + 1);
        if (later_minute >= 0)
            return hour * 3600 + later_minute * 60 + first_second;
    }
    const int later_hour = next_bit(rule.hours, hour + 1);
    if (later_hour < 0)
        return -1;
    return later_hour * 3600 + next_bit(rule.minutes, 0) * 60 + first_second;
}

/* The first matching day at or after `from`, both in days since 1970. */
std::optional<std::int64_t> next_day(const CronRule &rule, std::int64_t from) noexcept {
    const CivilDate start = civil_from_days(from);
    std::int64_t year = start.year;
    int month = start.month;
    std::uint32_t wanted = ~days_up_to(start.day - 1);
    for (int i = 0; i <= kMonthsPerCycle; ++i) {
        if (has(rule.months, month)) {
            const std::int64_t first = days_from_civil(year, month, 1);
            const std::uint32_t days =
                wanted & matching_days(rule, days_in_month(year, month), weekday_from_days(first));
            if (days != 0)
                return first + next_bit(days, 1) - 1;
        }
        wanted = ~std::uint32_t{0};
        year += month == 12 ? 1 : 0;
        month = month == 12 ? 1 : month + 1;
    }
    return std::nullopt;
}

} // namespace

std::uint32_t matching_days(const CronRule &rule, int length, int first_weekday) noexcept {
    const std::uint32_t by_day = match_day_of_month(rule, length, first_weekday);
    const std::uint32_t by_weekday = match_weekday(rule, length, first_weekday);
    return rule.any_day || rule.any_weekday ? by_day & by_weekday : by_day | by_weekday;
}

/* Every month begins on every weekday sooner or later, February's 29 days included. */
bool ever_matches(const CronRule &rule) noexcept {
    for (int month = next_bit(rule.months, 1); month > 0; month = next_bit(rule.months, month + 1))
        for (int first_weekday = 0; first_weekday < 7; ++first_weekday)
            for (int year = 2000; year <= 2001; ++year)
                if (matching_days(rule, days_in_month(year, month), first_weekday) != 0)
                    return true;
    return false;
}

std::optional<std::int64_t> next_local_time(const CronRule &rule, std::int64_t from) noexcept {
    const std::int64_t today = floor_div(from, kSecondsPerDay);
    const int rest_of_today =
        next_time_of_day(rule, static_cast<int>(from - today * kSecondsPerDay));
    const std::optional<std::int64_t> day = next_day(rule, rest_of_today < 0 ? today + 1 : today);
    if (!day)
        return std::nullopt;
    const int time = *day == today ? rest_of_today : next_time_of_day(rule, 0);
    return *day * kSecondsPerDay + time;
}

} // namespace ayb::core
