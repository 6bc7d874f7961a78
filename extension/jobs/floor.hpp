#pragma once
// Where looks at a lane begin: its floor (memory/floor.hpp). A statement that asks for
// (run_at, id) >= ($n, $m), next to run_as, state and waits_for, reads the index from there on.
#include "memory/floor.hpp"

namespace ayb {

// Where to begin in the role's lane: no queued job lies before it. With `look` the floor is raised
// first, to the first job that is queued, locked or not; that costs a probe of the index. Inside
// the books, in a transaction that has not changed the queue yet: its own changes, which may be
// rolled back, would be taken for facts.
Position lane_floor(Oid role, bool look);

// The same for claims of one job, which look when the floor was lowered, and else only now and
// then: what others have taken since are some entries more to walk over.
Position lane_floor_for_one(Oid role);

} // namespace ayb
