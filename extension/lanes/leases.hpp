#pragma once
// How many of a role's workers may be at leased jobs. A grouped job can't hold a worker, a leased
// one can, whatever its type was like before: so a role never has all workers at leased jobs while
// others have jobs, or had some in the last ten minutes. With fewer than three workers it may.
//
// A worker has a place from before it claims a job by lease until a look finds none, or a group
// ran. Where it gets none, the lanes that it would have claimed from are not due for whoever has
// none, until one is left.
#include "lanes/picks.hpp"

namespace ayb {

// The role has a job, or had one a moment ago.
void note_job_of(Oid role);

// Takes a place for this worker, which serves the role, or keeps its own. False where the role has
// as many as it may.
bool take_place(const RoleKey &role);

// Gives it back, if this worker has one, and has one sleeping worker look at what waits for it.
void leave_place();

// What is due in these lanes goes by lease, and there was no place: nothing of them, nor of the
// types that have no lane, is due before `until` unless a place is left.
void wait_for_place(const RoleKey &role, const Picks &picks, TimestampTz until);

} // namespace ayb
