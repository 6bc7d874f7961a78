#include <gtest/gtest.h>

#include "core/cron.hpp"

namespace ayb::core {
namespace {

struct Row {
    const char *expr;
    const char *english;
};

constexpr Row kRows[] = {
    {"30 2 * * 1-5", "at 02:30 on weekdays, Europe/Berlin"},
    {"30 2 * * *", "at 02:30 every day, Europe/Berlin"},
    {"*/15 * * * *", "every 15 minutes"},
    {"0,15,30,45 * * * *", "every 15 minutes"},
    {"* * * * *", "every minute"},
    {"* * * * * *", "every second"},
    {"*/10 * * * * *", "every 10 seconds"},
    {"15,25 * * * * *", "at seconds 15 and 25 of every minute"},
    {"0 * * * *", "every hour, Europe/Berlin"},
    {"5 * * * *", "every hour at minute 5, Europe/Berlin"},
    {"0 */2 * * *", "every 2 hours, Europe/Berlin"},
    {"30 */2 * * *", "every 2 hours from 00:30 to 22:30, Europe/Berlin"},
    {"0 9-17 * * 1-5", "every hour from 09:00 to 17:00 on weekdays, Europe/Berlin"},
    {"*/15 9-17 * * *", "every 15 minutes from 09:00 to 17:59, Europe/Berlin"},
    {"*/7 * * * *", "every 7 minutes from minute 0 to 56 of every hour, Europe/Berlin"},
    {"0,5,17 * * * *", "at minutes 0, 5 and 17 of every hour, Europe/Berlin"},
    {"*/10 5 4 * * *",
     "every 10 seconds in minute 5 of every hour from 04:00 to 04:59, Europe/Berlin"},
    {"15 30 2 * * *", "at 02:30:15 every day, Europe/Berlin"},
    {"30 */15 * * * *", "every 15 minutes, at second 30"},
    {"0 12 L * *", "at 12:00 on the last day of the month, Europe/Berlin"},
    {"0 12 LW,15W * *",
     "at 12:00 on the weekday nearest day 15 and the last weekday of the month, Europe/Berlin"},
    {"0 0 29 2 *", "at 00:00 on day 29 of February, Europe/Berlin"},
    {"0 0 13 * 5", "at 00:00 on day 13 of the month or on Fridays, Europe/Berlin"},
    {"0 0 */10 * 1", "at 00:00 on every 10th day from 1 to 31 of the month, but only on Mondays, "
                     "Europe/Berlin"},
    {"0 0 * 2 SUN#5", "at 00:00 on the fifth Sunday of the month in February, Europe/Berlin"},
    {"0 0 * * mon#2,tue,FRIL", "at 00:00 on Tuesdays, the second Monday and the last Friday of the "
                               "month, Europe/Berlin"},
    {"0 0 * * 5-7", "at 00:00 on Friday to Sunday, Europe/Berlin"},
    {"0 0 * * sat,sun", "at 00:00 on weekends, Europe/Berlin"},
    {"0 0 1-7,20 3-5 6", "at 00:00 on days 1 to 7 and 20 of the month or on Saturdays, in March to "
                         "May, Europe/Berlin"},
    {"0 9,18 * 1,7 *", "at 09:00 and 18:00 every day in January and July, Europe/Berlin"},
    {"5 4 1-31 * 1", "at 04:05 every day, Europe/Berlin"},
    {"@yearly", "at 00:00 on day 1 of January, Europe/Berlin"},
    {"@every 1h30m", "every 1 hour 30 minutes, counted from the previous run"},
    {"@every 1d", "every 24 hours, counted from the previous run"},
    {"1 seconds", "every second, counted from the previous run"},
};

TEST(DescribeCron, SpeaksPlainEnglish) {
    for (const Row &row : kRows)
        EXPECT_EQ(describe_cron(parse_cron(row.expr), "Europe/Berlin"), row.english) << row.expr;
}

TEST(DescribeCron, LeavesAnUnknownZoneOut) {
    EXPECT_EQ(describe_cron(parse_cron("30 2 * * 1-5")), "at 02:30 on weekdays");
}

} // namespace
} // namespace ayb::core
