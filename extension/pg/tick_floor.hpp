#pragma once
// When the next schedule of a database is due, in shared memory: a lower bound, as that of a lane
// (lanes.hpp) and kept by the same rule. Commits lower it; the scheduler, which reads the mark
// before it takes the snapshot, raises it to the first tick that the snapshot showed.
#include "pg/shared.hpp"

namespace ayb {

struct TickMark {
    TimestampTz due;
    uint64 generation;
};

// Lowers it to `next` (at most), and wakes the scheduler if that sleeps beyond it. Never throws.
void lower_ticks(Database *database, TimestampTz next);

TickMark mark_ticks(Database *database);

// Raises it to `next` if nothing was committed since `mark`; false where something was.
bool raise_ticks(Database *database, const TickMark &mark, TimestampTz next);

} // namespace ayb
