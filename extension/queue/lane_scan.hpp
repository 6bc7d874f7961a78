#pragma once
// Lanes and counts, read from the tables: at a scheduler's start, and where shared memory can't
// know.
#include "pg/shared.hpp"

namespace ayb {

// Finds every lane with claimable jobs, and when its first one is due: one index probe a lane.
void find_lanes();

// Counts the jobs of every lane in every state. False where that has to be repeated.
bool count_jobs(Database *database);

} // namespace ayb
