#pragma once
// The time limit of one job. When it is over the job is cancelled; a handler that traps that is
// ended, with its process, by the second strike after ayb_jobs.shutdown_timeout more.
#include "pg/postgres.hpp"

namespace ayb {

void install_job_timer();

// Arms the limit in milliseconds, 0 for none; the role's statement_timeout counts too, as no
// statement of a background worker would enforce it.
void start_job_timer(int64 limit_ms);
void stop_job_timer();

// Whether the limit of the job that was stopped last was reached, and how long it was.
bool job_timed_out();
int64 job_time_limit();

} // namespace ayb
