#pragma once
#include "api/router.hpp"

namespace ayb::api {

std::vector<Route> schedule_routes();

} // namespace ayb::api
