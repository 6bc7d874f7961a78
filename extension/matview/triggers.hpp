#pragma once
// The triggers by which skip_unchanged learns of changes: one on each base table, partition and
// parent.
#include "pg/postgres.hpp"

namespace ayb {

// Makes those that the view needs and that are missing or not as they were made. Raises 42501 where
// `me` has not the privilege TRIGGER on one of the tables. Where no trigger would make it known
// whether the view is unchanged, a NOTICE says so, and none is made.
void make_triggers(Oid view, Oid me);

// Drops those that no registration needs any more.
void drop_needless_triggers();

} // namespace ayb
