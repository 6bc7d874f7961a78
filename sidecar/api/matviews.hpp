#pragma once
#include "route/long.hpp"
#include "route/router.hpp"

#include <memory>

namespace ayb::api {

// How long a refresh may take, and whose turn it is to hold a session for so long.
std::vector<Route> matview_routes(std::chrono::milliseconds refresh_timeout,
                                  const std::shared_ptr<Turns> &turns);

} // namespace ayb::api
