#pragma once
// What a route answers where PostgreSQL refuses: a table of SQLSTATE by route, the only one.
// docs/reference/api.md shows it, and the tests provoke each of its rows.
#include "db/error.hpp"
#include "route/call.hpp"

namespace ayb::api {

// `route` is "METHOD /path" with braces, as the router has it. Asks the database whether it has the
// extension where the error could mean either; throws db::Unavailable then.
Failure refusal(const db::Error &error, const std::string &route, const Call &call);

} // namespace ayb::api
