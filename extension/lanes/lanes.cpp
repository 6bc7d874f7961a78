#include "lanes/lanes.hpp"

#include "memory/configuration.hpp"
#include "memory/databases.hpp"
#include "memory/due_floor.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestHold = 60 * kMicrosecondsPerSecond;
constexpr int64 kSoon = 5 * kMicrosecondsPerMillisecond; // as often a scheduler looks at busy roles

HTAB *g_lanes;
HTAB *g_roles;
pg_atomic_uint32 *g_full;

LaneTag tag_of(const LaneKey &key) {
    return LaneTag{key.role, hash_of_type(key.type), key.priority};
}

void init_role(RoleLanes *role) {
    const RoleKey key = role->key;
    const uint64 life = new_life();
    memset(static_cast<void *>(role), 0, sizeof(RoleLanes));
    role->key = key;
    SpinLockInit(&role->mutex);
    open_floor(&role->due, DT_NOEND, DT_NOEND, life);
    open_floor(&role->rest, DT_NOEND, DT_NOEND, life);
}

void init_lane(Lane *lane, RoleLanes *role, const char *type) {
    const LaneTag tag = lane->tag;
    memset(static_cast<void *>(lane), 0, sizeof(Lane));
    lane->tag = tag;
    lane->role = role;
    strlcpy(lane->type, type, kTypeBytes);
    SpinLockInit(&lane->mutex);
    open_floor(&lane->floor, kBegin, kEnd, new_life());
    lane->next = role->first;
    if (lane->next != nullptr)
        lane->next->previous = lane;
    role->first = lane;
    role->count++;
}

void note_full(Oid database) {
    pg_atomic_write_u32(g_full, 1);
    if (Database *entry = find_database(database)) {
        pg_atomic_write_u32(&entry->rescan, 1);
        pg_atomic_write_u32(&entry->recount, 1);
    }
}

void take_out(Lane *lane) {
    Lane **from = lane->previous != nullptr ? &lane->previous->next : &lane->role->first;
    *from = lane->next;
    if (lane->next != nullptr)
        lane->next->previous = lane->previous;
    lane->role->count--;
    hash_search(g_lanes, &lane->tag, HASH_REMOVE, nullptr);
}

// Under Locks::lanes, exclusively: those that `keep` doesn't want, and then the roles that have
// none and that it doesn't want either.
template <typename Keep> void remove_entries(Oid database, Keep keep) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_roles);
    while (auto *role = static_cast<RoleLanes *>(hash_seq_search(&scan))) {
        if (role->key.database != database)
            continue;
        for (Lane *lane = role->first, *next; lane != nullptr; lane = next) {
            next = lane->next;
            if (!keep(*lane))
                take_out(lane);
        }
        if (role->count == 0 && !keep(*role))
            hash_search(g_roles, &role->key, HASH_REMOVE, nullptr);
    }
}

struct KeepNone {
    template <typename Entry> bool operator()(const Entry & /*entry*/) const { return false; }
};

struct KeepJobs {
    bool operator()(const Lane &lane) const { return lane.floor.at < kEnd; }
    bool operator()(const RoleLanes &role) const {
        int64 jobs = 0;
        for (const int64 count : role.counts)
            jobs += count;
        return jobs != 0 || role.rest.at != DT_NOEND;
    }
};

bool is_crowded() {
    return hash_get_num_entries(g_lanes) >= kMaxLanes * 3L / 4 ||
           hash_get_num_entries(g_roles) >= kMaxRoles * 3L / 4;
}

// Whether a role that has workers can do without waking the scheduler: it will look by itself, or
// has no more workers to give. While it is awake it may have looked already.
bool scheduler_is_needless(Database *database) {
    if (pg_atomic_read_u32(&database->crowded) != 0)
        return true;
    SpinLockAcquire(&database->mutex);
    const TimestampTz next = database->sleeping_until;
    SpinLockRelease(&database->mutex);
    return next <= clock_now() + kSoon;
}

// What the new row may not need: a lock, or a place.
void lower(Lane &lane, const Position &first) {
    lower_floor(&lane.floor, first);
    lane.not_before = 0;
    if (lane.server == Server::untrusted)
        lane.judged = 0; // whoever enqueued has found that it is trusted now
}

void lower(RoleLanes &role, TimeFloor RoleLanes::*floor, TimestampTz first) {
    lower_floor(&(role.*floor), first);
    if (role.failures == 0)
        role.not_before = 0;
}

