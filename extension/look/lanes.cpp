// Lanes, and how many jobs each has, as shared memory knows it.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "group/ways.hpp"
#include "memory/databases.hpp"
#include "memory/lanes.hpp"
#include "memory/slots.hpp"

namespace ayb {

namespace {

struct LaneCopies {
    Lane *lanes;
    int count;
};

LaneCopies copy_lanes() {
    LaneCopies copies{};
    copies.lanes = static_cast<Lane *>(palloc_extended(kMaxLanes * sizeof(Lane), MCXT_ALLOC_HUGE));
    each_role_lane(MyDatabaseId, [&](const Lane &lane) {
        if (copies.count < kMaxLanes)
            memcpy(static_cast<void *>(&copies.lanes[copies.count++]), &lane, sizeof(Lane));
    });
    return copies;
}

int workers_of(Oid role) {
    int count = 0;
    each_slot_of(MyDatabaseId, role, [&](const WorkerSlot &slot) {
        if (slot.phase == WorkerSlot::Phase::serving)
            count++;
    });
    return count;
}

void put_lane(const Lane &lane, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(lane.tag.role));
    row.add_time(lane.due);
    row.add(Int32GetDatum(workers_of(lane.tag.role)));
    row.add(Int64GetDatum(lane.counts[static_cast<int>(State::queued)]));
    row.add(Int64GetDatum(lane.counts[static_cast<int>(State::running)]));
    row.add_time(lane.error[0] != '\0' ? lane.not_before : 0);
    row.add_text(lane.error);
    row.add(PointerGetDatum(grouped_types(lane.tag.role)));
    row.put(result);
}

void put_floor(Oid role, const Position &floor, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(role));
    row.add(TimestampTzGetDatum(floor.run_at));
    row.add(uuid_datum(floor.id));
    row.put(result);
}

} // namespace

} // namespace ayb

using namespace ayb;

// lanes() → setof
AYB_SQL_FUNCTION(ayb_jobs_lanes) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    // What a row is made of goes with it: there may be thousands, each with a look at all types.
    MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "ayb_jobs lane", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < copies.count; i++) {
        MemoryContext before = MemoryContextSwitchTo(memory);
        if (me.sees(copies.lanes[i].tag.role))
            put_lane(copies.lanes[i], result);
        MemoryContextSwitchTo(before);
        MemoryContextReset(memory);
    }
    MemoryContextDelete(memory);
    pfree(copies.lanes);
    PG_RETURN_NULL();
}

// _floors(from_start) → setof (run_as, run_at, id)
AYB_SQL_FUNCTION(ayb_jobs_floors) {
    const Viewer me = viewer();
    const bool known = preloaded() && !PG_GETARG_BOOL(0);
    ReturnSetInfo *result = begin_set(fcinfo);
    for (int i = 0; i < me.count && !me.all; i++)
        put_floor(me.roles[i], known ? mark_lane({MyDatabaseId, me.roles[i]}).at : kBegin, result);
    if (!known || !me.all)
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    for (int i = 0; i < copies.count; i++)
        put_floor(copies.lanes[i].tag.role, copies.lanes[i].floor.at, result);
    PG_RETURN_NULL();
}

// _counts() → setof (queued, running, completed, failed, canceled): one row, or none while they are
// not known
AYB_SQL_FUNCTION(ayb_jobs_counts) {
    const Viewer me = viewer();
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr || !database->counted || pg_atomic_read_u32(&database->recount) != 0)
        PG_RETURN_NULL();
    const LaneCopies copies = copy_lanes();
    int64 totals[kStates] = {};
    for (int i = 0; i < copies.count; i++)
        for (int state = 0; state < kStates && me.sees(copies.lanes[i].tag.role); state++)
            totals[state] += copies.lanes[i].counts[state];
    Row row;
    for (const int64 total : totals)
        row.add(Int64GetDatum(Max(total, 0)));
    row.put(result);
    PG_RETURN_NULL();
}
