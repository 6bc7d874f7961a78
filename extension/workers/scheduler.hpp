#pragma once
#include "pg/postgres.hpp"

namespace ayb {

// Starts the scheduler of a database. Null where there is no worker slot; else a palloc'd handle.
BackgroundWorkerHandle *start_scheduler(Oid database);

} // namespace ayb
