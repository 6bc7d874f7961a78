#pragma once

#include <cstdint>
#include <optional>

#include "core/cron.hpp"

/* The calendar half of the engine: which local times a rule matches, zones left aside. */
namespace ayb::core {

/*
 * The days (bits 1 to 31) that a rule's two day fields match in a month of `length` days whose
 * first day is `first_weekday` (0 is Sunday). The month field is not looked at.
 */
std::uint32_t matching_days(const CronRule &rule, int length, int first_weekday) noexcept;

/* True when some month of the Gregorian calendar holds a day that the rule matches. */
bool ever_matches(const CronRule &rule) noexcept;

/* The first matching local time at or after `from`; nothing when 400 years hold none. */
std::optional<std::int64_t> next_local_time(const CronRule &rule, std::int64_t from) noexcept;

} // namespace ayb::core
