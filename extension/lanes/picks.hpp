#pragma once
// The choice among lanes (lanes.hpp): which are due and whom they are for.
#include "lanes/lanes.hpp"

namespace ayb {

inline constexpr int kMostPicks = 32; // lanes that are looked at together

// A lane that is to be looked at: by whoever serves it, from there on.
struct LanePick {
    Oid role;
    char type[kTypeBytes];
    int priority;
    LaneMark mark;
    const Limit *limit; // of its type, as far as it was judged
    Turns *turns;       // of its keys; null where it has none, or their turns aren't known
    const Ring *ring;   // of its keys; null where it has none

    LaneKey key() const { return {{MyDatabaseId, role}, type, priority}; }
};

// Whose turn it is: the least comes first. A level of priority is worth ayb_jobs.priority_step of
// waiting, so nothing waits for ever; what has a key has no part in it.
Position turn_of(int priority, Position at);

struct Picks {
    LanePick *lanes; // of those that were due, the ones whose floors have the first turns, in order
    int count;
    bool unjudged;     // one that is due has to be judged: nothing is picked
    bool more;         // others are due
    uint64 generation; // of the configuration, by which the lanes are judged
};

// Picks lanes of the role that are due and that we serve. With `quick_only` none that is slow.
// `picks->lanes` has room for kMostPicks.
void pick_lanes(const RoleKey &role, TimestampTz now, bool quick_only, Picks *picks);

// The roles of the database that have jobs of types without a lane due. Palloc'd.
int roles_with_rest(Oid database, TimestampTz now, Oid **roles);

// Takes the next keys' turns of those of the lanes that have keys, at most `most` of each; those
// that have none any more are left out, and their floors raised. Valid until the next call.
void take_lane_turns(Picks *picks, int most);

// No job of the role that we serve is due before.
TimestampTz next_due(const RoleKey &role);

// When the role is to be looked at: when a lane of it is due, or is tried again.
TimestampTz next_look(const RoleKey &role, TimestampTz now);

// Lanes that nobody has judged since the configuration's `generation`, of one role or, for
// InvalidOid, of all. At most `most`.
int unjudged_lanes(const RoleKey &role, uint64 generation, LanePick *lanes, int most);
void judge_lane(const LaneKey &key, uint64 generation, Server server, bool slow,
                const Limit *limit);

// A lane of a type without a handler; unless the configuration was changed since, which whoever
// finds lanes for it may have done already.
void remove_unserved_lane(const LaneKey &key, uint64 generation);

// Its jobs usually take long, or do no more.
void note_slow(const RoleKey &role, const char *type, bool slow);

// All lanes of the database, as they are at different moments: palloc'd, huge.
LanePick *copy_lanes(Oid database, int *count);

// Of these, the ones of some types (and others of the same hash) in which something may be due,
// whether its limit has a place for it or not; and when something may be in another one, at the
// earliest.
LanePick *copy_due_lanes(Oid database, const char *const *types, int type_count, TimestampTz now,
                         int *count, TimestampTz *next);

// In the order of their floors' turns, in which they are read; or of the floors themselves.
void sort_by_turn(LanePick *lanes, int count);
void sort_by_floor(LanePick *lanes, int count);

} // namespace ayb
