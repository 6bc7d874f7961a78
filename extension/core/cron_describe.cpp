#include "core/cron.hpp"

#include "core/cron_words.hpp"

namespace ayb::core {
namespace {

/* "1 hour 30 minutes"; a plain unit has no number ("every hour"). */
std::string duration(std::int64_t seconds) {
    struct Unit {
        std::int64_t seconds;
        const char *name;
    };
    constexpr Unit kUnits[] = {{3600, "hour"}, {60, "minute"}, {1, "second"}};
    std::string out;
    for (const Unit &unit : kUnits) {
        if (seconds == unit.seconds && out.empty())
            return unit.name;
        const std::int64_t count = seconds / unit.seconds;
        seconds %= unit.seconds;
        if (count > 0)
            out += (out.empty() ? "" : " ") + std::to_string(count) + " " + unit.name +
                   (count > 1 ? "s" : "");
    }
    return out;
}

/* Offsets are whole quarters of an hour by now, so "every 15 minutes" is the same everywhere. */
bool same_in_all_zones(const CronRule &rule, const std::string &days) {
    const Row minutes = even_row(rule.minutes);
    return days.empty() && members(rule.hours).size() == 24 && minutes.step > 0 &&
           15 % minutes.step == 0 && minutes.last - minutes.first + minutes.step == 60;
}

} // namespace

std::string describe_cron(const CronRule &rule, std::string_view zone_name) {
    if (rule.interval > 0)
        return "every " + duration(rule.interval) + ", counted from the previous run";
    const std::string days = day_phrase(rule);
    std::string out = time_phrase(rule);
    const bool clock_times = out.compare(0, 3, "at ") == 0 && out[3] >= '0' && out[3] <= '9';
    out += days.empty() && clock_times ? " every day" : days;
    if (!zone_name.empty() && !same_in_all_zones(rule, days))
        out.append(", ").append(zone_name);
    return out;
}

} // namespace ayb::core
