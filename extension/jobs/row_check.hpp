#pragma once
// What the columns of job_queue may hold, beyond their types: looked at by the row trigger, which
// fires anyway. As CHECKs the same would be read anew by each statement.
#include "pg/tuples.hpp"

namespace ayb {

// Raises 23514 for what no job may have. The row may lack what NOT NULL asks for: triggers come
// before constraints.
void check_row(const Values &row);

// Whether a queued job stands apart until it is due: the claim index of those with a key knows no
// time.
bool waits_for_time(bool keyed, TimestampTz run_at);

} // namespace ayb
