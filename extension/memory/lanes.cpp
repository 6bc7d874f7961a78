#include "memory/lanes.hpp"

#include "memory/databases.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestHold = 60 * kMicrosecondsPerSecond;
constexpr int64 kSoon = 5 * kMicrosecondsPerMillisecond; // as often a scheduler looks at busy lanes
constexpr int64 kLeasedFor = 60 * kMicrosecondsPerSecond;

Lane *find_lane(const LaneKey &key) {
    return static_cast<Lane *>(hash_search(lanes(), &key, HASH_FIND, nullptr));
}

void init_lane(Lane *lane) {
    LaneKey key = lane->key;
    memset(static_cast<void *>(lane), 0, sizeof(Lane));
    lane->key = key;
    SpinLockInit(&lane->mutex);
    lane->due = DT_NOEND;
    open_new_floor(&lane->floor);
}

Lane *add_lane(const LaneKey &key) {
    bool found = true;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    auto *lane = static_cast<Lane *>(hash_search(lanes(), &key, HASH_ENTER_NULL, &found));
    if (lane != nullptr && !found)
        init_lane(lane);
    LWLockRelease(lock_of(Locks::lanes));
    return lane;
}

template <typename Keep> void remove_lanes(Oid database, Keep keep) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    hash_seq_init(&scan, lanes());
    while (auto *lane = static_cast<Lane *>(hash_seq_search(&scan)))
        if (lane->key.database == database && !keep(*lane))
            hash_search(lanes(), &lane->key, HASH_REMOVE, nullptr);
    LWLockRelease(lock_of(Locks::lanes));
}

// Whether a lane that has workers can do without waking the scheduler: it will look by itself, or
// has no more workers to give. While it is awake it may have looked already.
bool scheduler_is_needless(Database *database) {
    if (pg_atomic_read_u32(&database->crowded) != 0)
        return true;
    SpinLockAcquire(&database->mutex);
    const TimestampTz next = database->sleeping_until;
    SpinLockRelease(&database->mutex);
    return next <= clock_now() + kSoon;
}

} // namespace

Lane *lane_of(Oid database, Oid role) {
    const LaneKey key{database, role};
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    Lane *lane = find_lane(key);
    LWLockRelease(lock_of(Locks::lanes));
    if (lane == nullptr)
        lane = add_lane(key);
    if (lane == nullptr) {
        pg_atomic_write_u32(&shared()->lanes_full, 1);
        if (Database *entry = find_database(database)) {
            pg_atomic_write_u32(&entry->rescan, 1);
            pg_atomic_write_u32(&entry->recount, 1);
        }
    }
    return lane;
}

void lower_lane(Lane *lane, const Position &first) {
    SpinLockAcquire(&lane->mutex);
    lane->due = Min(lane->due, first.run_at);
    lower_floor(&lane->floor, first);
    if (lane->failures == 0)
        lane->not_before = 0; // it waits for a lock or a slot, which the new row may not need
    SpinLockRelease(&lane->mutex);
}

LaneMark mark_lane(Lane *lane) {
    SpinLockAcquire(&lane->mutex);
    const LaneMark mark = mark_floor(lane->floor);
    SpinLockRelease(&lane->mutex);
    return mark;
}

void lower_left_lane(Oid database, Oid role, const Position &first) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    if (Lane *lane = find_lane({database, role}))
        lower_lane(lane, first);
    LWLockRelease(lock_of(Locks::lanes));
}

LaneMark mark_lane_floor(Oid database, Oid role) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    Lane *lane = find_lane({database, role});
    const LaneMark mark = lane != nullptr ? mark_lane(lane) : LaneMark{kBegin, 0};
    LWLockRelease(lock_of(Locks::lanes));
    return mark;
}

