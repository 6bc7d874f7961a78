#include "hooks/changes.hpp"

#include "hooks/kin.hpp"
#include "hooks/notes.hpp"
#include "lanes/counts.hpp"
#include "lanes/lanes.hpp"
#include "memory/configuration.hpp"
#include "memory/databases.hpp"
#include "memory/due_floor.hpp"
#include "memory/holds.hpp"
#include "memory/launcher.hpp"
#include "pg/settings.hpp"
#include "pg/text.hpp"
#include "records/events.hpp"
#include "turns/limits.hpp"
#include "turns/places.hpp"
#include "turns/reservations.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

struct Notes {
    SubtransactionLog<LaneChange> lanes;
    KeyNotes keys;
    SubtransactionLog<PlaceChange> runs; // jobs that begin to run, or end, while there are limits
    bool runs_unnoted;                   // others, while there was none
    SubtransactionLog<LimitChange> limits;
    SubtransactionLog<Event> events;
    int64 events_dropped;
    TimestampTz next_lease;
    bool any_lease;
    TimestampTz next_tick;
    bool any_tick;
    TimestampTz next_time; // for which a job waits
    bool any_time;
    bool unknown;
    bool configuration;
    bool recount;
    SubTransactionId draining; // the one that drained; InvalidSubTransactionId for none
    bool probe;
    bool dropped_role;
    Oid holds[8];
    int hold_count;
};

Notes g_notes;
bool g_completing_queued;

// What was done to a lane lowers its floor, at the commit.
LaneChange *lane_change(Oid role, const char *type, int priority, uint64 unserved_by) {
    LaneChange lane{};
    lane.role = role;
    lane.type = type;
    lane.priority = priority;
    lane.first = kEnd;
    lane.unserved_by = unserved_by;
    if (LaneChange *found = g_notes.lanes.find(lane))
        return found;
    lane.type = MemoryContextStrdup(TopTransactionContext, type);
    return g_notes.lanes.add(lane);
}

void note_first(LaneChange *lane, const Change &change) {
    lane->first = change.position() < lane->first ? change.position() : lane->first;
    lane->unserved_by = Min(lane->unserved_by, change.unserved_by);
}

void note_key(LaneChange *lane, const Change &change) {
    const RingKey ring = ring_key(change.role, change.type);
    if (change.key != nullptr && !g_notes.keys.add(ring, change.key, {change.level, change.job}))
        lane->keys_unnoted = true;
}

void note_event(const Change &change) {
    if (g_notes.events.count >= kEventRing) { // more have no room there
        g_notes.events_dropped++;
        return;
    }
    Event event{};
    event.database = MyDatabaseId;
    event.role = change.role;
    event.job = change.job;
    event.from = change.from;
    event.to = change.to;
    const int bytes = clipped_bytes(change.type, kEventTypeBytes - 1);
    memcpy(event.type, change.type, bytes); // the rest is zeroed
    g_notes.events.add(event);
}

// Where the database is paused nobody need be woken: the scheduler unmarks it before it looks at
// lanes again, and what was lowered before the mark is read here it finds then.
void wake(Database *database, const LaneChange &change) {
    pg_memory_barrier();
    if (pg_atomic_read_u32(&database->paused) == 0)
        wake_for_role(database, change.role, change.jobs());
}

// Until lanes have been looked for again, nobody takes those that are known for all.
void tell_configuration(Database *database) {
    pg_atomic_fetch_add_u32(&database->configured, 1);
    pg_atomic_write_u32(&database->rescan, 1);
    wake_scheduler(database);
    touch_waiters(MyDatabaseId);
}

// Jobs of a type without a handler need no lane: who finds lanes when it is registered finds them.
// But it may have been registered since that was looked up, and looked for before this commit.
void tell_unserved(Database *database, const LaneChange &change) {
    lower_left_lane(change.lane(), change.first);
    if (change.unserved_by != configuration_generation())
        tell_configuration(database);
}

// Before the lanes, and before runs end: whoever finds a lane due, or a key free, finds its keys.
void tell_keys() {
    g_notes.keys.tell();
    for (const LaneChange &change : g_notes.lanes)
        if (change.keys_unnoted)
            search_keys(ring_key(change.role, change.type));
}

