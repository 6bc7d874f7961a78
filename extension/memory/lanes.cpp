#include "memory/lanes.hpp"

#include "memory/databases.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestHold = 60 * kMicrosecondsPerSecond;
constexpr int64 kSoon = 5 * kMicrosecondsPerMillisecond; // as often a scheduler looks at busy lanes
constexpr long kCrowded = kMaxLanes * 3 / 4;

HTAB *g_lanes;
pg_atomic_uint32 *g_full;

LaneTag tag_of(const LaneKey &key) {
    return LaneTag{key.database, key.role, key.type == nullptr ? 0 : hash_of_type(key.type)};
}

void init_lane(Lane *lane, const char *type) {
    const LaneTag tag = lane->tag;
    memset(static_cast<void *>(lane), 0, sizeof(Lane));
    lane->tag = tag;
    strlcpy(lane->type, type == nullptr ? "" : type, kTypeBytes);
    SpinLockInit(&lane->mutex);
    lane->due = DT_NOEND;
    open_new_floor(&lane->floor);
}

void note_full(Oid database) {
    pg_atomic_write_u32(g_full, 1);
    if (Database *entry = find_database(database)) {
        pg_atomic_write_u32(&entry->rescan, 1);
        pg_atomic_write_u32(&entry->recount, 1);
    }
}

template <typename Keep> void remove_lanes(Oid database, Keep keep) {
    HASH_SEQ_STATUS scan;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    hash_seq_init(&scan, g_lanes);
    while (auto *lane = static_cast<Lane *>(hash_seq_search(&scan)))
        if (lane->tag.database == database && !keep(*lane))
            hash_search(g_lanes, &lane->tag, HASH_REMOVE, nullptr);
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

bool is_of(const Lane &lane, const char *type) {
    return type == nullptr || strcmp(lane.type, type) == 0;
}

// Both the lane's due and its floor, under its mutex.
void lower(Lane &lane, const Position &first) {
    lane.due = Min(lane.due, first.run_at);
    lower_floor(&lane.floor, first);
    if (lane.failures == 0)
        lane.not_before = 0; // it waits for a lock or a slot, which the new row may not need
}

} // namespace

Size lanes_size() {
    return add_size(sizeof(pg_atomic_uint32), hash_estimate_size(kMaxLanes, sizeof(Lane)));
}

void init_lanes() {
    bool made;
    g_full = static_cast<pg_atomic_uint32 *>(
        shared_part("ayb_jobs lanes full", sizeof(pg_atomic_uint32), &made));
    if (made)
        pg_atomic_init_u32(g_full, 0);
    g_lanes = shared_table("ayb_jobs lanes", kMaxLanes, sizeof(LaneTag), sizeof(Lane));
}

HTAB *lane_table() { return g_lanes; }

bool lanes_were_full() { return pg_atomic_read_u32(g_full) != 0; }

Lane *find_lane(const LaneKey &key) {
    const LaneTag tag = tag_of(key);
    auto *lane = static_cast<Lane *>(hash_search(g_lanes, &tag, HASH_FIND, nullptr));
    return lane != nullptr && is_of(*lane, key.type) ? lane : nullptr;
}

Lane *make_lane(const LaneKey &key) {
    const LaneTag tag = tag_of(key);
    bool found = true;
    auto *lane = static_cast<Lane *>(hash_search(g_lanes, &tag, HASH_ENTER_NULL, &found));
    if (lane == nullptr)
        note_full(key.database);
    else if (!found)
        init_lane(lane, key.type);
    return lane != nullptr && is_of(*lane, key.type) ? lane : nullptr;
}

void lower_lane(const LaneKey &key, const Position &first) {
    with_made_lane(key, [&](Lane &lane) { lower(lane, first); });
}

void lower_left_lane(const LaneKey &key, const Position &first) {
    with_lane(key, [&](Lane &lane) { lower(lane, first); });
}

bool open_lane(const LaneKey &key, LaneMark *mark) {
    return with_made_lane(key, [&](Lane &lane) { *mark = mark_floor(lane.floor); });
}

