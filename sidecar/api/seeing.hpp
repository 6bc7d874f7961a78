#pragma once
#include "route/router.hpp"

namespace ayb::api {

// Workers, lanes, health, errors, series; the database's schema.
std::vector<Route> seeing_routes();

} // namespace ayb::api
