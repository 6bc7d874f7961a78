#pragma once
// Lanes and counts, read from the tables: at a scheduler's start, and where shared memory can't
// know.
#include "memory/databases.hpp"

namespace ayb {

// Finds every lane with queued jobs, and when its first one is due: one index probe a lane, from
// its floor on. `from_start` trusts no floor, and mends those that are wrong.
void find_lanes(bool from_start);

// Counts the jobs of every lane in every state. False where that has to be repeated.
bool count_jobs(Database *database);

} // namespace ayb