// All lanes of the role are looked at again, changed by `use(Lane &)`, by sleeping workers too,
// one for each of `jobs`.
template <typename Use> void open_lanes(const RoleKey &key, int jobs, Use use) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    if (RoleLanes *role = find_role(key)) {
        for (Lane *lane = role->first; lane != nullptr; lane = lane->next) {
            SpinLockAcquire(&lane->mutex);
            use(*lane);
            SpinLockRelease(&lane->mutex);
        }
        SpinLockAcquire(&role->mutex);
        lower(*role, &RoleLanes::due, DT_NOEND);
        SpinLockRelease(&role->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
    if (Database *database = find_database(key.database))
        wake_for_role(database, key.role, jobs);
}

} // namespace

Size lanes_size() {
    return add_size(sizeof(pg_atomic_uint32),
                    add_size(hash_estimate_size(kMaxLanes, sizeof(Lane)),
                             hash_estimate_size(kMaxRoles, sizeof(RoleLanes))));
}

void init_lanes() {
    g_full = shared_number("ayb_jobs lanes full");
    g_lanes = shared_table("ayb_jobs lanes", kMaxLanes, sizeof(LaneTag), sizeof(Lane));
    g_roles = shared_table("ayb_jobs roles", kMaxRoles, sizeof(RoleKey), sizeof(RoleLanes));
}

HTAB *role_table() { return g_roles; }

long lanes_in_all() { return hash_get_num_entries(g_lanes); }

long roles_in_all() { return hash_get_num_entries(g_roles); }

bool lanes_were_full() { return pg_atomic_read_u32(g_full) != 0; }

RoleLanes *find_role(const RoleKey &key) {
    return static_cast<RoleLanes *>(hash_search(g_roles, &key, HASH_FIND, nullptr));
}

RoleLanes *make_role(const RoleKey &key) {
    bool found = true;
    auto *role = static_cast<RoleLanes *>(hash_search(g_roles, &key, HASH_ENTER_NULL, &found));
    if (role == nullptr)
        note_full(key.database);
    else if (!found)
        init_role(role);
    return role;
}

Lane *find_lane(const LaneKey &key) {
    const LaneTag tag = tag_of(key);
    auto *lane = static_cast<Lane *>(hash_search(g_lanes, &tag, HASH_FIND, nullptr));
    return lane != nullptr && strcmp(lane->type, key.type) == 0 ? lane : nullptr;
}

void remove_lane(const LaneKey &key) {
    if (Lane *lane = find_lane(key))
        take_out(lane);
}

Lane *make_lane(const LaneKey &key) {
    const LaneTag tag = tag_of(key);
    RoleLanes *role = make_role(key.role);
    Lane *lane = find_lane(key);
    if (role == nullptr || lane != nullptr || role->count == kMostLanes)
        return lane;
    bool found = true;
    lane = static_cast<Lane *>(hash_search(g_lanes, &tag, HASH_ENTER_NULL, &found));
    if (lane == nullptr || found) // found: another type of the same hash
        return nullptr;
    init_lane(lane, role, key.type);
    return lane;
}

bool lower_lane(const LaneKey &key, const Position &first) {
    Server server = Server::ours;
    uint64 judged = 0;
    const Limit *limit = nullptr;
    const bool has_lane = with_made_entry(key, [&](Lane &lane) {
        lower(lane, first);
        server = lane.server;
        judged = lane.judged;
        limit = lane.limit;
    });
    // Read after that: who changes it looks at all lanes then.
    if (server != Server::ours && judged == configuration_generation())
        return false;
    Opened opened{};
    const bool is_told =
        limit != nullptr && ask_in_passing(limit, key.role.role, first.run_at, &opened);
    tell_asked(opened);
    if (is_told)
        return false;
    TimeFloor RoleLanes::*const rest = &RoleLanes::rest;
    with_made_entry(key.role, [&](RoleLanes &role) {
        lower(role, &RoleLanes::due, first.run_at);
        if (!has_lane)
            lower(role, rest, first.run_at);
    });
    return true;
}

void lower_left_lane(const LaneKey &key, const Position &first) {
    with_entry(key, [&](Lane &lane) { lower(lane, first); });
    with_entry(key.role, [&](RoleLanes &role) { lower(role, &RoleLanes::due, first.run_at); });
}

void free_locks(const RoleKey &role, int jobs) {
    free_keys(role.database, role.role);
    open_lanes(role, jobs, [](Lane &lane) { lower(lane, kEnd); });
}

void tell_place(const RoleKey &role) {
    open_lanes(role, 1, [](Lane &lane) { lane.no_place_until = 0; });
}

