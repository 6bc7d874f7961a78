#pragma once
// Lanes in shared memory: where looks at each begin, who serves it, and which process to wake for
// it. A lane is the queued jobs of one type of one role in one database, and of one priority; those
// that have a key, which their index doesn't order by time, are one of their own. What may start is
// decided here, before an index is read: a lane that is not served costs nobody anything, however
// much waits in it.
//
// A lane's floor (floor.hpp) is where to look, and so also when: no job of it is queued before.
// Commits lower it (lower_lane); who has looked at the table raises it (raise_lane_floor). A role
// has the least of the floors of its lanes that are served, again as a floor: so that lanes need
// not be gone through while nothing is due.
//
// Who serves a lane hangs on handlers and pauses: it is judged by who reads these
// (handlers/judge.hpp) and kept with the configuration's generation. A lane that nobody has judged
// since the last change is taken for one of ours; who means to serve it judges it first.
//
// A role has kMostLanes at most: its further types have no lane, nor have any where the table is
// full. Their jobs lower the role's `rest`, and who serves the role looks for them in the index. A
// type without a handler needs none: it is found when it is registered.
//
// A lane may be removed whenever nobody is at it, and made again: so it is named by its key, and
// nobody outside this file keeps a pointer. A mark of a lane that was removed since raises nothing.
//
// A type stands in its lane's key as a hash. Where two of a role are the same the second one is of
// the rest.
#include "memory/floor.hpp"
#include "memory/state.hpp"
#include "turns/limits.hpp"
#include "turns/ring.hpp"

