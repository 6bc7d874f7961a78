#pragma once
// The rows of one key of a lane, in the order of the index, which is by priority, and in that of an
// ordered type (LimitRule::ordered), which is by id: there are nine levels of priority, so that the
// first one is found by a probe for each level that the key has jobs of, and one more.
#include "lanes/picks.hpp"
#include "pg/raw_range.hpp"

namespace ayb {

// Where the row that was found stands: by priority and id.
Position order_of(const RawRange &rows);

// To the lane's rows, and to those of the key, from there on or, if that is to be left out, behind.
void bind_lane(const LanePick &lane, RawRange *rows);
void begin_key(const LanePick &lane, const char *key, const Position &from, bool behind,
               RawRange *rows);

// Finds the first row of the first key behind that one, which becomes that key; the empty one is
// before all. False behind the last one.
bool find_next_key(const LanePick &lane, RawRange *rows, char *key, Position *at);

// Finds the key's first row by id, of those that lie at `from` or behind it and have an id above
// `after`. False where there is none. `first` is the first one in the order of the index, whatever
// its id; kEnd for none.
bool find_by_id(const LanePick &lane, const char *key, const Position &from,
                const core::Uuid &after, RawRange *rows, Position *first, Position *at);

// A job of a key.
struct Ordered {
    Oid role;
    const char *type;
    const char *key;
    core::Uuid job;
    core::Uuid after; // of its key the transaction has taken those up to this one; else 0
};

// The first one of its key by id, as the active snapshot shows them; 0 for none.
core::Uuid first_of_key(const Ordered &job);

// Whether the limits of the key leave the job a place and a start; and where it goes in order,
// whether the job is the first one of it, as the active snapshot shows them.
bool key_may_start(const Ordered &job, TimestampTz now);

// Of a job that is locked and has a place: whether it is the next one of its key now, whatever the
// transaction's snapshot shows: nobody else can begin one while it has the place, and whoever had
// it before has ended for all to see.
bool is_next_of_key(const Ordered &job);

} // namespace ayb
