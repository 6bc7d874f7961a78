#pragma once
#include "route/router.hpp"

namespace ayb::api {

// A job of `j`, a row of ayb_jobs.jobs, as JSON text in PostgreSQL.
std::string job_json();
// The same with only the beginnings of what may be long, so that a page of jobs is never large.
std::string brief_job_json();
// And with what came of it, of `r`, a row of ayb_jobs.schedule_runs().
std::string schedule_run_json();
// How many there are in each state, and with $1 what queued ones wait for.
std::string stats_statement();

std::vector<Route> job_routes(); // to look at them
// To make, retry and cancel them; `commands` as ApiSettings has it.
std::vector<Route> job_change_routes(bool commands);

} // namespace ayb::api
