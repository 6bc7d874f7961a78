#include "core/cron_words.hpp"

/* Days, weekdays and months in English. */
namespace ayb::core {
namespace {

constexpr std::uint32_t kAllDays = 0xFFFFFFFE;
constexpr std::uint8_t kAllWeekdays = 0x7F;
constexpr std::uint16_t kAllMonths = 0x1FFE;
constexpr std::uint8_t kMondayToFriday = 0x3E;
constexpr std::uint8_t kSaturdayAndSunday = 0x41;

/* Sunday stands at both ends, so that a week may begin on Monday. */
constexpr const char *kWeekdayNames[] = {"Sunday",   "Monday", "Tuesday",  "Wednesday",
                                         "Thursday", "Friday", "Saturday", "Sunday"};
constexpr const char *kMonthNames[] = {"",        "January",  "February", "March",  "April",
                                       "May",     "June",     "July",     "August", "September",
                                       "October", "November", "December"};
constexpr const char *kNth[] = {"first", "second", "third", "fourth", "fifth"};

bool takes_every_day(const CronRule &rule) { return rule.days == kAllDays; }
bool takes_every_weekday(const CronRule &rule) { return rule.weekdays == kAllWeekdays; }

std::string month_list(const CronRule &rule) {
    std::vector<std::string> words;
    const Row row = even_row(rule.months);
    if (row.step == 1)
        return std::string(kMonthNames[row.first]) + " to " + kMonthNames[row.last];
    for (const int month : members(rule.months))
        words.emplace_back(kMonthNames[month]);
    return join(words);
}

std::string plain_days(std::uint32_t days) {
    const Row row = even_row(days);
    if (row.step > 1 && row.last > row.first + 2 * row.step)
        return "every " + ordinal(row.step) + " day from " + std::to_string(row.first) + " to " +
               std::to_string(row.last);
    return (members(days).size() == 1 ? "day " : "days ") + number_list(days);
}

/* "on day 1 and the last day" */
std::string days_of_month(const CronRule &rule) {
    std::vector<std::string> words;
    if (rule.days != 0)
        words.push_back(plain_days(rule.days));
    for (const int day : members(rule.nearest_weekdays))
        words.push_back("the weekday nearest day " + std::to_string(day));
    if (rule.last_workday)
        words.emplace_back("the last weekday");
    if (rule.last_day)
        words.emplace_back("the last day");
    return "on " + join(words);
}

/* Appends "Mondays", or "Monday to Thursday" for three neighbours and more. */
void add_plain_weekdays(std::uint8_t weekdays, std::vector<std::string> &words) {
    if (weekdays == kMondayToFriday || weekdays == kSaturdayAndSunday) {
        words.emplace_back(weekdays == kMondayToFriday ? "weekdays" : "weekends");
        return;
    }
    const unsigned from_monday = (weekdays | (weekdays & 1U) << 7) & 0xFEU;
    for (int first = 1; first <= 7; ++first) {
        int last = first;
        while (last <= 7 && (from_monday >> last & 1U) != 0)
            ++last;
        if (last - first >= 3) {
            words.push_back(std::string(kWeekdayNames[first]) + " to " + kWeekdayNames[last - 1]);
            first = last;
        } else if (last > first) {
            words.push_back(std::string(kWeekdayNames[first]) + "s");
        }
    }
}

/* "on Tuesdays and the second Monday of the month" */
std::string days_of_week(const CronRule &rule) {
    std::vector<std::string> words, of_month;
    add_plain_weekdays(rule.weekdays, words);
    for (std::size_t n = 0; n < 5; ++n)
        for (const int weekday : members(rule.nth_weekdays[n]))
            of_month.push_back(std::string("the ") + kNth[n] + " " + kWeekdayNames[weekday]);
    for (const int weekday : members(rule.last_weekdays))
        of_month.push_back(std::string("the last ") + kWeekdayNames[weekday]);
    words.insert(words.end(), of_month.begin(), of_month.end());
    return "on " + join(words) + (of_month.empty() ? "" : " of the month");
}

/* Both day fields, as crontab combines them; empty when any day will do. */
std::string either_or_both(const CronRule &rule) {
    const bool both_must = rule.any_day || rule.any_weekday;
    const bool every_day = takes_every_day(rule), every_weekday = takes_every_weekday(rule);
    if (both_must ? every_day && every_weekday : every_day || every_weekday)
        return "";
    if (every_day)
        return days_of_week(rule);
    if (every_weekday)
        return days_of_month(rule) + " of the month";
    return days_of_month(rule) + " of the month" + (both_must ? ", but only " : " or ") +
           days_of_week(rule);
}

} // namespace

std::string day_phrase(const CronRule &rule) {
    std::string days = either_or_both(rule);
    if (rule.months == kAllMonths)
        return days.empty() ? "" : " " + days;
    const std::string months = month_list(rule);
    if (days.empty())
        return " every day in " + months;
    const bool month_days_only = !takes_every_day(rule) && takes_every_weekday(rule);
    if (month_days_only)
        return " " + days_of_month(rule) + " of " + months;
    const bool two_parts = !takes_every_day(rule) && !takes_every_weekday(rule);
    return " " + days + (two_parts ? ", in " : " in ") + months;
}

} // namespace ayb::core
