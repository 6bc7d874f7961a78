#pragma once
#include "route/router.hpp"

namespace ayb::api {

std::vector<Route> openapi_routes();

} // namespace ayb::api
