#pragma once
// What the columns of job_queue may hold, beyond their types: looked at by the row trigger, which
// fires anyway, and by who enters rows past it. As CHECKs the same would be read anew by each
// statement: eight were a fifth of what a job by lease takes. The states alone are one, by which
// plans for completed jobs leave the queue out.
#include "pg/tuples.hpp"

namespace ayb {

// Raises 23514 for what no job may have. The row may lack what NOT NULL asks for: triggers come
// before constraints.
void check_row(const Values &row);

// Whether a queued job stands apart until it is due: the claim index of those with a key knows no
// time.
bool waits_for_time(bool keyed, TimestampTz run_at);

} // namespace ayb
