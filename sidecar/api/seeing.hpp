#pragma once
#include "route/router.hpp"

namespace ayb::api {

// Workers, lanes, health, series, handlers; pause and resume; the database's schema.
std::vector<Route> seeing_routes();

} // namespace ayb::api
