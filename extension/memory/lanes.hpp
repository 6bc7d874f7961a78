#pragma once
// Lanes in shared memory: when each is next due, where claims begin to read, and which process to
// wake for it.
//
// `due` is when to look: a worker that found nothing to claim raises it (raise_lane) to the first
// row that its snapshot showed and that isn't paused, but only if no commit came since its mark, as
// it goes to sleep then. The floor is where to look: see floor.hpp. Commits lower both
// (lower_lane).
#include "memory/shared.hpp"

namespace ayb {

using LaneMark = FloorMark<Position>;

// The lane's entry, made where there is none. Null where shared memory is full; then the database's
// rescan flag is set, so that the lane is found by a later look at the table. Never throws.
Lane *lane_of(Oid database, Oid role);

// Lowers the lane to `first` (at most) and counts the commit. Never throws.
void lower_lane(Lane *lane, const Position &first);

// The same, if shared memory has such a lane.
void lower_left_lane(Oid database, Oid role, const Position &first);

LaneMark mark_lane(Lane *lane);

// The floor of a lane by its key: nobody removes the lane in between. Begins at kBegin where there
// is no such lane.
LaneMark mark_lane_floor(Oid database, Oid role);
void raise_lane_floor(Oid database, Oid role, const LaneMark &mark, const Position &first);

// What was committed isn't known: every lane of the database is read from its beginning.
void forget_floors(Oid database);

// Raises the lane to `due` if nothing was committed since `mark`; false where something was.
bool raise_lane(Lane *lane, const LaneMark &mark, TimestampTz due);

// Sets the latch of one sleeping worker of the lane for each job, and of the database's scheduler
// where there are more jobs than such workers; but for a lane that has workers only if it would not
// look in a few milliseconds anyway, and may have more: while the workers are at a backlog, commits
// would wake it one by one, for nothing.
void wake_for_lane(Database *database, Oid role, int jobs);

// A lane that can't be served now: `why` is kept for lanes() and health(), and it is not tried
// again before `wait_ms`, doubled with each failure in a row up to a minute.
void hold_lane(Lane *lane, const char *why, int wait_ms);
void clear_lane_failure(Lane *lane);

// What is due can't be claimed: it is tried again then, or at the next commit that makes something
// claimable. False, and nothing is done, where one came since the mark.
bool hold_locked_lane(Lane *lane, const LaneMark &mark, TimestampTz until);

// When to look at the lane again, under its mutex: when it is due, or when it is tried again.
TimestampTz next_look(const Lane &lane, TimestampTz now);

// The lane's jobs go by lease for a while: a worker ended between the jobs of a group.
void lease_lane(Lane *lane);

// Calls `visit` for each lane of the database, under the shared lock: it must not throw.
void each_lane(Oid database, void (*visit)(Lane *lane, void *context), void *context);

// Removes the database's lanes: before a scheduler's first look, and when it has nothing to serve.
void forget_lanes(Oid database);

// Removes lanes of the database that hold no job, once the table is three quarters full.
void prune_lanes(Oid database);

} // namespace ayb
