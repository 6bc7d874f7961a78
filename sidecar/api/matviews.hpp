#pragma once
#include "route/router.hpp"

namespace ayb::api {

// How long a refresh may take; at most half of a database's sessions refresh at a time.
std::vector<Route> matview_routes(std::chrono::milliseconds refresh_timeout);

} // namespace ayb::api
