#pragma once
// The time limit of one statement that the engine runs for somebody, in any session. It nests
// inside the session's own limits and a job's (job_timer.hpp): whichever is reached first cancels.
#include "pg/postgres.hpp"

namespace ayb {

// Arms the limit in milliseconds; 0 is none.
void start_statement_timer(int milliseconds);

// Says whether the limit was reached. A cancel of ours that has not been served yet is withdrawn.
bool stop_statement_timer();

} // namespace ayb
