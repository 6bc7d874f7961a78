#pragma once
// Who serves which lane (lanes/picks.hpp), by what is registered and paused.
#include "handlers/handlers.hpp"
#include "lanes/picks.hpp"

namespace ayb {

// Who takes jobs of the type, if they are the role's: any role's that trusts it, for InvalidOid.
// Needs a snapshot.
Server server_of(const char *type, Oid role);

// Judges the lanes of a role, or of all roles for InvalidOid, that nobody has judged since
// something was registered or paused, or that wait for trust. Those of a type without a handler are
// removed: they are found again when it is registered. Needs a snapshot.
void judge_lanes(Oid role);

// Judges all lanes of a role, or of all roles for InvalidOid: rights or code may have changed.
// Needs a snapshot.
void judge_anew(Oid role);

// Judges those that are due, in a transaction of its own, where that has to be done; whether it
// had.
bool judge_due(Oid role);

// Picks lanes that are due for this role's workers, in a transaction of its own where they have to
// be judged first. `lanes` has room for kMostPicks. Of a lane with keys at most `keys` are looked
// at; 0 where rows aren't.
Picks pick_served(Oid role, bool quick_only, int keys, LanePick *lanes);

} // namespace ayb
