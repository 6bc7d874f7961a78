#pragma once
// Where a lane stands in the claim indexes: what the table generates as job_queue.lane of a row's
// role, type, and priority. Eight bytes in place of three columns: behind a text an index finds
// every later column of each entry that it compares by walking.
//
// The role and the priority stand there as they are, the type as a hash of 28 bits. So whoever
// reads a lane looks at the types of its rows: those of another type of the role with the same hash
// are passed over. No two types that are registered have the same one (handlers_lane_key).
#include "lanes/picks.hpp"

namespace ayb {

using LanePlace = int64;

// What is passed over to find the next one: all that has so much in common with a place.
enum class Past { lane, type, role, all };

LanePlace lane_place(Oid role, const char *type, int priority);
LanePlace place_of(const LanePick &lane);

// Before all of these, where no lane stands, and their end.
LanePlace before(LanePlace place, Past these);
LanePlace after(LanePlace place, Past these);

// Whether it is a lane of jobs that have a key.
bool is_keyed(LanePlace place);

} // namespace ayb