// Whoever is woken chooses among all lanes: they are lowered before.
void tell_lanes(Database *database) {
    const TransactionId xid = GetTopTransactionIdIfAny();
    for (LaneChange &change : g_notes.lanes) {
        count_change({MyDatabaseId, change.role}, xid, change.delta);
        if (!(change.first < kEnd))
            continue;
        if (change.unserved_by != 0)
            tell_unserved(database, change);
        else
            change.wakes = lower_lane(change.lane(), change.first);
    }
    for (const LaneChange &change : g_notes.lanes) {
        if (change.wakes)
            wake(database, change);
        if (any_waiters(MyDatabaseId) && change.first < kEnd) // who enters now finds it lowered
            tell_waiters(database, change.role, change.type, change.first.run_at, change.jobs());
    }
}

// Where nobody serves the database, or not yet, a worker may be reading a lane all the same.
void tell_left_lanes() {
    for (const LaneChange &change : g_notes.lanes)
        if (change.first < kEnd)
            lower_left_lane(change.lane(), change.first);
}

// What was reserved and doesn't run is free again.
void settle_runs(const PlaceChange *runs, int count) {
    if (count == 0 && !has_asked())
        return;
    Opened opened{};
    settle_places(runs, count, &opened);
    tell_opened(opened);
}

// Before lanes are lowered, and the configuration is counted: who looks then finds the limits.
void tell_limits() {
    for (const LimitChange &change : g_notes.limits)
        close_limit(change.key);
    if (g_notes.runs_unnoted && any_limits()) {
        forget_running(MyDatabaseId);
        if (Database *database = find_database(MyDatabaseId))
            wake_scheduler(database);
    }
}

// Nobody could say in between what a prepared transaction holds.
void refuse_prepare() {
    bool limited = reserved_count() > 0;
    LimitUse state;
    for (const PlaceChange &change : g_notes.runs)
        limited = limited || state_of_limit(change.limit, &state);
    if (limited)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                 errmsg("cannot PREPARE a transaction that has claimed or ended jobs of a type "
                        "with a limit"),
                 errhint("Commit it, or clear the limit: ayb_jobs.clear_limit(type).")));
}

void tell() {
    tell_limits();
    tell_keys();
    settle_runs(g_notes.runs.entries, g_notes.runs.count);
    // Before anybody is woken for it: the invalidation that PostgreSQL sends comes later.
    if (g_notes.configuration)
        count_configuration_change();
    Database *database = find_served(MyDatabaseId);
    if (database != nullptr) {
        tell_ended(g_notes.events.entries, g_notes.events.count, g_notes.events_dropped);
        // Events first: who hears of a change by its wake-up finds it in the ring.
        publish_events(g_notes.events.entries, g_notes.events.count, g_notes.events_dropped);
        if (g_notes.lanes.count > 0)
            tell_lanes(database);
        if (g_notes.any_lease)
            lower_due(database, &database->leases, g_notes.next_lease);
        if (g_notes.any_tick)
            lower_due(database, &database->ticks, g_notes.next_tick);
        if (g_notes.any_time)
            lower_due(database, &database->times, g_notes.next_time);
        if (g_notes.configuration)
            tell_configuration(database);
        if (g_notes.recount) {
            tell_any_ended();
            pg_atomic_write_u32(&database->recount, 1);
            wake_scheduler(database);
        }
    } else {
        tell_left_lanes();
    }
    if (g_notes.unknown)
        wake_for_unknown();
    if (g_notes.probe)
        request_probe(MyDatabaseId);
    if (g_notes.dropped_role)
        tell_dropped_role();
}

// COMMIT PREPARED is heard of, but not where replication does it: it calls no hook.
void tell_prepared() {
    Database *database = find_database(MyDatabaseId);
    if (database != nullptr && (g_notes.lanes.count > 0 || g_notes.any_tick))
        pg_atomic_write_u32(&database->doubt, 1);
}

void stop_draining() {
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr)
        return;
    pg_atomic_write_u32(&database->draining, 0);
    tell_configuration(database);
}

void on_transaction(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_COMMIT:
        if (preloaded())
            tell();
        break;
    case XACT_EVENT_PRE_PREPARE:
        refuse_prepare();
        return;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        settle_runs(nullptr, 0);
        if (event == XACT_EVENT_PREPARE && preloaded())
            tell_prepared();
        g_completing_queued = false;
        if (g_notes.draining != InvalidSubTransactionId)
            stop_draining();
        break;
    default:
        return; // the transaction is not over
    }
    const Notes ended = g_notes;
    g_notes = Notes{};
    g_notes.next_lease = DT_NOEND;
    for (int i = 0; i < ended.hold_count; i++)
        release_hold(ended.holds[i]);
}

