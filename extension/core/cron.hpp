#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/zone.hpp"

/*
 * The cron language of shared/cron.md: parsing, the next instant, a description in English.
 *
 * Everywhere here an instant is Unix seconds, and a local time is an instant plus its offset.
 */
namespace ayb::core {

/* PostgreSQL's timestamptz: 4714-11-24 00:00 BC inclusive to 294277-01-01 00:00 exclusive, UTC. */
inline constexpr std::int64_t kFirstInstant = -210866803200;
inline constexpr std::int64_t kEndInstant = 9224318016000;

/* The longest expression, in bytes, and the longest @every, in seconds (100,000,000 days). */
inline constexpr std::size_t kMaxExpression = 256;
inline constexpr std::int64_t kMaxInterval = 8640000000000;

/*
 * A parsed rule: plain bits, no pointer, may be copied with memcpy and compared field by field.
 * Bit n of a set stands for the value n. Only parse_cron makes one that is sure to match sometimes.
 */
struct CronRule {
    std::int64_t interval; /* seconds, for @every and "N seconds"; 0 for a calendar rule */

    std::uint64_t seconds; /* 0 to 59 */
    std::uint64_t minutes; /* 0 to 59 */
    std::uint32_t hours;   /* 0 to 23 */

    std::uint32_t days;             /* 1 to 31 */
    std::uint32_t nearest_weekdays; /* 1 to 31: nW */
    std::uint16_t months;           /* 1 to 12 */

    std::uint8_t weekdays;        /* 0 (Sunday) to 6 */
    std::uint8_t last_weekdays;   /* 0 to 6: nL */
    std::uint8_t nth_weekdays[5]; /* 0 to 6 in each: n#1 to n#5 */

    bool last_day;     /* L or $ */
    bool last_workday; /* LW */
    bool any_day;      /* day of month begins with * or is ? */
    bool any_weekday;  /* day of week begins with * or is ? */
    bool wildcard;     /* keeps its rhythm through gaps and overlaps, not its local times */
};
static_assert(std::is_trivially_copyable_v<CronRule> && std::is_standard_layout_v<CronRule>);

/*
 * Parses five fields, six with seconds first, a macro, "@every 1h30m" or "N seconds".
 * Throws Error 22023 "invalid cron expression"; its detail names the field, what was found there
 * and what it would take. An expression that can match on no day is such an error.
 */
CronRule parse_cron(std::string_view expr);

/*
 * The first instant strictly after `after` at which the rule runs in the zone.
 *
 * `after` is whole seconds: a caller with a fraction rounds it down (floor, not towards zero),
 * which keeps "strictly after", as ticks fall on whole seconds. For an interval it is the previous
 * run, and the zone is not asked. A reference before kFirstInstant counts as the second before it.
 *
 * Nothing: no run before kEndInstant, or none ever because each of a wildcard rule's times falls
 * into a gap. Always ends, allocates nothing, throws nothing.
 */
std::optional<std::int64_t> next_instant(const CronRule &rule, const Zone &zone,
                                         std::int64_t after) noexcept;

/*
 * What the rule does, in plain English: "at 02:30 on weekdays, Europe/Berlin". It tells what runs,
 * not how it was written ("0,30 * * * *" is "every 30 minutes"). The zone's name is left out when
 * empty and where it can make no difference.
 */
std::string describe_cron(const CronRule &rule, std::string_view zone_name = {});

} // namespace ayb::core
