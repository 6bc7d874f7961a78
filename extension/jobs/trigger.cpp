// The triggers that tell others, at the commit, what a transaction did.
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "base/stamp.hpp"
#include "handlers/handlers.hpp"
#include "hooks/changes.hpp"
#include "hooks/kin.hpp"
#include "jobs/row_check.hpp"
#include "pg/extension.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

// -1 for what the CHECK will refuse.
int state_of(const Values &row) {
    const auto state = state_value(row[kState]);
    return state ? static_cast<int>(*state) : -1;
}

// A row that its constraints will refuse: triggers come before them.
bool refused(const Values &row) {
    return row.null(kId) || row.null(kType) || row.null(kState) || row.null(kRunAs) ||
           row.null(kRunAt) || row.null(kPriority);
}

int priority_of(const Values &row) {
    return row.null(kPartitionKey) ? DatumGetInt16(row[kPriority]) : kKeyed;
}

bool waits_for(const Values &row, WaitsFor wanted) {
    WaitsFor found;
    return !row.null(kWaitsFor) && core::find_word(TextDatumGetCString(row[kWaitsFor]), &found) &&
           found == wanted;
}

// Whether it says that it waits for its time.
bool is_for_time(const Values &row) { return waits_for(row, WaitsFor::time); }

// A row as it is after the change (or, for a removed one, as it was).
Change describe(const Values &row) {
    Change change{};
    change.job = uuid_value(row[kId]);
    change.role = DatumGetObjectId(row[kRunAs]);
    change.type = TextDatumGetCString(row[kType]);
    change.from = -1;
    change.to = state_of(row);
    change.run = row.null(kRuns) ? 0 : DatumGetInt32(row[kRuns]);
    change.run_at = DatumGetTimestampTz(row[kRunAt]);
    const bool queued = change.to == static_cast<int>(State::queued);
    change.priority = priority_of(row);
    change.level = DatumGetInt16(row[kPriority]);
    change.key = row.null(kPartitionKey) ? nullptr : TextDatumGetCString(row[kPartitionKey]);
    change.claimable = queued && row.null(kWaitsFor);
    change.waits_until = queued && is_for_time(row) ? change.run_at : DT_NOEND;
    change.lease_until = row.null(kLeaseUntil) ? DT_NOEND : DatumGetTimestampTz(row[kLeaseUntil]);
    return change;
}

// What leaves the queue while it runs was completed, and so was what a group takes out; anything
// else was thrown away.
void note_removal(const Values &row) {
    Change change = describe(row);
    change.from = change.to;
    const bool completed = change.from == static_cast<int>(State::running) || completing_queued();
    change.to = completed ? static_cast<int>(State::completed) : -1;
    change.claimable = false;
    change.waits_until = change.lease_until = DT_NOEND;
    note_change(change);
}

void note_update(const Values &before, const Values &after) {
    Change change = describe(after);
    change.from = state_of(before);
    // It comes back to the queue: its parents may have ended since.
    if (change.from != change.to && change.to == static_cast<int>(State::queued) &&
        waits_for(after, WaitsFor::jobs))
        note_look({change.job, true});
    if (DatumGetObjectId(before[kRunAs]) != change.role) {
        Change leaving = describe(before);
        leaving.from = leaving.to;
        leaving.to = -1;
        leaving.claimable = false;
        leaving.waits_until = DT_NOEND;
        note_change(leaving);
        change.from = -1;
    }
    note_change(change);
}

// The rows of any other table would be read as if they were jobs.
bool on_the_queue(FunctionCallInfo fcinfo) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        return false;
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    Relation table = data->tg_relation;
    return TRIGGER_FIRED_FOR_ROW(data->tg_event) && TRIGGER_FIRED_BEFORE(data->tg_event) &&
           strcmp(RelationGetRelationName(table), "job_queue") == 0 &&
           RelationGetNamespace(table) == tables_schema();
}

void note_row(const TriggerData *data, const Values &row) {
    if (!preloaded() || refused(row))
        return;
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        note_change(describe(row));
    else if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
        note_update(Values(data->tg_trigtuple, RelationGetDescr(data->tg_relation)), row);
    else
        note_removal(row);
}

// What has been started and hasn't ended stays where it is among those of its key, which wait for
// it, if its type is ordered.
bool holds_its_key(const Values &row) {
    if (row.null(kRuns) || DatumGetInt32(row[kRuns]) == 0)
        return false;
    return is_ordered(TextDatumGetCString(row[kType]));
}

// Whether a queued row waits for its time follows from the row, whoever writes it.
HeapTuple with_its_time(HeapTuple row, TupleDesc shape, const Values &values) {
    const bool waits = is_for_time(values);
    if (refused(values) || state_of(values) != static_cast<int>(State::queued) ||
        !(waits || values.null(kWaitsFor)))
        return row;
    const bool should =
        waits_for_time(!values.null(kPartitionKey), DatumGetTimestampTz(values[kRunAt])) &&
        !holds_its_key(values);
    if (waits == should)
        return row;
    const Datum value = should ? CStringGetTextDatum(core::word_of(WaitsFor::time)) : 0;
    return with_value(row, shape, kWaitsFor, value, !should);
}

// A canceled job gives its unique key up, however it was canceled, and so does one that ended
// without ever having been started: should it run after all, another one may have it by then.
HeapTuple without_its_key(HeapTuple row, TupleDesc shape, const Values &values) {
    if (values.null(kUniqueKey))
        return row;
    const int state = state_of(values);
    const bool waits = state == static_cast<int>(State::queued);
    if (state != static_cast<int>(State::canceled) && (waits || !values.null(kLastRunAt)))
        return row;
    return with_value(row, shape, kUniqueKey, 0, true);
}

} // namespace

} // namespace ayb

using namespace ayb;

AYB_SQL_FUNCTION(ayb_jobs_note_job) {
    if (!on_the_queue(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_job() is called by its trigger only")));
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        mistrust_brought_row();
    HeapTuple row =
        TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    const Values given(row, shape);
    if (!TRIGGER_FIRED_BY_DELETE(data->tg_event)) {
        check_row(given);
        row = with_its_time(without_its_key(row, shape, given), shape, given);
    }
    const bool changed = row != data->tg_newtuple && row != data->tg_trigtuple;
    note_row(data, changed ? Values(row, shape) : given);
    return PointerGetDatum(row);
}

AYB_SQL_FUNCTION(ayb_jobs_note_configuration) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_configuration() is called by its triggers only")));
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    CacheInvalidateRelcache(data->tg_relation);
    note_configuration();
    return PointerGetDatum(nullptr);
}

AYB_SQL_FUNCTION(ayb_jobs_note_truncate) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_truncate() is called by its trigger only")));
    note_recount();
    return PointerGetDatum(nullptr);
}
