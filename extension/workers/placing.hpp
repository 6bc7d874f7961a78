#pragma once
// Which lanes get a worker: the scheduler's choice, made from shared memory alone.
#include "memory/databases.hpp"

namespace ayb {

// Starts workers for lanes that are due, and asks others to make room. Returns when to look again
// (DT_NOEND: when somebody sets the latch).
TimestampTz place_workers(Database *database, TimestampTz now);

// Recovers the jobs of workers that are gone, and frees the slots of those that could not start.
void reap_workers(Database *database);

} // namespace ayb
