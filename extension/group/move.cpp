// From the queue into the history without SQL: the rows are known by their places, and are written
// a page at a time. It is half of what a quick job costs otherwise.
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "group/jobs.hpp"
#include "hooks/changes.hpp"
#include "jobs/history.hpp"
#include "pg/extension.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/tableam.h"
#include "catalog/pg_trigger.h"
}

namespace ayb {

namespace {

// What the history takes over from the queue as it is.
struct Taken {
    const char *name;
    QueueColumn from;
};
constexpr Taken kTaken[] = {{"id", kId},
                            {"type", kType},
                            {"run_as", kRunAs},
                            {"run_at", kRunAt},
                            {"max_attempts", kMaxAttempts},
                            {"last_error", kLastError},
                            {"idempotency_key", kIdempotencyKey},
                            {"schedule_id", kScheduleId},
                            {"scheduled_at", kScheduledAt},
                            {"created_at", kCreatedAt}};
constexpr int kTakenColumns = lengthof(kTaken);

// One day's table, open for writing.
struct Day {
    Relation table;
    EState *state;
    ResultRelInfo *info;
    AttrNumber taken[kTakenColumns];
    AttrNumber payload;
    AttrNumber worker_id;
    AttrNumber attempts;
    AttrNumber last_run_at;
    AttrNumber result;
    AttrNumber completed_at;
    TupleTableSlot **rows;
    int count;
};

// Ours alone is to be fired at a removal, and what it would do is done here.
bool only_notes(Relation queue) {
    const TriggerDesc *triggers = queue->trigdesc;
    if (triggers == nullptr)
        return false;
    int removals = 0;
    for (int i = 0; i < triggers->numtriggers; i++)
        removals += TRIGGER_FOR_DELETE(triggers->triggers[i].tgtype) ? 1 : 0;
    return removals == 1 && triggers->trig_delete_before_row && triggers->triggers != nullptr &&
           !triggers->trig_delete_old_table;
}

bool is_plain_day(Relation day) {
    return day->rd_rel->relkind == RELKIND_RELATION && day->rd_rel->relispartition &&
           day->trigdesc == nullptr;
}

AttrNumber number_of(Relation table, const char *name) {
    TupleDesc shape = RelationGetDescr(table);
    for (int i = 0; i < shape->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(shape, i);
        if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
            return column->attnum;
    }
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN),
             errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(table), name)));
    pg_unreachable();
}

void find_columns(Day *day) {
    for (int i = 0; i < kTakenColumns; i++)
        day->taken[i] = number_of(day->table, kTaken[i].name);
    day->payload = number_of(day->table, "payload");
    day->worker_id = number_of(day->table, "worker_id");
    day->attempts = number_of(day->table, "attempts");
    day->last_run_at = number_of(day->table, "last_run_at");
    day->result = number_of(day->table, "result");
    day->completed_at = number_of(day->table, "completed_at");
}

void open_day(Day *day, Relation table, int rows) {
    day->table = table;
    day->state = CreateExecutorState();
    day->info = makeNode(ResultRelInfo);
    InitResultRelInfo(day->info, table, 0, nullptr, 0);
    ExecOpenIndices(day->info, false);
    day->rows = static_cast<TupleTableSlot **>(palloc(rows * sizeof(TupleTableSlot *)));
    day->count = 0;
    find_columns(day);
}

void put(TupleTableSlot *row, AttrNumber number, Datum value) {
    row->tts_values[number - 1] = value;
    row->tts_isnull[number - 1] = false;
}

// Long values lie beside the table that the row leaves.
Datum plain(TupleTableSlot *from, int number, Datum value) {
    const FormData_pg_attribute *column = TupleDescAttr(from->tts_tupleDescriptor, number - 1);
    return column->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM(value)) : value;
}

