#pragma once
#include "route/router.hpp"

namespace ayb::api {

// Who is told, by a job, of checks that turn. What is set is the watch of the role that the sidecar
// logs in as; all that this role sees are listed.
std::vector<Route> watch_routes();

} // namespace ayb::api
