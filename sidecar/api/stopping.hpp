#pragma once
#include "route/long.hpp"
#include "route/router.hpp"

#include <memory>

namespace ayb::api {

// Pause, drain, resume, adopt. A drain waits: it takes a turn among the requests that do.
std::vector<Route> stopping_routes(const std::shared_ptr<Turns> &turns);

} // namespace ayb::api