void write_row(Day *day, TupleTableSlot *from, const GroupedJob &job, Datum worker) {
    TupleTableSlot *row = table_slot_create(day->table, nullptr);
    memset(row->tts_isnull, true, row->tts_tupleDescriptor->natts * sizeof(bool));
    for (int i = 0; i < kTakenColumns; i++) {
        bool null;
        const Datum value = slot_getattr(from, kTaken[i].from, &null);
        if (!null)
            put(row, day->taken[i], plain(from, kTaken[i].from, value));
    }
    put(row, day->payload, job.payload);
    put(row, day->worker_id, worker);
    put(row, day->attempts, Int32GetDatum(1));
    put(row, day->last_run_at, TimestampTzGetDatum(job.started_at));
    if (!job.null)
        put(row, day->result, job.result);
    put(row, day->completed_at, TimestampTzGetDatum(job.ended_at));
    ExecStoreVirtualTuple(row);
    ExecMaterializeSlot(row); // `from` holds its page only until the next one is read
    ExecConstraints(day->info, row, day->state);
    day->rows[day->count++] = row;
}

void close_day(Day *day) {
    table_multi_insert(day->table, day->rows, day->count, GetCurrentCommandId(true), 0, nullptr);
    for (int i = 0; i < day->count; i++) {
        insert_index_entries(day->info, day->rows[i], day->state);
        ExecDropSingleTupleTableSlot(day->rows[i]);
        ResetPerTupleExprContext(day->state);
    }
    ExecCloseIndices(day->info);
    FreeExecutorState(day->state);
}

void note_completion(const Group &group, const GroupedJob &job) {
    Change change{};
    change.job = job.id;
    change.role = group.role;
    change.type = job.type->handler.type;
    change.from = static_cast<int>(State::queued);
    change.to = static_cast<int>(State::completed);
    change.run_at = job.run_at;
    change.lease_until = DT_NOEND;
    note_change(change);
}

[[noreturn]] void report_changed(const GroupedJob &job) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("job %s was changed inside its group", uuid_text(job.id))));
    pg_unreachable();
}

// The row is as it was when it was locked, unless this transaction has changed it. It has nobody to
// wait for but must seem willing to: else its own lock is in the way.
void remove_row(Relation queue, GroupedJob *job) {
    TM_FailureData failure;
    if (table_tuple_delete(queue, &job->place, GetCurrentCommandId(true), GetActiveSnapshot(),
                           InvalidSnapshot, true, &failure, false) != TM_Ok)
        report_changed(*job);
}

// `day` is null where no history is kept.
void move_rows(const Group &group, Relation queue, Day *day, Datum worker) {
    TupleTableSlot *row = table_slot_create(queue, nullptr);
    for (int i = 0; i < group.ran; i++) {
        GroupedJob &job = group.jobs[i];
        if (job.verdict != GroupVerdict::done)
            continue;
        if (day != nullptr) {
            if (!table_tuple_fetch_row_version(queue, &job.place, SnapshotSelf, row))
                report_changed(job);
            write_row(day, row, job, worker);
        }
        remove_row(queue, &job);
        note_completion(group, job);
    }
    ExecDropSingleTupleTableSlot(row);
}

bool move_into(const Group &group, Relation queue, Oid day_oid, Datum worker) {
    Relation history = table_open(extension_table("job_history"), RowExclusiveLock);
    Relation table = table_open(day_oid, RowExclusiveLock);
    const bool good = is_plain_day(table);
    if (good) {
        Day day;
        open_day(&day, table, group.done);
        move_rows(group, queue, &day, worker);
        close_day(&day);
    }
    table_close(table, NoLock);
    table_close(history, NoLock);
    return good;
}

} // namespace

bool move_jobs(const Group &group, Oid day, const char *worker) {
    Relation queue = table_open(extension_table("job_queue"), RowExclusiveLock);
    bool good = only_notes(queue);
    if (good && OidIsValid(day))
        good = move_into(group, queue, day, CStringGetTextDatum(worker));
    else if (good)
        move_rows(group, queue, nullptr, 0);
    table_close(queue, NoLock);
    return good;
}

} // namespace ayb
