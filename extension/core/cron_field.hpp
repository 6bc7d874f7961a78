#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

/* One field of a cron expression. */
namespace ayb::core {

enum class FieldKind { second, minute, hour, day, month, weekday };

/* What a field says; each kind uses its own part. Bit n of a set stands for the value n. */
struct Field {
    std::uint64_t values;
    std::uint32_t nearest_weekdays; /* nW */
    std::uint8_t last_weekdays;     /* nL */
    std::uint8_t nth_weekdays[5];   /* n#1 to n#5 */
    bool last_day;                  /* L or $ */
    bool last_workday;              /* LW */
    bool any;                       /* begins with * or is ? */
};

/* Parses a field that holds no blank and is not empty. Throws cron_error(). */
Field parse_field(FieldKind kind, std::string_view text);

/* Error 22023 "invalid cron expression" with this detail. */
Error cron_error(std::string detail);

/* The text in double quotes: cut when long, and each byte but printable ASCII written as \xNN. */
std::string quoted(std::string_view text);

/* ASCII alone, whatever the locale says. */
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool same_word(std::string_view text, std::string_view lower_case_word) noexcept;

/* Takes the digits off the front of *text; at least one must be there. Stops counting at `most`. */
std::int64_t take_number(std::string_view *text, std::int64_t most) noexcept;

} // namespace ayb::core
