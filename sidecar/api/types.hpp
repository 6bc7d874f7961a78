#pragma once
#include "route/router.hpp"

namespace ayb::api {

// What became of attempts: of `s`, a row of ayb_jobs.series().
std::vector<Field> fields_of_series();

// Types of jobs, their handlers, and what lies in the queue of each.
std::vector<Route> type_routes();

} // namespace ayb::api