void on_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent,
                       void * /*argument*/) {
    // Ids only grow: whatever was noted since the subtransaction began bears its id or a later one.
    const bool drained = g_notes.draining >= subid;
    if (event == SUBXACT_EVENT_COMMIT_SUB) {
        g_notes.lanes.merge_into_parent(subid, parent);
        if (drained)
            g_notes.draining = parent;
    }
    if (event != SUBXACT_EVENT_ABORT_SUB)
        return;
    if (drained) {
        stop_draining();
        g_notes.draining = InvalidSubTransactionId;
    }
    g_notes.lanes.forget_from(subid);
    g_notes.keys.log.forget_from(subid);
    g_notes.events.forget_from(subid);
    g_notes.runs.forget_from(subid);
    g_notes.limits.forget_from(subid);
}

void note_run(const Change &change) {
    constexpr int kRunning = static_cast<int>(State::running);
    if ((change.from == kRunning) == (change.to == kRunning))
        return;
    if (any_limits())
        g_notes.runs.add({0, limit_key(change.type), hash_of_key(change.key), change.job,
                          change.run, change.to == kRunning});
    else
        g_notes.runs_unnoted = true;
}

} // namespace

void note_change(const Change &change) {
    LaneChange *lane = lane_change(change.role, change.type, change.priority, change.unserved_by);
    if (change.from >= 0)
        lane->delta[change.from]--;
    // With retention = 0 nothing of a completed job stays that could be counted.
    const bool kept = change.to != static_cast<int>(State::completed) || settings::retention > 0;
    if (change.to >= 0 && kept)
        lane->delta[change.to]++;
    if (change.claimable || change.frees_key()) {
        note_first(lane, change);
        note_key(lane, change);
    }
    if (change.lease_until != DT_NOEND) {
        g_notes.next_lease =
            g_notes.any_lease ? Min(g_notes.next_lease, change.lease_until) : change.lease_until;
        g_notes.any_lease = true;
    }
    if (change.waits_until != DT_NOEND) {
        g_notes.next_time =
            g_notes.any_time ? Min(g_notes.next_time, change.waits_until) : change.waits_until;
        g_notes.any_time = true;
    }
    if (change.from != change.to)
        note_event(change);
    if (change.to < 0)
        note_look({change.job, false});
    note_run(change);
}

void note_deleted(Oid role, const char *type, int64 completed) {
    LaneChange *lane = lane_change(role, type, 0, 0);
    lane->delta[static_cast<int>(State::completed)] -= static_cast<int32>(completed);
}

TimestampTz own_next_lease() { return g_notes.any_lease ? g_notes.next_lease : DT_NOEND; }

void each_own_lane(void (*visit)(const LaneKey &lane, const Position &first, void *context),
                   void *context) {
    for (const LaneChange &change : g_notes.lanes)
        if (change.first < kEnd)
            visit(change.lane(), change.first, context);
}

void complete_queued(bool on) { g_completing_queued = on; }
bool completing_queued() { return g_completing_queued; }

void note_tick(TimestampTz next) {
    g_notes.next_tick = g_notes.any_tick ? Min(g_notes.next_tick, next) : next;
    g_notes.any_tick = true;
}

void note_configuration() { g_notes.configuration = true; }
void note_limit(const char *type) { g_notes.limits.add({0, limit_key(type)}); }
void note_recount() { g_notes.recount = true; }

bool note_draining() {
    const bool first = g_notes.draining == InvalidSubTransactionId;
    if (first)
        g_notes.draining = GetCurrentSubTransactionId();
    return first;
}

void note_probe() { g_notes.probe = true; }
void note_dropped_role() { g_notes.dropped_role = true; }

bool can_note_hold(Oid database) {
    for (int i = 0; i < g_notes.hold_count; i++)
        if (g_notes.holds[i] == database)
            return false;
    return g_notes.hold_count < static_cast<int>(lengthof(g_notes.holds));
}

void note_hold(Oid database) { g_notes.holds[g_notes.hold_count++] = database; }
void wake_for_unknown() {
    if (!preloaded())
        return;
    forget_floors(MyDatabaseId);
    forget_running(MyDatabaseId);
    tell_dropped_role();
    tell_unknown_kin();
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr)
        return;
    pg_atomic_write_u32(&database->recount, 1);
    lower_due(database, &database->leases, DT_NOBEGIN);
    lower_due(database, &database->ticks, DT_NOBEGIN);
    lower_due(database, &database->times, DT_NOBEGIN);
    tell_configuration(database);
}

void note_unknown() { g_notes.unknown = true; }

void install_change_callbacks() {
    g_notes.next_lease = DT_NOEND;
    RegisterXactCallback(on_transaction, nullptr);
    RegisterSubXactCallback(on_subtransaction, nullptr);
    install_kin_callbacks();
}

} // namespace ayb
