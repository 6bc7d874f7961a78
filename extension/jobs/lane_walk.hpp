#pragma once
// Finds lanes in the claim indexes that nobody has told of, by one probe each: between those that
// are known, whose rows are not read. So what an old snapshot still holds of these costs nothing.
#include "jobs/lane_place.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

// Places of lanes, in their order.
struct Known {
    const LanePlace *places;
    int count;
};

struct LaneWalk {
    RawRange rows;
    Known known;
    int gap;         // before which of them the walk is
    bool keyed;      // those with a key, or those without
    bool found;      // the last one was
    LanePlace here;  // which it was
    LanePlace after; // how far it has come
    LanePlace end;   // and how far it goes
};

// All lanes of the database that are known. Palloc'd.
Known known_lanes();

// Of one role and type, or all types for null, or all roles for InvalidOid. With nothing known it
// finds every lane. False where the index can't be used.
bool begin_walk(LaneWalk *walk, const Known &known, Oid role, const char *type, bool keyed);

// The next one past the last, and in its mark where its first queued job is. Where the lane has a
// key that is just a job of it.
bool next_lane(LaneWalk *walk, Past past, LanePick *found);

void end_walk(LaneWalk *walk);

} // namespace ayb
