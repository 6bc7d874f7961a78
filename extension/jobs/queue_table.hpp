#pragma once
// job_queue as it is written past SQL.
#include "pg/raw_table.hpp"

namespace ayb {

// What it must look like. Its trigger isn't fired this way: who writes notes the changes.
RawTable *queue_table();

} // namespace ayb
