#include "route/values.hpp"

#include <charconv>

namespace ayb::api {

namespace {

constexpr const char *kTimeWanted = "not an RFC 3339 time, such as 2026-01-31T12:00:00Z";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// Whether the text begins like the pattern, in which '0' is any digit and all else itself.
bool begins_like(std::string_view text, std::string_view pattern) {
    if (text.size() < pattern.size())
        return false;
    for (std::size_t i = 0; i < pattern.size(); i++)
        if (pattern[i] == '0' ? !is_digit(text[i]) : text[i] != pattern[i])
            return false;
    return true;
}

int number_at(std::string_view text, std::size_t at, std::size_t digits) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + digits, value);
    return value;
}

bool is_date(std::string_view text) {
    if (!begins_like(text, "0000-00-00"))
        return false;
    const int year = number_at(text, 0, 4), month = number_at(text, 5, 2);
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12)
        return false;
    const int days = kDays[month - 1] + (month == 2 && leap ? 1 : 0);
    return number_at(text, 8, 2) >= 1 && number_at(text, 8, 2) <= days;
}

// A leap second is one of the next minute's, as for PostgreSQL.
bool is_clock(std::string_view text) {
    return begins_like(text, "00:00:00") && number_at(text, 0, 2) < 24 &&
           number_at(text, 3, 2) < 60 && number_at(text, 6, 2) <= 60;
}

bool is_offset(std::string_view text) {
    if (text == "Z" || text == "z")
        return true;
    return text.size() == 6 && (text[0] == '+' || text[0] == '-') &&
           begins_like(text.substr(1), "00:00") && number_at(text, 1, 2) < 16 &&
           number_at(text, 4, 2) < 60;
}

std::optional<std::string> checked(std::optional<std::string> value, const char *name,
                                   bool (*good)(std::string_view), const char *wanted) {
    if (value && !good(*value))
        throw invalid(name, wanted);
    return value;
}

std::optional<std::string> given(const http::Query &query, const char *name) {
    const std::string &value = query[name];
    return value.empty() ? std::nullopt : std::optional(value);
}

} // namespace

bool is_uuid(std::string_view text) {
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return true;
}

bool is_time(std::string_view text) {
    constexpr std::size_t kDate = 10, kClock = 8;
    if (text.size() <= kDate + 1 + kClock || !is_date(text) ||
        std::string_view("Tt ").find(text[kDate]) == std::string_view::npos)
        return false;
    text.remove_prefix(kDate + 1);
    if (!is_clock(text))
        return false;
    text.remove_prefix(kClock);
    if (text[0] == '.') {
        std::size_t end = 1;
        while (end < text.size() && is_digit(text[end]))
            end++;
        if (end == 1 || end > 10)
            return false;
        text.remove_prefix(end);
    }
    return is_offset(text);
}

std::optional<std::string> uuid_of(const http::Query &query, const char *name) {
    return checked(given(query, name), name, is_uuid, "not an id");
}

std::optional<std::string> time_of(const http::Query &query, const char *name) {
    return checked(given(query, name), name, is_time, kTimeWanted);
}

bool flag_of(const http::Query &query, const char *name) {
    const std::string &value = query[name];
    if (!value.empty() && value != "true" && value != "false")
        throw invalid(name, "neither true nor false");
    return value == "true";
}

std::optional<std::string> time_of(const json::Object &body, const char *name) {
    return checked(body.text(name), name, is_time, kTimeWanted);
}

void require_known(const json::Object &body, std::initializer_list<std::string_view> keys) {
    const std::optional<std::string> other = body.other_than(keys);
    if (!other)
        return;
    Failure failure(400, "unknown key " + json::quote(*other));
    failure.field = *other;
    throw failure;
}

} // namespace ayb::api
