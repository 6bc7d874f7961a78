// Lanes, and how many jobs each has, as shared memory knows it.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "group/ways.hpp"
#include "handlers/bond.hpp"
#include "jobs/lane_scan.hpp"
#include "lanes/picks.hpp"
#include "memory/databases.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

struct RoleCopies {
    RoleLanes *roles;
    int count;
};

RoleCopies copy_roles() {
    const int room = static_cast<int>(roles_in_all()) + 64; // and some that come meanwhile
    RoleCopies copies{static_cast<RoleLanes *>(palloc(room * sizeof(RoleLanes))), 0};
    each_role(MyDatabaseId, [&](const RoleLanes &role) {
        if (copies.count < room)
            memcpy(static_cast<void *>(&copies.roles[copies.count++]), &role, sizeof(RoleLanes));
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

void put_role(const RoleLanes &role, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(role.key.role));
    const TimestampTz due = next_due(role.key);
    row.add_time(due == DT_NOBEGIN ? transaction_began() : due); // nobody has looked yet
    row.add(Int32GetDatum(workers_of(role.key.role)));
    row.add(Int64GetDatum(role.counts[static_cast<int>(State::queued)]));
    row.add(Int64GetDatum(role.counts[static_cast<int>(State::running)]));
    row.add_time(role.error[0] != '\0' ? role.not_before : 0);
    row.add_text(role.error);
    row.add(PointerGetDatum(grouped_types(role.key.role)));
    row.put(result);
}

void put_floor(const LanePick &lane, ReturnSetInfo *result) {
    Row row;
    row.add(ObjectIdGetDatum(lane.role));
    row.add_text(lane.type);
    row.add(TimestampTzGetDatum(lane.mark.at.run_at));
    row.add(uuid_datum(lane.mark.at.id));
    row.put(result);
}

void put_doubt(const LanePick &lane, ReturnSetInfo *result) {
    const Handler *handler = lane.mark.at < kEnd ? find_handler(lane.type) : nullptr;
    const Doubt doubt = handler == nullptr ? Doubt::none : doubt_of(*handler, lane.role);
    if (doubt == Doubt::none)
        return;
    Row row;
    row.add_text(lane.type);
    row.add(ObjectIdGetDatum(lane.role));
    row.add_null();
    row.add_text(core::word_of(doubt));
    row.add_text(remedy_of(*handler, doubt, lane.role));
    row.put(result);
}

// What is carried again is about to be released.
void put_distrusted(const Distrusted &jobs, ReturnSetInfo *result) {
    const Handler *handler = find_handler(jobs.type);
    const Doubt doubt = doubt_of_bond(handler, jobs.bond, jobs.run_as);
    if (doubt == Doubt::none)
        return;
    Row row;
    row.add_text(jobs.type);
    row.add(ObjectIdGetDatum(jobs.run_as));
    row.add(ObjectIdGetDatum(jobs.bond.enqueued_by));
    row.add_text(core::word_of(doubt));
    row.add_text(remedy_of_bond(handler, doubt, jobs.type, jobs.bond, jobs.run_as));
    row.put(result);
}

// Calls `put` for each lane that the caller may see: what a function of SQL answers.
Datum put_lanes(FunctionCallInfo fcinfo, void (*put)(const LanePick &lane, ReturnSetInfo *result)) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    int count = 0;
    const LanePick *lanes = preloaded() ? copy_lanes(MyDatabaseId, &count) : nullptr;
    for (int i = 0; i < count; i++)
        if (me.sees(lanes[i].role))
            put(lanes[i], result);
    PG_RETURN_NULL();
}

} // namespace

} // namespace ayb

using namespace ayb;

// lanes() → setof
AYB_SQL_FUNCTION(ayb_jobs_lanes) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    if (!preloaded())
        PG_RETURN_NULL();
    const RoleCopies copies = copy_roles();
    // What a row is made of goes with it: there may be thousands, each with a look at all types.
    MemoryContext memory =
        AllocSetContextCreate(CurrentMemoryContext, "ayb_jobs lane", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < copies.count; i++) {
        MemoryContext before = MemoryContextSwitchTo(memory);
        if (me.sees(copies.roles[i].key.role))
            put_role(copies.roles[i], result);
        MemoryContextSwitchTo(before);
        MemoryContextReset(memory);
    }
    MemoryContextDelete(memory);
    pfree(copies.roles);
    PG_RETURN_NULL();
}

// floors() → setof (run_as, type, run_at, id)
AYB_SQL_FUNCTION(ayb_jobs_floors) { return put_lanes(fcinfo, put_floor); }

// doubts() → setof (type, run_as, enqueued_by, reason, hint)
AYB_SQL_FUNCTION(ayb_jobs_doubts) {
    put_lanes(fcinfo, put_doubt);
    const Viewer me = viewer(Right::read);
    auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    int count = 0;
    const Distrusted *all = copy_distrusted(&count);
    for (int i = 0; i < count; i++)
        if (me.sees(all[i].run_as) || me.sees(all[i].bond.enqueued_by))
            put_distrusted(all[i], result);
    PG_RETURN_NULL();
}

// oldest_due() → timestamptz
AYB_SQL_FUNCTION(ayb_jobs_oldest_due) {
    const TimestampTz oldest = oldest_due(viewer(Right::read));
    if (oldest > clock_now())
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(oldest);
}

// counts() → setof (queued, running, completed, failed, canceled): one row, or none while they are
// not known
AYB_SQL_FUNCTION(ayb_jobs_counts) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr || !are_counted(database))
        PG_RETURN_NULL();
    const RoleCopies copies = copy_roles();
    int64 totals[kStates] = {};
    for (int i = 0; i < copies.count; i++)
        for (int state = 0; state < kStates && me.sees(copies.roles[i].key.role); state++)
            totals[state] += copies.roles[i].counts[state];
    Row row;
    for (const int64 total : totals)
        row.add(Int64GetDatum(Max(total, 0)));
    row.put(result);
    PG_RETURN_NULL();
}
