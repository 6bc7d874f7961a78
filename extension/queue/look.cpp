// What shared memory knows, as SQL sees it: no table is read, and each role sees its own.
#include "queue/look.hpp"
#include "pg/clock.hpp"
#include "pg/databases.hpp"
#include "pg/events.hpp"
#include "pg/lanes.hpp"
#include "pg/roles.hpp"
#include "pg/slots.hpp"
#include "pg/type_stats.hpp"
#include "queue/arguments.hpp"
#include "queue/ways.hpp"

namespace ayb {

namespace {

// A consistent copy of a slot of this database that the viewer may see.
bool copy_slot(int index, const Viewer &me, WorkerSlot *copy) {
    WorkerSlot &slot = worker_slots()[index];
    SpinLockAcquire(&slot.mutex);
    memcpy(static_cast<void *>(copy), &slot, sizeof(slot));
    SpinLockRelease(&slot.mutex);
    return (copy->phase == WorkerSlot::Phase::serving ||
            copy->phase == WorkerSlot::Phase::starting) &&
           copy->database == MyDatabaseId && me.sees(copy->role);
}

const char *phase_name(const WorkerSlot &slot) {
    if (slot.phase == WorkerSlot::Phase::starting)
        return "starting";
    return slot.has_job ? "running" : "idle";
}

void put_worker(const WorkerSlot &slot, ReturnSetInfo *result) {
    Row row;
    if (slot.pid != 0)
        row.add(Int32GetDatum(slot.pid));
    else
        row.add_null();
    row.add_text(slot.worker_id);
    row.add(ObjectIdGetDatum(slot.role));
    row.add_text(phase_name(slot));
    row.add_time(slot.launched_at);
    if (slot.has_job) {
        row.add(uuid_datum(slot.job));
        row.add_text(slot.type);
        row.add(Int32GetDatum(slot.attempt));
        row.add_time(slot.job_since);
        if (slot.percent >= 0)
            row.add(Int32GetDatum(slot.percent));
        else
            row.add_null();
        row.add_text(slot.note);
    }
    row.put(result);
}

struct LaneCopies {
    Lane *lanes;
    int count;
};

void copy_lane(Lane *lane, void *context) {
    auto *copies = static_cast<LaneCopies *>(context);
    if (copies->count == kMaxLanes)
        return;
    SpinLockAcquire(&lane->mutex);
    memcpy(static_cast<void *>(&copies->lanes[copies->count++]), lane, sizeof(Lane));
    SpinLockRelease(&lane->mutex);
}

LaneCopies copy_lanes() {
    LaneCopies copies{};
    copies.lanes = static_cast<Lane *>(palloc_extended(kMaxLanes * sizeof(Lane), MCXT_ALLOC_HUGE));
    each_lane(MyDatabaseId, copy_lane, &copies);
    return copies;
}

int workers_of(Oid role) {
    int count = 0;
    for (int i = 0; i < shared()->slots; i++) {
        const WorkerSlot &slot = worker_slots()[i];
        if (slot.phase == WorkerSlot::Phase::serving && slot.database == MyDatabaseId &&
            slot.role == role)
            count++;
    }
    return count;
}

void put_lane(const Lane &lane, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(lane.key.role));
    row.add_time(lane.due);
    row.add(Int32GetDatum(workers_of(lane.key.role)));
    row.add(Int64GetDatum(lane.counts[static_cast<int>(State::queued)]));
    row.add(Int64GetDatum(lane.counts[static_cast<int>(State::running)]));
    row.add_time(lane.error[0] != '\0' ? lane.not_before : 0);
    row.add_text(lane.error);
    row.add(PointerGetDatum(grouped_types(lane.key.role)));
    row.put(result);
}

void put_floor(Oid role, const Position &floor, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(role));
    row.add(TimestampTzGetDatum(floor.run_at));
    row.add(uuid_datum(floor.id));
    row.put(result);
}

// Under the events' lock. Who pages through the events must not be stopped by a page of others'.
bool may_see_event(const Event &event, const void *context) {
    const auto *me = static_cast<const Viewer *>(context);
    return event.database == MyDatabaseId && me->sees(event.role);
}

