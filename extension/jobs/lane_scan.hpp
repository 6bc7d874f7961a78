#pragma once
// Lanes and counts, read from the tables: at a scheduler's start, and where shared memory can't
// know.
#include "base/answer.hpp"
#include "lanes/picks.hpp"
#include "memory/databases.hpp"

namespace ayb {

// Finds every lane with queued jobs of a type that has a handler: one index probe each, between
// those that are known. `from_start` trusts no floor of these, and mends those that are wrong.
void find_lanes(bool from_start);

// Lanes of the role that are due and that we serve, but that shared memory has no room for; `mark`
// is the role's (mark_rest), which is raised to what the look shows. At most kMostPicks. In a
// transaction whose snapshot is younger than the mark.
Picks homeless_lanes(Oid role, const TimeMark &mark, LanePick *lanes);

// Calls `visit` for each lane with queued jobs that shared memory doesn't know, and in its mark
// where its first job is: with `kept` those of roles alone for which there was no room, else all.
// Needs a snapshot.
void each_unknown_lane(bool kept, void (*visit)(const LanePick &lane, void *context),
                       void *context);

// When the oldest job that the viewer may see and that is due, of a type that has a handler, became
// due; DT_NOEND or later where there is none. Needs a snapshot.
TimestampTz oldest_due(const Viewer &me);

// The same for each of the roles, which are sorted: to `oldest`, DT_NOEND where none is due. For a
// scheduler. Needs a snapshot.
void find_oldest_due(const Oid *roles, int count, TimestampTz now, TimestampTz *oldest);

// Counts the jobs of every role in every state. False where that has to be repeated.
bool count_jobs(Database *database);

} // namespace ayb
