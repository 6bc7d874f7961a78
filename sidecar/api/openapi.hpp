#pragma once
#include "api/router.hpp"

namespace ayb::api {

std::vector<Route> openapi_routes();

} // namespace ayb::api
