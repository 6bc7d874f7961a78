#pragma once
// The due rows of several lanes, merged in the order of their turns (turn_of): who reads looks at
// each row before it decides to lock it. A lane is opened when the others have come to its floor.
// What the looks show of the lanes is told to shared memory on the way.
#include "jobs/key_rows.hpp"
#include "jobs/lane_rows.hpp"
#include "turns/places.hpp"

namespace ayb {

struct LineLane {
    const LanePick *pick;
    RawRange rows;
    KeyRows keys;  // where the pick has their turns
    Position at;   // where its next row is
    Position turn; // and when it comes
    bool open;
    bool any; // it had a row that is due
};

// Jobs that are locked, and not taken.
struct LeftRows {
    Datum *ids;
    int count;
};

struct Line {
    LineLane *lanes; // in the order of their floors' turns
    int count;
    int opened; // of these, the first ones
    TimestampTz until;
    bool raise; // floors may be raised
    LineLane *here;
    LeftRows distrusted; // that nothing carries any more
    LeftRows expired;
};

// Begins to read what is due by `until`, for the active snapshot, which is younger than the picks.
// These have to stay where they are. With `raise` their floors are raised: not for a transaction
// that has changed something, or whose snapshot is from before the picks.
Line open_line(const Picks &picks, TimestampTz until, bool raise);

// The next row, locked by somebody or not: line->here->rows.row, of the lane line->here->pick.
// Raises 55000 where the index can't be used.
bool next_in_line(Line *line);

// Locks that row as FOR UPDATE SKIP LOCKED does. False where somebody else has it, or had.
inline bool lock_in_line(Line *line) {
    KeyRows *keys = line->here->pick->turns != nullptr ? &line->here->keys : nullptr;
    if (keys != nullptr)
        note_tried(keys);
    const bool locked = lock_in_range(&line->here->rows);
    if (!locked && keys != nullptr)
        note_passed(keys);
    return locked;
}

// The same, and takes the place that the job's next run needs where its type has a limit. False
// also where there is none: then the line goes on behind the lane, or the key, and the row stays
// locked until the transaction ends. And false for what is bound to something that doesn't carry it
// any more, or is beyond its deadline: the line remembers it, and ends where that has become many.
bool take_in_line(Line *line);
// Has what the line remembers so wait for trust, or cancels it; whether there was any.
bool settle_left(const Line &line);
// The last of what take_in_line() does, for a row that is locked: a place, of which a group has one
// for all its jobs of a type.
Lack reserve_in_line(Line *line, bool in_group);

// Nothing in it could be locked: its lanes are not looked at before others come due in them, or
// `again`, unless something is committed there. Those that were slow to open are left as they are.
void hold_line(const Line &line, TimestampTz again);

void close_line(Line *line);

} // namespace ayb
