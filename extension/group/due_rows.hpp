#pragma once
// The due rows of a lane in the order in which they are claimed, read along the claim index: a
// group looks at each row before it decides to lock it, and passes over what goes by lease.
#include "memory/floor.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

// Opens the range of what is due until an instant, from a place on, which has to stay where it is,
// for the active snapshot. False where the index can't be used, and nothing is open then.
bool open_due_rows(RawRange *rows, Oid role, const Position &from, TimestampTz until);

// Where the row is that was found.
Position position_of(const RawRange &rows);

} // namespace ayb
