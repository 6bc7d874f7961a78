#pragma once
// What workers outside find: which lanes of theirs have something due.
#include "base/answer.hpp"
#include "lanes/picks.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

// Of these types (text[] without nulls), the lanes of those of kind external that aren't paused,
// and of roles that the viewer may see or has a grant for, that may have a job due at `now`: by
// their floors. Palloc'd. What the caller's transaction has enqueued itself is there as well.
// Of a lane with keys at most `keys` have a turn. `next` is when others may have one, at the
// earliest.
Picks due_outside(Datum types, const Viewer &me, TimestampTz now, int keys, TimestampTz *next);

// Whether the turn of another role may have come meanwhile, where the one whose it was has nothing.
bool has_other_roles(const Picks &picks);

// The same as who waits for it stands in shared memory. Needs a snapshot.
Wanted wanted_outside(Datum types, const Viewer &me);

// Whether the viewer could claim a job of these types now. If not, `next` is when to look again.
// In a transaction that has changed nothing, and needs a snapshot.
bool any_to_claim(Datum types, const Viewer &me, TimestampTz now, TimestampTz *next);

// What lanes have to hand out to those who wait.
struct ToHandOut {
    int jobs; // that nobody has locked, and for which nobody has been woken by a commit of late
    bool any; // is due, of whatever kind
    TimestampTz next; // what isn't due yet, at the earliest
};

// Of one lane, up to `most`.
ToHandOut to_hand_out(const LanePick &lane, TimestampTz now, int most);

// Whether this transaction may raise their floors by what it sees: one that has changed nothing,
// has not kept its snapshot, and where a scheduler makes good what is committed unheard.
bool may_raise_floors();

} // namespace ayb
