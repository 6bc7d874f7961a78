#pragma once
// Finds lanes in the claim indexes that nobody has told of, by one probe each: between those that
// are known, whose rows are not read. So what an old snapshot still holds of these costs nothing.
#include "memory/picks.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

// What is passed over to find the next one.
enum class Past { lane, type, role };

// A place in the order of an index: the first `columns` of these.
struct LaneEdge {
    int columns;
    Oid role;
    char type[kTypeBytes];
    int priority;
};

// Lanes in the order of the index.
struct Known {
    const LanePick *lanes;
    int count;
};

struct LaneWalk {
    RawRange rows;
    Known known;
    int gap;          // before which of them the walk is
    Oid role;         // InvalidOid for all
    const char *type; // null for all
    bool keyed;       // those with a key, or those without
    bool found;       // the last one was
    LaneEdge after;   // how far it has come
};

// All lanes of the database that are known. Palloc'd.
Known known_lanes();

// With nothing known it finds every lane. False where the index can't be used.
bool begin_walk(LaneWalk *walk, const Known &known, Oid role, const char *type, bool keyed);

// The next one past the last, and in its mark where its first queued job is. Where the lane has a
// key that is just a job of it.
bool next_lane(LaneWalk *walk, Past past, LanePick *found);

void end_walk(LaneWalk *walk);

} // namespace ayb