void put_event(const Event &event, ReturnSetInfo *result) {
    Row row;
    row.add(Int64GetDatum(static_cast<int64>(event.seq)));
    row.add_time(event.at);
    row.add(uuid_datum(event.job));
    row.add_text(event.type);
    row.add(ObjectIdGetDatum(event.role));
    row.add_text(event.from < 0 ? "" : state_name(static_cast<State>(event.from)));
    row.add_text(state_name(static_cast<State>(event.to)));
    row.put(result);
}

Datum count_array(const int64 (&counts)[core::kHistogramBuckets]) {
    Datum values[core::kHistogramBuckets];
    for (int i = 0; i < core::kHistogramBuckets; i++)
        values[i] = Int64GetDatum(counts[i]);
    return PointerGetDatum(construct_array(values, core::kHistogramBuckets, INT8OID, sizeof(int64),
                                           true, TYPALIGN_DOUBLE));
}

void put_minute(const TypeStats &stats, ReturnSetInfo *result) {
    Row row;
    row.add_time(stats.minute);
    row.add(ObjectIdGetDatum(stats.key.role));
    row.add(CStringGetTextDatum(stats.type));
    row.add(Int64GetDatum(stats.completed));
    row.add(Int64GetDatum(stats.failed));
    row.add(Int64GetDatum(stats.retried));
    row.add(Int64GetDatum(stats.lost));
    row.add(Int64GetDatum(stats.canceled));
    row.add(count_array(stats.wait));
    row.add(count_array(stats.run));
    row.put(result);
}

} // namespace

} // namespace ayb

using namespace ayb;

// _running() → uuid[]
AYB_SQL_FUNCTION(ayb_jobs_running) {
    ArrayBuildState *ids = initArrayResult(UUIDOID, CurrentMemoryContext, false);
    const Viewer all{true, nullptr, 0};
    WorkerSlot slot;
    for (int i = 0; shared() != nullptr && i < shared()->slots; i++)
        if (copy_slot(i, all, &slot) && slot.has_job && may_touch(slot.role))
            ids = accumArrayResult(ids, uuid_datum(slot.job), false, UUIDOID, CurrentMemoryContext);
    PG_RETURN_DATUM(makeArrayResult(ids, CurrentMemoryContext));
}

// _progress() → jsonb: {"<job id>": {"percent": …, "note": …}}
AYB_SQL_FUNCTION(ayb_jobs_progress) {
    const Viewer me = viewer();
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    WorkerSlot slot;
    for (int i = 0; shared() != nullptr && i < shared()->slots; i++) {
        if (!copy_slot(i, me, &slot) || !slot.has_job || slot.percent < 0)
            continue;
        JsonbValue value;
        value.type = jbvString;
        value.val.string.val = const_cast<char *>(uuid_text(slot.job));
        value.val.string.len = static_cast<int>(strlen(value.val.string.val));
        pushJsonbValue(&state, WJB_KEY, &value);
        StringInfoData text;
        initStringInfo(&text);
        appendStringInfo(&text, "{\"percent\": %d, \"note\": ", slot.percent);
        escape_json(&text, slot.note);
        appendStringInfoChar(&text, '}');
        const Jsonb *progress =
            DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
        value.type = jbvBinary;
        value.val.binary.data = const_cast<JsonbContainer *>(&progress->root);
        value.val.binary.len = static_cast<int>(VARSIZE(progress)) - VARHDRSZ;
        pushJsonbValue(&state, WJB_VALUE, &value);
    }
    PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
}

// workers() → setof
AYB_SQL_FUNCTION(ayb_jobs_workers) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    WorkerSlot slot;
    for (int i = 0; shared() != nullptr && i < shared()->slots; i++)
        if (copy_slot(i, me, &slot))
            put_worker(slot, result);
    PG_RETURN_NULL();
}

// lanes() → setof
AYB_SQL_FUNCTION(ayb_jobs_lanes) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    if (shared() == nullptr)
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    for (int i = 0; i < copies.count; i++)
        if (me.sees(copies.lanes[i].key.role))
            put_lane(copies.lanes[i], result);
    PG_RETURN_NULL();
}

