#pragma once
#include "pg/postgres.hpp"

namespace ayb {

// Starts a worker for the lane of `role`, in `slot` that was reserved for it. Null where there is
// no worker slot; else a palloc'd handle.
BackgroundWorkerHandle *start_worker(int slot, Oid database, Oid role);

} // namespace ayb
