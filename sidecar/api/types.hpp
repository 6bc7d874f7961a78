#pragma once
#include "route/router.hpp"

namespace ayb::api {

// Types of jobs, and their handlers.
std::vector<Route> type_routes();

} // namespace ayb::api
