#pragma once

#include <cstdint>

/*
 * Civil dates of the proleptic Gregorian calendar, as PostgreSQL counts them (year 0 is 1 BC).
 * Days are counted from 1970-01-01. Good for a few million years around it; no overflow there.
 */
namespace ayb::core {

inline constexpr std::int64_t kSecondsPerDay = 86400;

struct CivilDate {
    std::int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Division that rounds down, for a positive divisor. */
constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) noexcept {
    return value / by - (value % by < 0 ? 1 : 0);
}

constexpr bool is_leap(std::int64_t year) noexcept {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in_month(std::int64_t year, int month) noexcept {
    if (month == 2)
        return is_leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* The year is taken to begin in March, so that the leap day is its last. */
constexpr std::int64_t days_from_civil(std::int64_t year, int month, int day) noexcept {
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t era = floor_div(y, 400);
    const std::int64_t year_of_era = y - era * 400;
    const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const std::int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

constexpr CivilDate civil_from_days(std::int64_t days) noexcept {
    const std::int64_t z = days + 719468;
    const std::int64_t era = floor_div(z, 146097);
    const std::int64_t day_of_era = z - era * 146097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int shifted = static_cast<int>((5 * day_of_year + 2) / 153);
    const int month = shifted < 10 ? shifted + 3 : shifted - 9;
    const int day = static_cast<int>(day_of_year) - (153 * shifted + 2) / 5 + 1;
    return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

/* 0 is Sunday. */
constexpr int weekday_from_days(std::int64_t days) noexcept {
    const std::int64_t weekday = (days + 4) % 7;
    return static_cast<int>(weekday < 0 ? weekday + 7 : weekday);
}

} // namespace ayb::core
