#pragma once
// Where looks at a lane begin: its floor (memory/floor.hpp).
#include "memory/floor.hpp"

namespace ayb {

// A condition for statements on job_queue AS q, next to run_as, state and waits_for: it makes the
// range of job_queue_claim_idx begin at the floor. Its parameters are a timestamptz and a uuid.
#define AYB_FROM_FLOOR(run_at, id) " AND (q.run_at, q.id) >= (" run_at ", " id ")"

// Where to begin in the role's lane: no queued job lies before it. With `look` the floor is raised
// first, to the first job that is queued, locked or not; that costs a probe of the index. Inside
// the books, in a transaction that has not changed the queue yet: its own changes, which may be
// rolled back, would be taken for facts.
Position lane_floor(Oid role, bool look);

// The same for claims of one job, which look when the floor was lowered, and else only now and
// then: what others have taken since are some entries more to walk over.
Position lane_floor_for_one(Oid role);

} // namespace ayb
