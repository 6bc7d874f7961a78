#pragma once
#include "route/router.hpp"

namespace ayb::api {

// `commands` as ApiSettings has it.
std::vector<Route> schedule_routes(bool commands);

} // namespace ayb::api