void tell_opened(const Opened &opened) {
    Database *database = find_database(MyDatabaseId);
    TimeFloor RoleLanes::*const due = &RoleLanes::due;
    for (int i = 0; i < opened.count && database != nullptr; i++) {
        with_entry(RoleKey{MyDatabaseId, opened.roles[i]},
                   [&](RoleLanes &role) { lower(role, due, DT_NOBEGIN); });
        wake_for_role(database, opened.roles[i], opened.jobs);
    }
    if (opened.jobs > 0 && database != nullptr && any_waiters(MyDatabaseId))
        lower_due(database, &database->waits, DT_NOBEGIN);
    if (!opened.more || database == nullptr)
        return;
    forget_dues(MyDatabaseId);
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(MyDatabaseId))
            wake_idle(slot);
    });
    wake_scheduler(database);
}

void tell_asked(const Opened &opened) {
    if (opened.any())
        tell_opened(opened);
}

LaneMark mark_lane(const LaneKey &key) {
    LaneMark mark{kBegin, 0};
    with_entry(key, [&](const Lane &lane) { mark = mark_floor(lane.floor); });
    return mark;
}

void raise_lane_floor(const LaneKey &key, const LaneMark &mark, const Position &first) {
    with_entry(key, [&](Lane &lane) { raise_floor(&lane.floor, mark, first, kEnd); });
}

bool open_role(const RoleKey &role, TimeMark *mark) {
    return with_made_entry(role, [&](const RoleLanes &entry) { *mark = mark_floor(entry.due); });
}

TimeMark mark_role(const RoleKey &role) {
    TimeMark mark{DT_NOBEGIN, 0};
    with_entry(role, [&](const RoleLanes &entry) { mark = mark_floor(entry.due); });
    return mark;
}

TimeMark mark_rest(const RoleKey &role) {
    TimeMark mark{DT_NOEND, 0};
    with_entry(role, [&](const RoleLanes &entry) { mark = mark_floor(entry.rest); });
    return mark;
}

void raise_rest(const RoleKey &role, const TimeMark &mark, TimestampTz first) {
    with_entry(role, [&](RoleLanes &entry) { raise_floor(&entry.rest, mark, first, DT_NOEND); });
}

void forget_floors(Oid database) {
    search_all_keys(database);
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_lanes);
    while (auto *lane = static_cast<Lane *>(hash_seq_search(&scan))) {
        if (lane->tag.role.database != database)
            continue;
        SpinLockAcquire(&lane->mutex);
        lower(*lane, kBegin);
        SpinLockRelease(&lane->mutex);
    }
    LWLockRelease(lock_of(Locks::lanes));
    forget_dues(database);
}

void forget_dues(Oid database) {
    each_role(database, [](RoleLanes &role) { lower(role, &RoleLanes::due, DT_NOBEGIN); });
}

bool hold_locked_lane(const LaneKey &key, const LaneMark &mark, TimestampTz until) {
    bool unchanged = true;
    with_entry(key, [&](Lane &lane) {
        unchanged = lane.floor.commits == mark.commits;
        if (unchanged)
            lane.not_before = until;
    });
    return unchanged;
}

void wake_for_role(Database *database, Oid role, int jobs) {
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

void hold_role(const RoleKey &role, const char *why, int wait_ms) {
    const TimestampTz now = clock_now();
    with_made_entry(role, [&](RoleLanes &entry) {
        int64 wait = wait_ms * kMicrosecondsPerMillisecond;
        for (int i = 0; i < entry.failures && wait < kLongestHold; i++)
            wait *= 2;
        entry.not_before = later(now, Min(wait, kLongestHold));
        if (why != nullptr) {
            entry.failures++;
            strlcpy(entry.error, why, kLaneErrorBytes);
        }
    });
}

void note_role_incident(const RoleKey &role, TimestampTz since, const char *why, int wait_ms) {
    const TimestampTz now = GetCurrentTimestamp();
    bool again = false;
    with_made_entry(role, [&](RoleLanes &entry) {
        if (since <= entry.failed_at && entry.failed_at <= now)
            return;
        entry.failed_at = now;
        again = entry.failures > 0;
        entry.failures = Max(entry.failures, 1);
    });
    if (again)
        hold_role(role, why, wait_ms / 2); // the first one hasn't waited
}

void clear_role_failure(const RoleKey &role) {
    with_entry(role, [](RoleLanes &entry) {
        entry.failures = 0;
        entry.not_before = 0;
        entry.error[0] = '\0';
    });
}

void forget_lanes(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    remove_entries(database, KeepNone{});
    LWLockRelease(lock_of(Locks::lanes));
    forget_rings(database);
}

void prune_lanes(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (is_crowded()) {
        remove_entries(database, KeepJobs{});
        pg_atomic_write_u32(g_full, 0);
    }
    LWLockRelease(lock_of(Locks::lanes));
}

} // namespace ayb
