#pragma once
#include "route/databases.hpp"
#include "route/router.hpp"

namespace ayb::api {

// What databases are served, and what each says of itself. They have to outlive the routes.
std::vector<Route> database_routes(const Databases &databases);

} // namespace ayb::api
