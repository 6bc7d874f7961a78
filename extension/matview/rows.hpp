#pragma once
// Registrations as their table has them, and the views that they name.
#include "base/rights.hpp"
#include "core/uuid7.hpp"
#include "pg/sql.hpp"

namespace ayb {

struct Matview {
    core::Uuid id;
    const char *schema;
    const char *view;
    bool concurrent;
    bool skip_unchanged;
    int lock_timeout;      // milliseconds; 0 for none
    int statement_timeout; // milliseconds; 0 for none
    Oid run_as;
    const char *sources_seen; // null where nothing is known
};

// The materialized view of that name, whatever the search path; InvalidOid for none, or where the
// name is something else's.
Oid find_view(const char *schema, const char *view);

// Its owner; InvalidOid where it is gone.
Oid view_owner(Oid view);

// The query of a view of any kind, a copy; null for none. No lock on the view is taken: a refresh
// may hold it for long.
Query *view_query(Oid view);

// The registration; false for one that is unknown, or is not `me`'s to see: `me` must have the
// view, or have had it when it was registered, or have the right to read. Opens the books itself;
// the texts live in the caller's memory. `lock` keeps others from changing the row.
bool find_matview(const core::Uuid &id, Oid me, bool lock, Matview *found);

// As above, but raises P0002, and 42501 for one that `me` may only see: unless it is `me`'s, it
// takes the right.
Matview require_matview(const core::Uuid &id, Oid me, Right right, bool lock);

// Raises 42501 unless `me` is the view's owner, or has the right.
void check_owner(Oid owner, Oid me, Right right, const char *schema, const char *view);

// The row as a composite datum, in `context`; 0 for none. Inside the books.
Datum matview_row(const core::Uuid &id, MemoryContext context);

} // namespace ayb
