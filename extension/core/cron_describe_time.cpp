#include "core/cron_words.hpp"

/* Seconds, minutes and hours in English. */
namespace ayb::core {
namespace {

constexpr std::size_t kMostClockTimes = 6;

std::string two_digits(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

/* "02:30", with seconds only where they are not 0. */
std::string clock(int hour, int minute, int second) {
    return two_digits(hour) + ":" + two_digits(minute) +
           (second == 0 ? "" : ":" + two_digits(second));
}

/* The three sets of a rule as lists. */
struct Times {
    explicit Times(const CronRule &rule)
        : seconds(members(rule.seconds)), minutes(members(rule.minutes)),
          hours(members(rule.hours)) {}

    bool every_hour() const { return hours.size() == 24; }

    std::vector<int> seconds, minutes, hours;
};

std::string clock_times(const Times &times) {
    std::vector<std::string> words;
    for (const int hour : times.hours)
        for (const int minute : times.minutes)
            for (const int second : times.seconds)
                words.push_back(clock(hour, minute, second));
    return "at " + join(words);
}

/* "every minute", "every 15 minutes", "every 7 minutes from minute 0 to 56", "at minutes 1 and 9".
 */
std::string repeated(std::uint64_t bits, const std::string &unit) {
    const Row row = even_row(bits);
    if (row.step == 0)
        return "at " + unit + "s " + number_list(bits);
    std::string step =
        "every " + (row.step == 1 ? unit : std::to_string(row.step) + " " + unit + "s");
    if (row.first == 0 && row.last + row.step == 60)
        return step;
    return step + " from " + unit + " " + std::to_string(row.first) + " to " +
           std::to_string(row.last);
}

/* Within which hours something goes on: " from 09:00 to 17:59". */
std::string hour_window(const CronRule &rule, const Times &times) {
    if (times.every_hour())
        return "";
    const std::size_t reach = static_cast<std::size_t>(times.hours.back() - times.hours.front());
    if (reach + 1 == times.hours.size())
        return " from " + clock(times.hours.front(), 0, 0) + " to " +
               clock(times.hours.back(), 59, 0);
    return " in the hours " + number_list(rule.hours);
}

/* One minute and one second, in many hours. */
std::string hourly(const CronRule &rule, const Times &times) {
    const int minute = times.minutes[0], second = times.seconds[0];
    const Row row = even_row(rule.hours);
    if (row.step == 0)
        return clock_times(times);
    std::string step =
        row.step == 1 ? "every hour" : "every " + std::to_string(row.step) + " hours";
    const bool whole_day = row.first == 0 && row.last + row.step == 24;
    if (whole_day && minute == 0 && second == 0)
        return step;
    if (times.every_hour())
        return "every hour at minute " + std::to_string(minute) +
               (second == 0 ? "" : ", second " + std::to_string(second));
    return step + " from " + clock(row.first, minute, second) + " to " +
           clock(row.last, minute, second);
}

/* Many minutes, one second. */
std::string by_minute(const CronRule &rule, const Times &times) {
    std::string out = repeated(rule.minutes, "minute");
    const bool plain = out.find(" minute ") == std::string::npos && out.compare(0, 2, "at") != 0;
    if (!plain)
        out += " of every hour";
    out += hour_window(rule, times);
    if (times.seconds[0] != 0)
        out += ", at second " + std::to_string(times.seconds[0]);
    return out;
}

/* Many seconds. */
std::string by_second(const CronRule &rule, const Times &times) {
    std::string out = repeated(rule.seconds, "second");
    const bool plain = out.find(" second ") == std::string::npos && out.compare(0, 2, "at") != 0;
    if (times.minutes.size() < 60)
        out += (times.minutes.size() == 1 ? " in minute " : " in minutes ") +
               number_list(rule.minutes) + " of every hour";
    else if (!plain)
        out += " of every minute";
    return out + hour_window(rule, times);
}

} // namespace

std::string time_phrase(const CronRule &rule) {
    const Times times(rule);
    if (times.hours.size() * times.minutes.size() * times.seconds.size() <= kMostClockTimes &&
        even_row(rule.hours).step == 0 && even_row(rule.seconds).step == 0)
        return clock_times(times);
    if (times.seconds.size() > 1)
        return by_second(rule, times);
    if (times.minutes.size() > 1)
        return by_minute(rule, times);
    return hourly(rule, times);
}

} // namespace ayb::core
