// The trigger that tells the scheduler, at the commit, when a schedule is due.
#include "base/stamp.hpp"
#include "hooks/changes.hpp"
#include "pg/extension.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

// Columns of schedules, in the order of its definition.
constexpr int kEnabled = 7;
constexpr int kNextRunAt = 12;

bool on_schedules(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        return false;
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    Relation table = data->tg_relation;
    return TRIGGER_FIRED_FOR_ROW(data->tg_event) && TRIGGER_FIRED_BEFORE(data->tg_event) &&
           !TRIGGER_FIRED_BY_DELETE(data->tg_event) &&
           strcmp(RelationGetRelationName(table), "schedules") == 0 &&
           RelationGetNamespace(table) == tables_schema();
}

} // namespace

} // namespace ayb

using namespace ayb;

AYB_SQL_FUNCTION(ayb_jobs_note_schedule) {
    if (!on_schedules(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_schedule() is called by its trigger only")));
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        mistrust_brought_row();
    HeapTuple row =
        TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    if (DatumGetBool(value_of(row, shape, kEnabled)) && !is_null(row, shape, kNextRunAt))
        note_tick(DatumGetTimestampTz(value_of(row, shape, kNextRunAt)));
    return PointerGetDatum(row);
}