void raise_lane_floor(Oid database, Oid role, const LaneMark &mark, const Position &first) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    if (Lane *lane = find_lane({database, role})) {
        SpinLockAcquire(&lane->mutex);
        raise_floor(&lane->floor, mark, first, kEnd);
        SpinLockRelease(&lane->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
}

void forget_floors(Oid database) {
    each_lane(
        database,
        [](Lane *lane, void * /*context*/) {
            SpinLockAcquire(&lane->mutex);
            lower_floor(&lane->floor, kBegin);
            SpinLockRelease(&lane->mutex);
        },
        nullptr);
}

bool raise_lane(Lane *lane, const LaneMark &mark, TimestampTz due) {
    SpinLockAcquire(&lane->mutex);
    const bool unchanged = lane->floor.commits == mark.commits;
    if (unchanged)
        lane->due = due;
    SpinLockRelease(&lane->mutex);
    return unchanged;
}

void wake_for_lane(Database *database, Oid role, int jobs) {
    WorkerSlot *slot = worker_slots();
    bool attended = false;
    for (int i = 0; i < shared()->slots && jobs > 0; i++, slot++) {
        if (slot->database != database->oid || slot->role != role)
            continue;
        attended = attended || (!slot->leave && (slot->phase == WorkerSlot::Phase::serving ||
                                                 slot->phase == WorkerSlot::Phase::starting));
        uint32 sleeping = 1;
        if (pg_atomic_read_u32(&slot->idle) == 1 &&
            pg_atomic_compare_exchange_u32(&slot->idle, &sleeping, 0)) {
            SetLatch(slot->latch);
            jobs--;
        }
    }
    if (jobs > 0 && !(attended && scheduler_is_needless(database)))
        wake_scheduler(database);
}

void hold_lane(Lane *lane, const char *why, int wait_ms) {
    SpinLockAcquire(&lane->mutex);
    int64 wait = wait_ms * kMicrosecondsPerMillisecond;
    for (int i = 0; i < lane->failures && wait < kLongestHold; i++)
        wait *= 2;
    lane->not_before = later(clock_now(), Min(wait, kLongestHold));
    if (why != nullptr) {
        lane->failures++;
        strlcpy(lane->error, why, kErrorBytes);
    }
    SpinLockRelease(&lane->mutex);
}

bool hold_locked_lane(Lane *lane, const LaneMark &mark, TimestampTz until) {
    SpinLockAcquire(&lane->mutex);
    const bool unchanged = lane->floor.commits == mark.commits;
    if (unchanged)
        lane->not_before = until;
    SpinLockRelease(&lane->mutex);
    return unchanged;
}

TimestampTz next_look(const Lane &lane, TimestampTz now) {
    // One that is further off than any try is put off: the clock was turned back.
    const int64 longest = Max(kLongestHold, settings::poll_interval * kMicrosecondsPerMillisecond);
    return lane.not_before > later(now, longest) ? lane.due : Max(lane.due, lane.not_before);
}

void clear_lane_failure(Lane *lane) {
    SpinLockAcquire(&lane->mutex);
    lane->failures = 0;
    lane->not_before = 0;
    lane->error[0] = '\0';
    SpinLockRelease(&lane->mutex);
}

void lease_lane(Lane *lane) {
    SpinLockAcquire(&lane->mutex);
    lane->leased_until = later(clock_now(), kLeasedFor);
    SpinLockRelease(&lane->mutex);
}

void each_lane(Oid database, void (*visit)(Lane *lane, void *context), void *context) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    hash_seq_init(&scan, lanes());
    while (auto *lane = static_cast<Lane *>(hash_seq_search(&scan)))
        if (lane->key.database == database)
            visit(lane, context);
    LWLockRelease(lock_of(Locks::lanes));
}

void forget_lanes(Oid database) {
    remove_lanes(database, [](const Lane &) { return false; });
}

void prune_lanes(Oid database) {
    if (hash_get_num_entries(lanes()) < kMaxLanes * 3 / 4)
        return;
    remove_lanes(database, [](const Lane &lane) {
        int64 jobs = 0;
        for (const int64 count : lane.counts)
            jobs += count;
        return jobs != 0 || lane.due != DT_NOEND;
    });
    pg_atomic_write_u32(&shared()->lanes_full, 0);
}

} // namespace ayb
