#pragma once
#include "route/router.hpp"

namespace ayb::api {

std::vector<Route> schedule_routes();

} // namespace ayb::api
