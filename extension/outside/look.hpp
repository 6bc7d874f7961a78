#pragma once
// What workers outside find: which lanes of theirs have something due.
#include "base/answer.hpp"
#include "lanes/picks.hpp"

namespace ayb {

// Of these types (text[] without nulls), the lanes of those of kind external that aren't paused,
// and of roles that the viewer may see or has a grant for, that may have a job due at `now`: by
// their floors. Palloc'd. What the caller's transaction has enqueued itself is there as well.
Picks due_outside(Datum types, const Viewer &me, TimestampTz now);

// Whether this transaction may raise their floors by what it sees: one that has changed nothing,
// has not kept its snapshot, and where a scheduler makes good what is committed unheard.
bool may_raise_floors();

} // namespace ayb
