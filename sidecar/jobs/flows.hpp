#pragma once
// Flows: jobs that wait for each other.
#include "route/router.hpp"

namespace ayb::api {

// Unless commands may be made, a flow has no job of that type.
std::vector<Route> flow_routes(bool allow_commands);

} // namespace ayb::api
