#pragma once
// What the attempts of each type have come to since the server started: counts that only grow. The
// caller holds Locks::types exclusively.
#include "memory/part.hpp"
#include "records/type_counts.hpp"

namespace ayb {

// So many types have a line of their own, of all databases together. Those that come later count
// under the shared line that each database has, for good.
inline constexpr int kMaxTotals = 1024;

struct TypeTotals : TypeName, TypeCounts {
    // Of the database's own lines, from 1 on as they were first seen; 0: the shared one, of type ""
    int place;
    int copied; // where copy_totals() has put it
};

Size totals_size();
void init_totals();
// How many lines there are at most.
int most_totals();

// Where there is no room left, the lines of databases that nobody serves any more go. Once before
// lines are asked for.
void make_room_for_totals();

// The line that the type counts under, made if need be. Null only where more databases than the
// server has places for have lines.
TypeTotals *total_of(Oid database, const char *type);

// Copies the database's lines to `out` (room for most_totals()); how many.
int copy_totals(Oid database, TypeTotals *out);

} // namespace ayb
