#pragma once
#include "route/router.hpp"

namespace ayb::api {

// /live /ready /health
std::vector<Route> probe_routes(Database &database);

} // namespace ayb::api
