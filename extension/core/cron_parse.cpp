#include "core/cron.hpp"

#include <algorithm>
#include <array>

#include "core/cron_calendar.hpp"
#include "core/cron_field.hpp"
#include "core/cron_interval.hpp"

namespace ayb::core {
namespace {

constexpr std::size_t kMostFields = 6;
constexpr std::uint32_t kAllHours = (std::uint32_t{1} << 24) - 1;

/* The words between blanks; beyond the seventh they are only counted. */
struct Words {
    std::array<std::string_view, kMostFields + 1> at{};
    std::size_t count = 0;
};

Words split(std::string_view expr) noexcept {
    Words words;
    for (;;) {
        const std::size_t begin = expr.find_first_not_of(" \t");
        if (begin == std::string_view::npos)
            return words;
        expr.remove_prefix(begin);
        const std::size_t end = std::min(expr.find_first_of(" \t"), expr.size());
        if (words.count < words.at.size())
            words.at[words.count] = expr.substr(0, end);
        ++words.count;
        expr.remove_prefix(end);
    }
}

CronRule interval_rule(std::int64_t seconds) noexcept {
    CronRule rule{};
    rule.interval = seconds;
    rule.wildcard = true;
    return rule;
}

void set_day_fields(CronRule &rule, const Field &day, const Field &weekday) noexcept {
    rule.days = static_cast<std::uint32_t>(day.values);
    rule.nearest_weekdays = day.nearest_weekdays;
    rule.last_day = day.last_day;
    rule.last_workday = day.last_workday;
    rule.any_day = day.any;
    rule.weekdays = static_cast<std::uint8_t>(weekday.values);
    rule.last_weekdays = weekday.last_weekdays;
    for (std::size_t i = 0; i < 5; ++i)
        rule.nth_weekdays[i] = weekday.nth_weekdays[i];
    rule.any_weekday = weekday.any;
}

/* `words` are five fields, or six with the seconds in front. */
CronRule calendar_rule(const Words &words) {
    const bool has_seconds = words.count == kMostFields;
    const std::string_view *word = words.at.data();
    const Field second = parse_field(FieldKind::second, has_seconds ? *word++ : "0");
    const Field minute = parse_field(FieldKind::minute, *word++);
    const Field hour = parse_field(FieldKind::hour, *word++);
    const Field day = parse_field(FieldKind::day, *word++);
    const Field month = parse_field(FieldKind::month, *word++);
    const Field weekday = parse_field(FieldKind::weekday, *word++);

    CronRule rule{};
    rule.seconds = second.values;
    rule.minutes = minute.values;
    rule.hours = static_cast<std::uint32_t>(hour.values);
    rule.months = static_cast<std::uint16_t>(month.values);
    rule.wildcard = minute.any || hour.any || rule.hours == kAllHours;
    set_day_fields(rule, day, weekday);
    return rule;
}

CronRule parse_fields(const Words &words) {
    if (words.count != 5 && words.count != 6)
        throw cron_error("It has " + std::to_string(words.count) +
                         (words.count == 1 ? " field" : " fields") +
                         "; it takes five (minute, hour, day of month, month, day of week), or six "
                         "with the second in front.");
    const CronRule rule = calendar_rule(words);
    if (!ever_matches(rule)) {
        const std::string_view *day = words.at.data() + words.count - 3;
        throw cron_error("It never matches: the day of month field has " + quoted(day[0]) +
                         ", the month field " + quoted(day[1]) + " and the day of week field " +
                         quoted(day[2]) + ", but no such day exists; they take days that do.");
    }
    return rule;
}

struct Macro {
    std::string_view name;
    std::string_view meaning;
};

constexpr std::array<Macro, 7> kMacros{{
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
}};

CronRule parse_macro(const Words &words) {
    if (same_word(words.at[0], "@every") && words.count == 2)
        return interval_rule(parse_duration(words.at[1]));
    for (const Macro &macro : kMacros)
        if (same_word(words.at[0], macro.name) && words.count == 1)
            return parse_fields(split(macro.meaning));
    throw cron_error("The macro " + quoted(words.at[0]) +
                     (words.count > 1 ? " followed by " + quoted(words.at[1]) : "") +
                     " is none; it takes @yearly, @annually, @monthly, @weekly, @daily, @midnight "
                     "or @hourly, alone, or @every with one duration such as 1h30m.");
}

} // namespace

CronRule parse_cron(std::string_view expr) {
    if (expr.size() > kMaxExpression)
        throw cron_error("It has " + std::to_string(expr.size()) + " characters; it takes " +
                         std::to_string(kMaxExpression) + " at most.");
    const Words words = split(expr);
    if (words.count > 0 && words.at[0].front() == '@')
        return parse_macro(words);
    if (words.count == 2 && is_seconds_word(words.at[1]))
        return interval_rule(parse_seconds(words.at[0]));
    return parse_fields(words);
}

} // namespace ayb::core
