#pragma once
// Lanes in shared memory: when each is next due, and which process to wake for it.
//
// `due` is a lower bound: nothing claimable lies before it. Commits lower it (lower_lane); a worker
// that found nothing raises it (raise_lane) to the first row that its snapshot showed, but only if
// no commit came in between: it reads the mark before it takes the snapshot. A commit becomes
// visible before its callback runs, so what the snapshot missed has either changed the generation
// by then or lowers `due` afterwards.
#include "pg/shared.hpp"

namespace ayb {

struct LaneMark {
    TimestampTz due;
    uint64 generation;
};

// The lane's entry, made where there is none. Null where shared memory is full; then the database's
// rescan flag is set, so that the lane is found by a later look at the table. Never throws.
Lane *lane_of(Oid database, Oid role);

// Lowers the lane to `run_at` (at most) and counts the commit. Never throws.
void lower_lane(Lane *lane, TimestampTz run_at);

LaneMark mark_lane(Lane *lane);

// Raises the lane to `due` if nothing was committed since `mark`; false where something was.
bool raise_lane(Lane *lane, const LaneMark &mark, TimestampTz due);

// Sets the latch of one sleeping worker of the lane for each job, and of the database's scheduler
// where there are more jobs than such workers.
void wake_for_lane(Database *database, Oid role, int jobs);

// A lane that can't be served now: `why` is kept for lanes() and health(), and it is not tried
// again before `wait_ms`, doubled with each failure in a row up to a minute.
void hold_lane(Lane *lane, const char *why, int wait_ms);
void clear_lane_failure(Lane *lane);

// What is due can't be claimed: it is tried again after this time, or at the next commit that makes
// something claimable. False, and nothing is done, where one came since the mark.
bool hold_locked_lane(Lane *lane, const LaneMark &mark, int wait_ms);

// Calls `visit` for each lane of the database, under the shared lock: it must not throw.
void each_lane(Oid database, void (*visit)(Lane *lane, void *context), void *context);

// Removes the database's lanes: before a scheduler's first look, and when it has nothing to serve.
void forget_lanes(Oid database);

// Removes lanes of the database that hold no job, once the table is three quarters full.
void prune_lanes(Oid database);

} // namespace ayb
