#pragma once
#include "route/router.hpp"

namespace ayb::api {

// `refresh_timeout`: how long a refresh may take; at most `refreshes` run at a time.
std::vector<Route> matview_routes(std::chrono::milliseconds refresh_timeout, std::size_t refreshes);

} // namespace ayb::api