// _floors(from_start) → setof (run_as, run_at, id)
AYB_SQL_FUNCTION(ayb_jobs_floors) {
    const Viewer me = viewer();
    const bool known = shared() != nullptr && !PG_GETARG_BOOL(0);
    ReturnSetInfo *result = begin_set(fcinfo);
    for (int i = 0; i < me.count && !me.all; i++)
        put_floor(me.roles[i], known ? mark_lane_floor(MyDatabaseId, me.roles[i]).at : kBegin,
                  result);
    if (!known || !me.all)
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    for (int i = 0; i < copies.count; i++)
        put_floor(copies.lanes[i].key.role, copies.lanes[i].floor.at, result);
    PG_RETURN_NULL();
}

// events(since, max_events) → setof
AYB_SQL_FUNCTION(ayb_jobs_events) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    if (shared() == nullptr)
        PG_RETURN_NULL();
    const int64 since = PG_GETARG_INT64(0);
    const int room = Min(Max(PG_GETARG_INT32(1), 0), kEventRing);
    auto *events = static_cast<Event *>(palloc((room + 1) * sizeof(Event)));
    const int count =
        read_events(static_cast<uint64>(Max(since, 0)), may_see_event, &me, events, room);
    for (int i = 0; i < count; i++)
        put_event(events[i], result);
    PG_RETURN_NULL();
}

// event_span() → setof (first, oldest, newest): one row, or none without shared memory
AYB_SQL_FUNCTION(ayb_jobs_event_span) {
    ReturnSetInfo *result = begin_set(fcinfo);
    if (shared() == nullptr)
        PG_RETURN_NULL();
    const EventSpan span = event_span();
    Row row;
    row.add(Int64GetDatum(static_cast<int64>(span.first)));
    row.add(Int64GetDatum(static_cast<int64>(span.oldest)));
    row.add(Int64GetDatum(static_cast<int64>(span.newest)));
    row.put(result);
    PG_RETURN_NULL();
}

// _counts() → setof (queued, running, completed, failed, canceled): one row, or none while they are
// not known
AYB_SQL_FUNCTION(ayb_jobs_counts) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    const Database *database = find_database(MyDatabaseId);
    if (database == nullptr || !database->counted)
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    int64 totals[kStates] = {};
    for (int i = 0; i < copies.count; i++)
        for (int state = 0; state < kStates && me.sees(copies.lanes[i].key.role); state++)
            totals[state] += copies.lanes[i].counts[state];
    Row row;
    for (const int64 total : totals)
        row.add(Int64GetDatum(Max(total, 0)));
    row.put(result);
    PG_RETURN_NULL();
}

// _current_minutes() → setof job_minutes: what is not yet in the table
AYB_SQL_FUNCTION(ayb_jobs_current_minutes) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    if (shared() == nullptr)
        PG_RETURN_NULL();
    auto *entries = static_cast<TypeStats *>(palloc(kMaxTypes * sizeof(TypeStats)));
    const int count = take_minutes(MyDatabaseId, DT_NOEND, true, entries);
    for (int i = 0; i < count; i++)
        if (me.sees(entries[i].key.role))
            put_minute(entries[i], result);
    PG_RETURN_NULL();
}

// _server_state() → one row for health()
AYB_SQL_FUNCTION(ayb_jobs_server_state) {
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    Row row;
    row.add(BoolGetDatum(shared() != nullptr));
    row.add(BoolGetDatum(settings::enabled));
    row.add(BoolGetDatum(shared() != nullptr && shared()->launcher_pid != 0));
    if (database != nullptr) {
        row.add(BoolGetDatum(database->scheduler_pid != 0));
        row.add(BoolGetDatum(database->dormant));
        row.add_time(database->no_slot_since != 0 ? database->no_slot_since
                                                  : shared()->no_slot_since);
        row.add(Int64GetDatum(database->leases_lost));
        row.add(BoolGetDatum(pg_atomic_read_u32(&database->draining) != 0));
        row.add_text(database->error);
    } else {
        row.add(BoolGetDatum(false));
        row.add(BoolGetDatum(false));
        row.add_time(shared() != nullptr ? shared()->no_slot_since : 0);
    }
    row.put(result);
    PG_RETURN_NULL();
}
