#pragma once
// Whose turn it is among the keys of a lane (job_queue.partition_key). The keys that have jobs form
// a ring: who looks for a job takes the first ones, which become the last ones, before the table is
// read. So all keys are served in turn, however much is queued of any, and what is asked of the
// index doesn't hang on how many keys there are, or were.
//
// First is who has had the fewest turns, and of these who has waited longest. A turn is a job that
// was taken: one of which several were has had as many, and one that wasn't come to has had none.
// Who comes late, or was out or held, has had as many as the others by then.
//
// A key has an entry while it may have jobs, and in that a floor (core/floor.hpp) in the order of
// its jobs: by priority, then by id. Commits enter keys and lower their floors (lower_key); who has
// looked at the table raises them (raise_key), and a key whose floor is raised to the end is out. A
// key all of whose jobs somebody has locked is held, and comes back by its instant, by a commit or
// when locks are told to be free. One that may not start by the limits of its type is blocked, and
// comes back by its instant or when there is a place (key_uses.hpp).
//
// What isn't entered (the ring is new, something was committed unheard, or the table is full) is
// found along the index: the ring is `open`, and whoever takes turns looks at some keys behind its
// cursor besides, and enters them. When that has come round, nothing was missed: what was committed
// before the cursor started was visible, and what is committed later is entered by its callback.
// Meanwhile those that are known have one turn and wait, so that those found last aren't behind;
// but where there is no room for a key, for which nobody could wait.
//
// All of it is guarded by Locks::limits, exclusively, but for when a ring is due, which is atomic.
// A ring stays as long as its database is served.
#include "memory/floor.hpp"
#include "turns/limits.hpp"
#include "turns/ring_key.hpp"

namespace ayb {

struct Ring;

inline constexpr uint64 kUnknown = PG_UINT64_MAX; // jobs may lie before the floor

// A key that is to be looked at, from there on. The position is (priority, id).
struct KeyTurn {
    char key[kPartitionKeyBytes];
    FloorMark<Position> mark;
    uint64 unheard; // searches that were asked for by then; kUnknown while one is on its way
};

// What is to be looked at of a ring.
struct Turns {
    KeyTurn *keys;
    int count;
    int most;      // that were wanted
    bool more;     // there are others, which are ready too
    bool empty;    // it has no keys at all, and none is missing
    bool searches; // keys may be missing: those behind `cursor` are looked at
    uint64 search; // which search that is
    char cursor[kPartitionKeyBytes];
};

// The ring, made where there is none; null where there is no room for another.
const Ring *make_ring(const RingKey &key);

// When a key's turn comes, as far as is known: DT_NOBEGIN for now, DT_NOEND for when one is
// entered. Null has no say.
TimestampTz ring_due(const Ring *ring);

// From the callback of a commit: the key has jobs, the first of them there. What has no ring yet is
// found when it gets one. Never throws.
void lower_key(const RingKey &ring, const char *key, const Position &first);
// The same for keys that weren't noted; and for all of a database.
void search_keys(const RingKey &ring);
void search_all_keys(Oid database);

// The next ones, at most `most`: each has had a turn then.
void take_turns(const RingKey &ring, int most, Turns *turns);
// A key, by its hash, had more than that one; or fewer, then it is among the first ones again.
void count_turns(const RingKey &ring, uint64 hash, int more);

// Raises the key's floor to the first row that a snapshot younger than the mark showed, locked or
// not; kEnd where it showed none.
void raise_key(const RingKey &ring, const KeyTurn &turn, const Position &first);

// Whether nothing of the key was committed since it had that turn: so what a snapshot that is
// younger than the turn shows of it is what there is. A commit that ends a run of the key counts
// before it frees the key's place.
bool is_unchanged(const RingKey &ring, const KeyTurn &turn);
// No job of the key lies before it.
Position floor_of_key(const RingKey &ring, const char *key);

// All jobs of the key are locked: it isn't looked at before `until`, unless something is committed.
void hold_key(const RingKey &ring, const KeyTurn &turn, TimestampTz until);
// Some are free again.
void free_keys(Oid database, Oid role);

// A search has met a key with a job there, which is entered if there is room; where it `takes` that
// a key which wasn't there has its turn at once. `alone` is one that has no room.
enum class Met { known, entered, alone };
Met enter_key(const RingKey &ring, const char *key, const Position &at, bool takes);
// It has come to a key; past the last one for null. Unless it is `sound`, a search whose snapshot
// may be older than itself, there has to be another one.
void pass_key(const RingKey &ring, uint64 search, bool sound, const char *key);

// For key_uses.cpp, which holds Locks::limits: a key may not start before that, in the ring of one
// role or, in all rings in which it is blocked, before another instant: DT_NOBEGIN for now. Whose
// ring that opens is told.
void block_key(const RingKey &ring, const char *key, TimestampTz until, dlist_head *blocked);
void open_keys(dlist_head *blocked, TimestampTz at, Opened *opened);

// Of a database that is served no more.
void forget_rings(Oid database);

} // namespace ayb
