#pragma once
// Which jobs a list, a count or a change of many is about: what find_jobs() and count_jobs() take.
#include "db/connection.hpp"
#include "http/query.hpp"

namespace ayb::api {

// The values of $1 to $5, or to $7; what is absent or empty is NULL.
inline constexpr const char *kCountArguments =
    "type => $1, since => $2::timestamptz, until => $3::timestamptz, phase => $4, search => $5";
inline constexpr const char *kFindArguments =
    "type => $1, since => $2::timestamptz, until => $3::timestamptz, phase => $4, search => $5,"
    " before => $6::uuid, state => $7";

// Of type, since, until, phase and q; throws Failure.
db::Parameters count_filter(const http::Query &query);
// Of these, of cursor, and of a state.
db::Parameters find_filter(const http::Query &query, const std::string &state);

} // namespace ayb::api
