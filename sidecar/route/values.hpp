#pragma once
// What the words of a request stand for. Each parameter is read once, by its type; what isn't of
// it is refused by its name, and nothing is asked of the database.
#include "http/query.hpp"
#include "json/json.hpp"
#include "route/failure.hpp"

#include <optional>

namespace ayb::api {

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text);
// RFC 3339, with 'T' or a blank: an instant of the years 1 to 9999.
bool is_time(std::string_view text);

// A parameter of a query; nothing where it is absent or empty. Each throws Failure.
std::optional<std::string> uuid_of(const http::Query &query, const char *name);
std::optional<std::string> time_of(const http::Query &query, const char *name);
bool flag_of(const http::Query &query, const char *name);

// A member of a body. Throws Failure, or json::Error where it is no string.
std::optional<std::string> time_of(const json::Object &body, const char *name);
// Throws Failure where the body has another member: on routes of our own a typo is no default.
void require_known(const json::Object &body, std::initializer_list<std::string_view> keys);

} // namespace ayb::api
