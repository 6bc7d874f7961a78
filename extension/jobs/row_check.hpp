#pragma once
// What the columns of job_queue may hold, beyond their types: looked at by the row trigger, which
// fires anyway. As CHECKs the same would be read anew by each statement.
#include "pg/tuples.hpp"

namespace ayb {

// Raises 23514 for what no job may have. The row may lack what NOT NULL asks for: triggers come
// before constraints.
void check_row(const Values &row);

} // namespace ayb
