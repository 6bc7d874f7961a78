#pragma once
// The ticks of schedules: what is due becomes jobs.
#include "memory/databases.hpp"

namespace ayb {

// Enqueues what is due at `now`, for a thousand schedules at most, and moves each to its next tick
// in the same transaction. A schedule that can't be computed stops alone. Raises the shared floor
// to the next tick. Returns when to look again (DT_NOEND while all is paused). In transactions of
// its own; the scheduler's.
TimestampTz run_ticks(Database *database, TimestampTz now);

} // namespace ayb
