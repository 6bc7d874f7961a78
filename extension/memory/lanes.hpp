#pragma once
// Lanes in shared memory: when each is next due, where claims begin to read, and which process to
// wake for it. A lane is the due jobs of one role in one database; or those of one type that wait
// for workers outside, whoever's they are: of these only the floor is kept.
//
// `due` is when to look: a worker that found nothing to claim raises it (raise_lane) to the first
// row that its snapshot showed and that isn't paused, but only if no commit came since its mark, as
// it goes to sleep then. The floor is where to look: see floor.hpp. Commits lower both
// (lower_lane).
//
// A lane may be removed whenever nobody is at it, and made again: so it is named by its key, and
// nobody outside this file and counts.cpp keeps a pointer. A mark of a lane that was removed since
// raises nothing.
//
// A type stands in its lane's key as a hash. Where two are the same the second one has no lane: it
// is read from its beginning each time.
#include "memory/floor.hpp"
#include "memory/state.hpp"

namespace ayb {

struct Database;

constexpr int kMaxLanes = 3072;
constexpr int kLaneErrorBytes = 256;

struct LaneKey {
    Oid database;
    Oid role;                   // InvalidOid for workers outside
    const char *type = nullptr; // for these alone
};

// How the table knows it.
struct LaneTag {
    Oid database;
    Oid role;
    uint64 type; // 0 for none
};

// The table is guarded by Locks::lanes: shared to find and to use a lane, exclusive to add and to
// remove one. What is in a lane is guarded by its spinlock besides.
struct Lane {
    LaneTag tag; // must be first
    char type[kTypeBytes];
    slock_t mutex;
    TimestampTz due;        // when to look: no job that isn't paused is due before it
    Floor<Position> floor;  // no queued job lies before it, paused or not
    TimestampTz not_before; // could not be served: the next try
    int failures;           // starts in a row that failed
    char error[kLaneErrorBytes];
    TimestampTz last_served;
    int64 counts[kStates]; // by counts.hpp
};

using LaneMark = FloorMark<Position>;

Size lanes_size();
void init_lanes();

// The two ways to a lane: its pointer is good as long as the lock is held. The caller holds
// Locks::lanes, for make_lane() exclusively. make_lane() returns null where the table is full; then
// the database's rescan flag is set, so that the lane is found by a later look at the tables.
// Neither throws.
Lane *find_lane(const LaneKey &key);
Lane *make_lane(const LaneKey &key);

// Calls `use(Lane &)` for the lane under both locks: stores and nothing else. False where there is
// no such lane.
template <typename Use> bool with_lane(const LaneKey &key, Use use) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    Lane *lane = find_lane(key);
    if (lane != nullptr) {
        SpinLockAcquire(&lane->mutex);
        use(*lane);
        SpinLockRelease(&lane->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
    return lane != nullptr;
}

// The same, and makes the lane where there is none: in one step with its use, so that nobody
// removes it in between. False where shared memory is full.
template <typename Use> bool with_made_lane(const LaneKey &key, Use use) {
    if (with_lane(key, use))
        return true;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    Lane *lane = make_lane(key);
    if (lane != nullptr) {
        SpinLockAcquire(&lane->mutex);
        use(*lane);
        SpinLockRelease(&lane->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
    return lane != nullptr;
}

// Lowers the lane to `first` (at most) and counts the commit; makes the lane where there is none.
// Never throws.
void lower_lane(const LaneKey &key, const Position &first);

// The same, if shared memory has such a lane.
void lower_left_lane(const LaneKey &key, const Position &first);

// Makes the lane where there is none, and marks it; false where shared memory is full.
bool open_lane(const LaneKey &key, LaneMark *mark);

// The same for workers outside, whose types take at most three quarters of the table: begins at
// kBegin, with a count that raises nothing, where there is no room.
LaneMark open_outside_lane(const LaneKey &key);

// Begins at kBegin, with a count that raises nothing, where there is no such lane.
LaneMark mark_lane(const LaneKey &key);

// Raises it to `first`, the first job that the snapshot showed queued, locked or not (kEnd where it
// showed none), as far as commits since the mark allow. Returns where to begin. Only for a
// transaction that has changed nothing yet, and whose snapshot is younger than the mark.
Position raise_lane_floor(const LaneKey &key, const LaneMark &mark, const Position &first);

// What was committed isn't known: every lane of the database, or every one of workers outside, is
// read from its beginning.
void forget_floors(Oid database);
void forget_outside_floors(Oid database);

// Raises the lane to `due` if nothing was committed since `mark`; false where something was.
bool raise_lane(const LaneKey &key, const LaneMark &mark, TimestampTz due);

// Sets the latch of one sleeping worker of the lane for each job, and of the database's scheduler
// where there are more jobs than such workers; but for a lane that has workers only if it would not
// look in a few milliseconds anyway, and may have more: while the workers are at a backlog, commits
// would wake it one by one, for nothing.
void wake_for_lane(Database *database, Oid role, int jobs);

// A lane that can't be served now: `why` is kept for lanes() and health(), and it is not tried
// again before `wait_ms`, doubled with each failure in a row up to a minute.
void hold_lane(const LaneKey &key, const char *why, int wait_ms);
void clear_lane_failure(const LaneKey &key);

// What is due can't be claimed: it is tried again then, or at the next commit that makes something
// claimable. False, and nothing is done, where one came since the mark.
bool hold_locked_lane(const LaneKey &key, const LaneMark &mark, TimestampTz until);

// When to look at the lane again, of a copy or under its mutex: when it is due, or when it is tried
// again.
TimestampTz next_look(const Lane &lane, TimestampTz now);

// Whether the table was full since lanes were last removed: some may be missing.
bool lanes_were_full();

// For each lane of the database, or each one of a role: as with_lane().
template <typename Use> void each_lane(Oid database, Use use);
template <typename Use> void each_role_lane(Oid database, Use use);

// Removes the database's lanes: before a scheduler's first look, and when it has nothing to serve.
void forget_lanes(Oid database);

// Removes lanes of the database that hold no job, once the table is three quarters full.
void prune_lanes(Oid database);

HTAB *lane_table(); // for each_lane() alone

template <typename Use> void each_lane(Oid database, Use use) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    hash_seq_init(&scan, lane_table());
    while (auto *lane = static_cast<Lane *>(hash_seq_search(&scan))) {
        if (lane->tag.database != database)
            continue;
        SpinLockAcquire(&lane->mutex);
        use(*lane);
        SpinLockRelease(&lane->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
}

template <typename Use> void each_role_lane(Oid database, Use use) {
    each_lane(database, [&](Lane &lane) {
        if (OidIsValid(lane.tag.role))
            use(lane);
    });
}

} // namespace ayb