namespace ayb {

struct Database;

inline constexpr int kMaxLanes = 16384;
inline constexpr int kMaxRoles = 4096;
inline constexpr int kMostLanes = 1024; // of one role
inline constexpr int kLaneErrorBytes = 256;

inline constexpr int kLeastPriority = -4; // goes first
inline constexpr int kMostPriority = 4;
inline constexpr int kKeyed = 100; // in place of a priority

struct RoleKey {
    Oid database;
    Oid role;
};

struct LaneKey {
    RoleKey role;
    const char *type;
    int priority;
};

// How the table knows it.
struct LaneTag {
    RoleKey role;
    uint64 type;
    int64 priority;
};

// Who takes the jobs of a lane.
enum class Server : int {
    ours,
    outside,   // workers outside
    nobody,    // paused, or without a handler
    untrusted, // nor by its role, until rights or code change
};

struct RoleLanes;

// The tables are guarded by Locks::lanes: shared to find and to use an entry, exclusive to add and
// to remove one. What is in a lane is guarded by its spinlock besides.
struct Lane {
    LaneTag tag; // must be first
    RoleLanes *role;
    Lane *next; // of the role's
    Lane *previous;
    char type[kTypeBytes];
    slock_t mutex;
    Floor<Position> floor;      // no queued job lies before it
    TimestampTz not_before;     // what is due was locked: the next try
    TimestampTz no_place_until; // nor for who has no place at leased jobs, before that
    uint64 judged;              // by which generation of the configuration; 0 for never
    Server server;
    bool slow;          // its jobs usually take long
    const Limit *limit; // of its type, by who judged it; null for none
    const Ring *ring;   // of its keys; null where it has none, or there was no room
};

// All lanes of a role in a database, and what is the same for them. Its spinlock guards what
// follows that.
struct RoleLanes {
    RoleKey key; // must be first
    Lane *first;
    int count;
    slock_t mutex;
    TimeFloor due;              // nothing is due before, of what is served
    TimeFloor rest;             // nor of the types that have no lane
    TimestampTz not_before;     // it could not be served: the next try
    TimestampTz no_place_until; // a worker waits for a place at leased jobs; 0 for none
    int failures;               // in a row
    TimestampTz failed_at;      // the last of them that was counted, by the real clock
    char error[kLaneErrorBytes];
    TimestampTz last_served;
    int64 counts[kStates]; // by counts.hpp
};

using LaneMark = FloorMark<Position>;

Size lanes_size();
void init_lanes();

// The ways to an entry: its pointer is good as long as the lock is held. The caller holds
// Locks::lanes, for make_…() exclusively. make_lane() returns null where there is no room,
// make_role() too; then the database's rescan flag is set, so that it is found by a later look at
// the tables. None throws.
Lane *find_lane(const LaneKey &key);
Lane *make_lane(const LaneKey &key);
RoleLanes *find_role(const RoleKey &key);
RoleLanes *make_role(const RoleKey &key);
void remove_lane(const LaneKey &key); // exclusively, too

inline Lane *entry_of(const LaneKey &key, bool make) {
    return make ? make_lane(key) : find_lane(key);
}
inline RoleLanes *entry_of(const RoleKey &key, bool make) {
    return make ? make_role(key) : find_role(key);
}

// Calls `use(Lane &)` or `use(RoleLanes &)` under both locks: stores and nothing else. False where
// there is no such entry, and none was made.
template <typename Key, typename Use> bool use_entry(const Key &key, bool make, Use use) {
    LWLockAcquire(lock_of(Locks::lanes), make ? LW_EXCLUSIVE : LW_SHARED);
    auto *entry = entry_of(key, make);
    if (entry != nullptr) {
        SpinLockAcquire(&entry->mutex);
        use(*entry);
        SpinLockRelease(&entry->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
    return entry != nullptr;
}

template <typename Key, typename Use> bool with_entry(const Key &key, Use use) {
    return use_entry(key, false, use);
}

// The same, and makes the entry where there is none: in one step with its use, so that nobody
// removes it in between.
template <typename Key, typename Use> bool with_made_entry(const Key &key, Use use) {
    return with_entry(key, use) || use_entry(key, true, use);
}

// Lowers the lane to `first` (at most) and counts the commit; makes it where there is none. Whether
// a worker of ours may have to look. Never throws.
bool lower_lane(const LaneKey &key, const Position &first);

// The same, if shared memory has such a lane.
void lower_left_lane(const LaneKey &key, const Position &first);

// Rows of the role were locked, and are free without a change: all its lanes are looked at again,
// by sleeping workers too, one for each of `jobs`. Never throws.
void free_locks(const RoleKey &role, int jobs);

// A worker of the role has left its place at leased jobs: what waits for one is due again, and a
// sleeping worker is woken for it. Never throws.
void tell_place(const RoleKey &role);

// There is a place for jobs of a limited type: who waits for one is due again, and woken. Never
// throws.
void tell_opened(const Opened &opened);
// The same after a look that freed nothing: alone where a role has asked to be told.
void tell_asked(const Opened &opened);

// Begins at kBegin, with a count that raises nothing, where there is no such lane.
LaneMark mark_lane(const LaneKey &key);

// The role's due, as a mark; makes the role where there is none. False where shared memory is full.
bool open_role(const RoleKey &role, TimeMark *mark);
TimeMark mark_role(const RoleKey &role);

// Raises it to `first`, the first job that the snapshot showed queued, locked or not (kEnd where it
// showed none), as far as commits since the mark allow. Only for a transaction that has changed
// nothing yet, and whose snapshot is younger than the mark.
void raise_lane_floor(const LaneKey &key, const LaneMark &mark, const Position &first);

// Of the types that have no lane: where the look begins, and what it has come to.
TimeMark mark_rest(const RoleKey &role);
void raise_rest(const RoleKey &role, const TimeMark &mark, TimestampTz first);

// What is due in the lane is locked: it is tried again then, or at the next commit that makes
// something claimable. False, and nothing is done, where one came since the mark.
bool hold_locked_lane(const LaneKey &key, const LaneMark &mark, TimestampTz until);

// What was committed isn't known: every lane of the database is read from its beginning.
void forget_floors(Oid database);

// Who serves a lane may have changed: the roles' dues are found anew.
void forget_dues(Oid database);

// Sets the latch of one sleeping worker of the role for each job, and of the database's scheduler
// where there are more jobs than such workers; but for a role that has workers only if it would not
// look in a few milliseconds anyway, and may have more: while the workers are at a backlog, commits
// would wake it one by one, for nothing.
void wake_for_role(Database *database, Oid role, int jobs);

// A role that can't be served now: `why` is kept for lanes() and health(), and it is not tried
// again before `wait_ms`, doubled with each failure in a row up to a minute.
void hold_role(const RoleKey &role, const char *why, int wait_ms);

// A worker of the role, there or on its way since `since` (by the real clock), ended by an error.
// Those that were there when another did are hit by the same: they count once. After the first the
// role is served again at once, and nobody need know of it; from the next on it is held.
void note_role_incident(const RoleKey &role, TimestampTz since, const char *why, int wait_ms);
void clear_role_failure(const RoleKey &role);

// How many there are, of all databases.
long lanes_in_all();
long roles_in_all();

// Whether a table was full since entries were last removed: some may be missing.
bool lanes_were_full();

// For each role of the database: as with_entry().
template <typename Use> void each_role(Oid database, Use use);

// Removes the database's lanes: before a scheduler's first look, and when it has nothing to serve.
void forget_lanes(Oid database);

// Removes lanes of the database that hold no job, once a table is three quarters full.
void prune_lanes(Oid database);

HTAB *role_table(); // for each_role() alone

template <typename Use> void each_role(Oid database, Use use) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    hash_seq_init(&scan, role_table());
    while (auto *role = static_cast<RoleLanes *>(hash_seq_search(&scan))) {
        if (role->key.database != database)
            continue;
        SpinLockAcquire(&role->mutex);
        use(*role);
        SpinLockRelease(&role->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
}

} // namespace ayb
