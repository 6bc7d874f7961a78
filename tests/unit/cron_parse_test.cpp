#include <gtest/gtest.h>

#include <cstring>

#include "core/cron.hpp"
#include "core/error.hpp"

namespace ayb::core {
namespace {

std::string detail_of(std::string_view expr) {
    try {
        parse_cron(expr);
    } catch (const Error &error) {
        return error.detail;
    }
    return "(taken)";
}

bool taken(std::string_view expr) { return detail_of(expr) == "(taken)"; }

std::uint64_t bits(std::initializer_list<int> values) {
    std::uint64_t out = 0;
    for (const int value : values)
        out |= std::uint64_t{1} << value;
    return out;
}

std::uint64_t weekdays(const std::string &field) { return parse_cron("0 0 * * " + field).weekdays; }
std::uint64_t hours(const std::string &field) { return parse_cron("0 " + field + " * * *").hours; }

TEST(ParseCron, ReadsEveryFormOfAField) {
    EXPECT_EQ(hours("7"), bits({7}));
    EXPECT_EQ(hours("007"), bits({7}));
    EXPECT_EQ(hours("7-9"), bits({7, 8, 9}));
    EXPECT_EQ(hours("9-9"), bits({9}));
    EXPECT_EQ(hours("*/9"), bits({0, 9, 18}));
    EXPECT_EQ(hours("*/23"), bits({0, 23}));
    EXPECT_EQ(hours("2-9/3"), bits({2, 5, 8}));
    EXPECT_EQ(hours("20/2"), bits({20, 22}));
    EXPECT_EQ(hours("1,20/2,4-5"), bits({1, 4, 5, 20, 22}));
    EXPECT_EQ(parse_cron("0 0 1 mar-MAY,Dec *").months, bits({3, 4, 5, 12}));
    EXPECT_EQ(parse_cron("0 0 1 5-Sep/2 *").months, bits({5, 7, 9}));
    EXPECT_EQ(parse_cron("0 0 1 nov/1 *").months, bits({11, 12}));
}

TEST(ParseCron, KnowsWhereTheWeekEnds) {
    EXPECT_EQ(weekdays("0"), bits({0}));
    EXPECT_EQ(weekdays("7"), bits({0}));
    EXPECT_EQ(weekdays("FRI-SUN"), bits({5, 6, 0}));
    EXPECT_EQ(weekdays("5-7"), bits({5, 6, 0}));
    EXPECT_EQ(weekdays("6-0"), bits({6, 0}));
    EXPECT_EQ(weekdays("sun-tue"), bits({0, 1, 2}));
    EXPECT_EQ(weekdays("sun-sun"), bits({0}));
    EXPECT_EQ(weekdays("7-0"), bits({0}));
    EXPECT_EQ(weekdays("0-7"), bits({0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(weekdays("1-0"), bits({0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(weekdays("5-0/2"), bits({5, 0}));
    EXPECT_EQ(weekdays("2/2"), bits({2, 4, 6}));
    EXPECT_EQ(weekdays("5/1"), bits({5, 6}));
    EXPECT_EQ(weekdays("sun/3"), bits({0, 3, 6}));
    EXPECT_EQ(weekdays("7/2"), bits({0}));
    EXPECT_EQ(weekdays("*/5"), bits({0, 5}));
    EXPECT_EQ(weekdays("*/7"), bits({0}));
    EXPECT_FALSE(taken("0 0 * * 7-3"));
    EXPECT_FALSE(taken("0 0 * * fri-mon"));
    EXPECT_FALSE(taken("0 0 * * */8"));
    EXPECT_FALSE(taken("0 0 * * 8"));
}

TEST(ParseCron, ReadsTheDayFieldsOwnForms) {
    EXPECT_TRUE(parse_cron("0 0 L * *").last_day);
    EXPECT_TRUE(parse_cron("0 0 $ * *").last_day);
    EXPECT_TRUE(parse_cron("0 0 lw * *").last_workday);
    EXPECT_EQ(parse_cron("0 0 15w,1W,20 * *").nearest_weekdays, bits({1, 15}));
    EXPECT_EQ(parse_cron("0 0 15w,1W,20 * *").days, bits({20}));
    EXPECT_EQ(parse_cron("0 0 * * monL,7l,5").last_weekdays, bits({0, 1}));
    EXPECT_EQ(parse_cron("0 0 * * sun#1,7#5,3").nth_weekdays[4], bits({0}));
    EXPECT_TRUE(parse_cron("0 0 1,L,LW,$ * 1,fri#3,2L").last_day);
    for (const char *bad : {"0 0 * * L", "0 0 L-3 * *", "0 0 $W * *", "0 0 0W * *", "0 0 32W * *",
                            "0 0 1-5W * *", "0 0 WL * *", "0 0 15W/2 * *", "0 0 L/2 * *",
                            "0 0 * * 1#0", "0 0 * * 1#6", "0 0 * * 1-3#2", "0 0 * * 1-3L",
                            "0 0 * * #2", "0 0 * * 5L/2", "0 0 * * 5#L", "0 0 * JANL *"})
        EXPECT_FALSE(taken(bad)) << bad;
}

TEST(ParseCron, TakesAQuestionMarkAloneInTheDayFieldsOnly) {
    EXPECT_TRUE(parse_cron("0 0 ? * 1").any_day);
    EXPECT_TRUE(parse_cron("0 0 1 * ?").any_weekday);
    EXPECT_TRUE(taken("0 0 ? * ?"));
    for (const char *bad : {"? 0 * * *", "0 ? * * *", "0 0 * ? *", "? 0 0 * * *", "0 0 ?/2 * *",
                            "0 0 ?,5 * *", "0 0 5,? * *", "0 0 ?? * *"})
        EXPECT_FALSE(taken(bad)) << bad;
}

TEST(ParseCron, TellsWildcardRulesFromFixedOnes) {
    for (const char *expr : {"* 2 * * *", "*/15 2 * * *", "*/59,3 2 * * *", "30 * * * *",
                             "30 */6 * * *", "30 0-23 * * *", "30 0/1 * * *", "@hourly",
                             "0 0-11,12-23 * * *", "@every 1d", "5 seconds", "30 30 */2 * * *"})
        EXPECT_TRUE(parse_cron(expr).wildcard) << expr;
    for (const char *expr : {"30 2 * * *", "0-59 2 * * *", "5,*/9 2 * * *", "30 1-23 * * *",
                             "30 0/2 * * *", "@daily", "* 30 2 * * *", "0 5,*/6 * * *"})
        EXPECT_FALSE(parse_cron(expr).wildcard) << expr;
}

TEST(ParseCron, HoldsStepsToWhatTheFieldHolds) {
    for (const char *good : {"*/59 * * * *", "* */23 * * *", "* * */31 * *", "* * * */12 *",
                             "*/59 * * * * *", "1-5/59 * * * *"})
        EXPECT_TRUE(taken(good)) << good;
    for (const char *bad : {"*/60 * * * *", "* */24 * * *", "* * */32 * *", "* * * */13 *",
                            "*/60 * * * * *", "1-5/60 * * * *", "*/0 * * * *", "5/0 * * * *"})
        EXPECT_FALSE(taken(bad)) << bad;
}

TEST(ParseCron, ReadsIntervals) {
    EXPECT_EQ(parse_cron("@every 1h30m").interval, 5400);
    EXPECT_EQ(parse_cron(" @EVERY \t 90s ").interval, 90);
    EXPECT_EQ(parse_cron("@every 1d1h1m1s").interval, 90061);
    EXPECT_EQ(parse_cron("@every 0h1s").interval, 1);
    EXPECT_EQ(parse_cron("@every 100000000d").interval, kMaxInterval);
    EXPECT_EQ(parse_cron("1 seconds").interval, 1);
    EXPECT_EQ(parse_cron("59 Seconds").interval, 59);
    EXPECT_EQ(parse_cron("5 second").interval, 5);
    for (const char *bad : {"@every",
                            "@every 0s",
                            "@every 1.5h",
                            "@every 1h 30m",
                            "@every 1H",
                            "@every 1ms",
                            "@every +1h",
                            "@every 1h-1m",
                            "@every h",
                            "@every 100000001d",
                            "@every1h",
                            "@every 5",
                            "@every 99999999999999999999d",
                            "0 seconds",
                            "60 seconds",
                            "-5 seconds",
                            "5seconds",
                            "5 secondss",
                            "5 seconds 5",
                            "x seconds"})
        EXPECT_FALSE(taken(bad)) << bad;
}

TEST(ParseCron, ReadsMacrosInAnyCase) {
    for (const char *good :
         {"@yearly", "@ANNUALLY", "@Monthly", "@weekly", "@daily", "@midnight", "\t@hourly "})
        EXPECT_TRUE(taken(good)) << good;
    for (const char *bad : {"@", "@reboot", "@ daily", "@daily *", "@every_hour"})
        EXPECT_FALSE(taken(bad)) << bad;
}

TEST(ParseCron, TakesSpacesAndTabsAsBlanksAndNothingElse) {
    EXPECT_TRUE(taken(" \t* *\t\t* *  * \t"));
    for (const char *bad : {"* * * * *\n", "*\n* * * *", "*\v* * * *", "* * * * *\r", "\f* * * * *",
                            "* *\xC2\xA0* * *"})
        EXPECT_FALSE(taken(bad)) << bad;
    EXPECT_FALSE(taken(std::string_view("* * * * *\0", 10)));
    EXPECT_FALSE(taken(std::string_view("\0", 1)));
}

TEST(ParseCron, Takes256CharactersAndNoMore) {
    std::string expr = "* * * * *";
    expr.resize(256, ' ');
    EXPECT_TRUE(taken(expr));
    EXPECT_FALSE(taken(expr + " "));
    EXPECT_TRUE(taken(std::string(240, '0') + "5 * * * *"));
}

TEST(ParseCron, RefusesWhatCanNeverMatch) {
    for (const char *bad : {"0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30W 2 *", "0 0 31W 6,2 ?",
                            "0 0 */31 * 0#2", "0 0 */30 2 5#4", "0 0 30 2 */2"})
        EXPECT_NE(detail_of(bad).find("never matches"), std::string::npos) << bad;
    for (const char *good : {"0 0 29 2 *", "0 0 29W 2 *", "0 0 * 2 0#5", "0 0 30 2 1",
                             "0 0 31 2,3 *", "0 0 */31 * 0#1", "0 0 L 2 *"})
        EXPECT_TRUE(taken(good)) << good;
}

TEST(ParseCron, SaysWhichFieldWhatItFoundAndWhatItWouldTake) {
    EXPECT_EQ(detail_of("60 * * * *"),
              "The minute field is out of range with \"60\"; it takes 0 to 59, *, a-b, */n, a-b/n, "
              "a/n, and lists of these.");
    EXPECT_EQ(detail_of("* * 1,,2 * *").substr(0, 56),
              "The day of month field has an empty list item \"\" of \"1,,");
    EXPECT_NE(detail_of("0 0 * * fr\xC4\xB1").find("\"fr\\xc4\\xb1\""), std::string::npos);
    EXPECT_NE(detail_of("* * *").find("3 fields"), std::string::npos);
    EXPECT_NE(detail_of("").find("0 fields"), std::string::npos);
    EXPECT_NE(detail_of(std::string(300, 'x')).find("300 characters"), std::string::npos);
}

TEST(ParseCron, GivesARuleThatMemcpyMayCopy) {
    const CronRule rule = parse_cron("1,2 3-4 5W,L 6 7L,1#2");
    CronRule copy;
    std::memcpy(&copy, &rule, sizeof rule);
    const FixedZone utc;
    EXPECT_EQ(next_instant(copy, utc, 0), next_instant(rule, utc, 0));
    EXPECT_LE(sizeof rule, 64U);
}

} // namespace
} // namespace ayb::core
