// Workers, and what they are at, as shared memory knows it.
#include "base/answer.hpp"

#include "base/arguments.hpp"
#include "look/outside.hpp"
#include "memory/slots.hpp"

namespace ayb {

namespace {

// Whether it is a worker of this database that the viewer may see.
bool is_seen(const WorkerSlot &slot, const Viewer &me) {
    return (slot.phase == WorkerSlot::Phase::serving ||
            slot.phase == WorkerSlot::Phase::starting) &&
           slot.database == MyDatabaseId && me.sees(slot.role);
}

const char *phase_name(const WorkerSlot &slot) {
    if (slot.phase == WorkerSlot::Phase::starting)
        return "starting";
    return slot.has_job ? "running" : "idle";
}

void add_job(const WorkerSlot &slot, Row *row) {
    row->add(uuid_datum(slot.job));
    row->add_text(slot.type);
    row->add(Int32GetDatum(slot.run));
    row->add_time(slot.job_since);
    if (slot.percent >= 0)
        row->add(Int32GetDatum(slot.percent));
    else
        row->add_null();
    row->add_text(slot.note);
}

constexpr int kJobEnd = 11; // so many columns are those of inside_workers()

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
    if (slot.has_job)
        add_job(slot, &row);
    row.count = kJobEnd;
    row.add(BoolGetDatum(false));
    row.add_null();
    row.add(Int32GetDatum(slot.has_job ? 1 : 0));
    row.add_null();
    row.add_time(life_of(slot.pulse).beat);
    row.put(result);
}

void put_inside(const Viewer &me, ReturnSetInfo *result) {
    each_slot([&](const WorkerSlot &slot) {
        if (is_seen(slot, me))
            put_worker(slot, result);
    });
}

Jsonb *progress_of(const WorkerSlot &slot) {
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, "{\"percent\": %d, \"note\": ", slot.percent);
    escape_json(&text, slot.note);
    appendStringInfoChar(&text, '}');
    return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

void add_progress(const WorkerSlot &slot, JsonbParseState **object) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(uuid_text(slot.job));
    value.val.string.len = static_cast<int>(strlen(value.val.string.val));
    pushJsonbValue(object, WJB_KEY, &value);
    Jsonb *progress = progress_of(slot);
    value.type = jbvBinary;
    value.val.binary.data = &progress->root;
    value.val.binary.len = static_cast<int>(VARSIZE(progress)) - VARHDRSZ;
    pushJsonbValue(object, WJB_VALUE, &value);
}

} // namespace

} // namespace ayb

using namespace ayb;

// running() → uuid[]
AYB_SQL_FUNCTION(ayb_jobs_running) {
    ArrayBuildState *ids = initArrayResult(UUIDOID, CurrentMemoryContext, false);
    const Viewer all{InvalidOid, true, nullptr, nullptr, 0};
    each_slot([&](const WorkerSlot &slot) {
        if (is_seen(slot, all) && slot.has_job && may_see(slot.role))
            ids = accumArrayResult(ids, uuid_datum(slot.job), false, UUIDOID, CurrentMemoryContext);
    });
    PG_RETURN_DATUM(makeArrayResult(ids, CurrentMemoryContext));
}

// progress() → jsonb: {"<job id>": {"percent": …, "note": …}}
AYB_SQL_FUNCTION(ayb_jobs_progress) {
    const Viewer me = viewer(Right::read);
    JsonbParseState *state = nullptr;
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    each_slot([&](const WorkerSlot &slot) {
        if (is_seen(slot, me) && slot.has_job && slot.percent >= 0)
            add_progress(slot, &state);
    });
    PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
}

// inside_workers() → setof
AYB_SQL_FUNCTION(ayb_jobs_inside_workers) {
    const Viewer me = viewer(Right::read);
    put_inside(me, begin_set(fcinfo));
    PG_RETURN_NULL();
}

// workers() → setof
AYB_SQL_FUNCTION(ayb_jobs_workers) {
    const Viewer me = viewer(Right::read);
    ReturnSetInfo *result = begin_set(fcinfo);
    put_inside(me, result);
    put_outside(me, result);
    PG_RETURN_NULL();
}
