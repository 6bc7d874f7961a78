#pragma once

#include <cstdint>
#include <string_view>

/* The two spellings of "so long after the previous run". */
namespace ayb::core {

/* The seconds of what stands behind @every, such as 1h30m. Throws cron_error(). */
std::int64_t parse_duration(std::string_view text);

/* True for the second word of "N seconds" (pg_cron takes "second" too, in any case). */
bool is_seconds_word(std::string_view text) noexcept;

/* N of "N seconds", 1 to 59. Throws cron_error(). */
std::int64_t parse_seconds(std::string_view count);

} // namespace ayb::core
