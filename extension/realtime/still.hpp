#pragma once
// Capturing triggers of partitions that this process has switched off while nobody listens, in its
// own cache of what tables are: a row that comes through the partitioned table above makes the
// executor copy them from there, where nobody is asked.
//
// They stay off from statement to statement, so whatever writes has to pass quiet.cpp first: that
// wakes them, or notes that their table was written while nobody listened. Client sessions alone
// have them: other processes may write without a statement.
#include "pg/postgres.hpp"

namespace ayb {

// Switches off a trigger in the cached description of an open relation, a partition of `table`.
// A new description (of a table that was changed) has it on.
void still(Relation partition, Oid trigger, Oid table);

// The same for all partitions below an open relation, as far as there is room.
void still_all(Relation above, Oid table);

// Whether it is off in the cache only.
bool is_still(Oid partition, Oid trigger);

// Switches on again those of one table, or all. Needs a transaction.
void wake_partitions(Oid table);
void wake_all_partitions();

// Finds out again whether any of these is called for rows, after one was switched.
void look_for_row_triggers(TriggerDesc *triggers);

// Switches one of these, where it is `from`. False where it isn't, or isn't among them.
bool switch_trigger(TriggerDesc *triggers, Oid trigger, char from, char to);

} // namespace ayb