LaneMark open_outside_lane(const LaneKey &key) {
    LaneMark mark{kBegin, 0};
    const auto take = [&](Lane &lane) { mark = mark_floor(lane.floor); };
    if (!with_lane(key, take) && hash_get_num_entries(g_lanes) < kCrowded)
        with_made_lane(key, take);
    return mark;
}

LaneMark mark_lane(const LaneKey &key) {
    LaneMark mark{kBegin, 0};
    with_lane(key, [&](Lane &lane) { mark = mark_floor(lane.floor); });
    return mark;
}

Position raise_lane_floor(const LaneKey &key, const LaneMark &mark, const Position &first) {
    Position from = mark.at;
    with_lane(key, [&](Lane &lane) {
        raise_floor(&lane.floor, mark, first, kEnd);
        from = lane.floor.at;
    });
    return from;
}

void forget_floors(Oid database) {
    each_lane(database, [](Lane &lane) { lower_floor(&lane.floor, kBegin); });
}

void forget_outside_floors(Oid database) {
    each_lane(database, [](Lane &lane) {
        if (!OidIsValid(lane.tag.role))
            lower_floor(&lane.floor, kBegin);
    });
}

bool raise_lane(const LaneKey &key, const LaneMark &mark, TimestampTz due) {
    bool unchanged = false;
    with_lane(key, [&](Lane &lane) {
        unchanged = lane.floor.commits == mark.commits;
        if (unchanged)
            lane.due = due;
    });
    return unchanged;
}

void wake_for_lane(Database *database, Oid role, int jobs) {
    bool attended = false;
    each_slot_of(database->oid, role, [&](const WorkerSlot &slot) {
        attended = attended || (!slot.leave && (slot.phase == WorkerSlot::Phase::serving ||
                                                slot.phase == WorkerSlot::Phase::starting));
        if (jobs > 0 && wake_idle(slot))
            jobs--;
    });
    if (jobs > 0 && !(attended && scheduler_is_needless(database)))
        wake_scheduler(database);
}

void hold_lane(const LaneKey &key, const char *why, int wait_ms) {
    const TimestampTz now = clock_now();
    with_made_lane(key, [&](Lane &lane) {
        int64 wait = wait_ms * kMicrosecondsPerMillisecond;
        for (int i = 0; i < lane.failures && wait < kLongestHold; i++)
            wait *= 2;
        lane.not_before = later(now, Min(wait, kLongestHold));
        if (why != nullptr) {
            lane.failures++;
            strlcpy(lane.error, why, kLaneErrorBytes);
        }
    });
}

bool hold_locked_lane(const LaneKey &key, const LaneMark &mark, TimestampTz until) {
    bool unchanged = false;
    with_lane(key, [&](Lane &lane) {
        unchanged = lane.floor.commits == mark.commits;
        if (unchanged)
            lane.not_before = until;
    });
    return unchanged;
}

TimestampTz next_look(const Lane &lane, TimestampTz now) {
    // One that is further off than any try is put off: the clock was turned back.
    const int64 longest = Max(kLongestHold, settings::poll_interval * kMicrosecondsPerMillisecond);
    return lane.not_before > later(now, longest) ? lane.due : Max(lane.due, lane.not_before);
}

void clear_lane_failure(const LaneKey &key) {
    with_lane(key, [](Lane &lane) {
        lane.failures = 0;
        lane.not_before = 0;
        lane.error[0] = '\0';
    });
}

void forget_lanes(Oid database) {
    remove_lanes(database, [](const Lane &) { return false; });
}

void prune_lanes(Oid database) {
    if (hash_get_num_entries(g_lanes) < kCrowded)
        return;
    remove_lanes(database, [](const Lane &lane) {
        if (!OidIsValid(lane.tag.role))
            return false; // a floor is all that it has
        int64 jobs = 0;
        for (const int64 count : lane.counts)
            jobs += count;
        return jobs != 0 || lane.due != DT_NOEND;
    });
    pg_atomic_write_u32(g_full, 0);
}

} // namespace ayb
