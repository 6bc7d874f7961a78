#pragma once
// The rows of one lane with keys, one of each key in turn (turns/ring.hpp), as the active snapshot
// shows them; those of a key by their ids where its type is ordered: the next one then only once
// the one before is taken, and none behind one that isn't due. What the looks show of the keys is
// told to shared memory on the way.
#include "jobs/key_order.hpp"
#include "lanes/picks.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

struct KeyLook {
    const KeyTurn *turn;
    Position last;    // row that was read of it, by priority and id
    bool any;         // it has a row
    bool tried;       // that somebody meant to lock
    int taken;        // rows of it
    int passed;       // that somebody else has, while other keys wait
    core::Uuid after; // the last one that was
    bool waits;       // the one that was found isn't, yet
    TimestampTz next; // when the first that isn't due is; DT_NOEND for none
    bool done;        // there is no further one, for this reader
    bool spared;      // there may be, but other keys wait
};

struct KeyRows {
    const LanePick *lane;
    KeyLook *looks;
    int count;
    int left;      // of these, not done
    bool more;     // there are other keys, which are ready too
    int here;      // whose row was found last
    bool at_range; // the range stands at it
    bool stays;    // that row was somebody else's: the next one of the same key
    bool raise;    // floors may be raised
    bool ordered;  // by their ids
};

// Begins with the turns of the pick; where keys may be missing, some behind the cursor are looked
// for, and have a turn too. `rows` is open, and is bound anew by each of these.
KeyRows open_key_rows(const LanePick &lane, RawRange *rows, bool raise);

// The next row that is due by `until`, and where it is. Where other keys wait there is one of each,
// else they go round.
bool next_key_row(KeyRows *keys, RawRange *rows, TimestampTz until, Position *at);

// Whether what the snapshot shows of the key whose row was found is all that there is of it.
bool is_all(const KeyRows &keys);

// The last one of that key that was taken; 0 for none.
core::Uuid last_taken(const KeyRows &keys);

// The row that was found is to be locked; somebody else has it, or had: so the key's turn is for
// the next one; and it is taken.
void note_tried(KeyRows *keys);
void note_passed(KeyRows *keys);
void note_taken(KeyRows *keys, const core::Uuid &job);
// Or its key may not start: no further row of it is. Where it isn't the key's fault it keeps its
// turn.
void skip_key(KeyRows *keys, bool keeps_turn);

// Keys of which no row was to be locked keep their turn; those that had several have had as many.
void settle_turns(const KeyRows &keys);
void give_back_all_turns(const LanePick &lane);

// Keys all of whose rows somebody has locked aren't looked at again before.
void hold_keys(const KeyRows &keys, TimestampTz until);

} // namespace ayb
