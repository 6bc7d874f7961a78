#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/cron.hpp"

/* The parts of describe_cron: sets of numbers and days as English words. */
namespace ayb::core {

/* The set's members, lowest first. */
std::vector<int> members(std::uint64_t bits);

/* "a", "a and b", "a, b and c" */
std::string join(const std::vector<std::string> &words);

/* "0, 7 and 10 to 15": three neighbours and more become a range. */
std::string number_list(std::uint64_t bits);

/* An even row of three members or more, such as 5, 20, 35, 50; step 0 when it is none. */
struct Row {
    int first, last, step;
};
Row even_row(std::uint64_t bits);

/* "2nd" */
std::string ordinal(int number);

/* "at 02:30", "every 15 minutes from 09:00 to 17:59". */
std::string time_phrase(const CronRule &rule);

/* " on weekdays in March", or nothing when every day of every month will do. */
std::string day_phrase(const CronRule &rule);

} // namespace ayb::core
