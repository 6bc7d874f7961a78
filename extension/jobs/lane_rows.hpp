#pragma once
// The rows of one lane along the claim index, from its floor on, as the active snapshot shows them.
#include "lanes/picks.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

// Opens the rows that are due by `until`. False where the index can't be used, and nothing is open
// then.
bool open_lane_rows(RawRange *rows, const LanePick &lane, TimestampTz until);

// The next one, and where it is. Those with keys don't come in the order of their times.
bool next_lane_row(RawRange *rows, const LanePick &lane, TimestampTz until, Position *at);

// Where the row is that was found.
Position position_of(const RawRange &rows);

// The lane's first queued job from a place on, due or not, locked or not; kEnd where there is none.
// Inside the books.
Position first_queued(const LanePick &lane, const Position &from);

// Raises the lane's floor to it. In a transaction that has changed nothing yet, and whose snapshot
// is younger than the pick.
void look_for_first(const LanePick &lane);

} // namespace ayb
