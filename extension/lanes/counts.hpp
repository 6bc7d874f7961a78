#pragma once
// How many jobs each role has in each state, kept by the commits and counted from the tables once.
//
// Counting takes a snapshot while others go on committing. From before the snapshot until the count
// is entered, commits go to a journal with their transaction id; those that the snapshot did not
// show are added afterwards. So the counts are exact without a lock on the tables.
#include "lanes/lanes.hpp"

namespace ayb {

Size counts_size();
void init_counts();

// Adds a commit's changes to the role's counts, or to the journal; makes the role where there is
// none. Never throws.
void count_change(const RoleKey &role, TransactionId xid, const int32 (&delta)[kStates]);

// Begins counting a database, beside others that are being counted. Call before the snapshot is
// taken.
void begin_count(Oid database);
// Enters what the snapshot showed for one role.
void enter_count(const RoleKey &role, State state, int64 count);
// Adds the journal's commits that `snapshot` did not show; false where the journal overflowed:
// count again.
bool finish_count(Oid database, Snapshot snapshot);
// Ends it without a result.
void abandon_count(Oid database);

} // namespace ayb
