#include "core/cron_interval.hpp"

#include <string>

#include "core/cron.hpp"
#include "core/cron_field.hpp"

namespace ayb::core {
namespace {

std::int64_t unit_seconds(char unit) noexcept {
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

[[noreturn]] void fail_duration(std::string_view text) {
    throw cron_error("@every has " + quoted(text) +
                     "; it takes whole numbers, each with its unit s, m, h or d, such as 1h30m, of "
                     "1 s to 100000000 d in all.");
}

} // namespace

std::int64_t parse_duration(std::string_view text) {
    std::string_view rest = text;
    std::int64_t total = 0;
    while (!rest.empty()) {
        if (!is_digit(rest.front()))
            fail_duration(text);
        const std::int64_t count = take_number(&rest, kMaxInterval + 1);
        const std::int64_t unit = rest.empty() ? 0 : unit_seconds(rest.front());
        if (unit == 0 || count > (kMaxInterval - total) / unit)
            fail_duration(text);
        total += count * unit;
        rest.remove_prefix(1);
    }
    if (total < 1)
        fail_duration(text);
    return total;
}

bool is_seconds_word(std::string_view text) noexcept {
    return same_word(text, "seconds") || same_word(text, "second");
}

std::int64_t parse_seconds(std::string_view count) {
    std::string_view rest = count;
    const std::int64_t seconds = is_digit(count.front()) ? take_number(&rest, 60) : 0;
    if (!rest.empty() || seconds < 1 || seconds > 59)
        throw cron_error("The number of seconds is " + quoted(count) + "; it takes 1 to 59.");
    return seconds;
}

} // namespace ayb::core
