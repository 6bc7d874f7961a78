// From the queue into the history without SQL: the rows are known by their places, and are written
// a page at a time. It is half of what a quick job costs otherwise.
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "group/jobs.hpp"
#include "hooks/changes.hpp"
#include "jobs/queue_table.hpp"

namespace ayb {

namespace {

#define AYB_RAW_COLUMN(name, id, type, when) {#name, type, RawFilled::at_enqueue},
constexpr RawColumn kColumns[kHistoryColumns] = {
    AYB_JOB_COLUMNS(AYB_RAW_COLUMN, AYB_RAW_COLUMN, AYB_NO_COLUMN, AYB_RAW_COLUMN)};
#undef AYB_RAW_COLUMN
constexpr const char *kTriggers[] = {nullptr};

RawTable g_history{"job_history", kTriggers, kColumns, kHistoryColumns};

// What the history takes over from the queue as it is.
struct Taken {
    HistoryColumn to;
    QueueColumn from;
};
#define AYB_TAKEN(name, id, type, when) {kHistory##id, k##id},
constexpr Taken kTaken[] = {
    AYB_JOB_COLUMNS(AYB_TAKEN, AYB_NO_COLUMN, AYB_NO_COLUMN, AYB_NO_COLUMN)};
#undef AYB_TAKEN

struct HistoryRow {
    Datum values[kHistoryColumns];
    bool nulls[kHistoryColumns];

    void set(HistoryColumn column, Datum value, bool null = false) {
        values[column - 1] = value;
        nulls[column - 1] = null;
    }
};

HistoryRow describe_row(TupleTableSlot *from, const GroupedJob &job, Datum worker) {
    HistoryRow row;
    for (const Taken &taken : kTaken) {
        bool null;
        const Datum value = slot_getattr(from, taken.from, &null);
        row.set(taken.to, value, null);
    }
    row.set(kHistoryPayload, job.payload);
    row.set(kHistoryWorkerId, worker);
    row.set(kHistoryAttempts, Int32GetDatum(1));
    row.set(kHistoryRuns, Int32GetDatum(job.run));
    row.set(kHistoryLastRunAt, TimestampTzGetDatum(job.started_at));
    row.set(kHistoryParents, 0, true);
    row.set(kHistoryLog, job.log, job.log == 0);
    row.set(kHistoryResult, job.result, job.null);
    row.set(kHistoryCompletedAt, TimestampTzGetDatum(job.ended_at));
    return row;
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

void remove(const Group &group, RawRemoval *queue, GroupedJob *job) {
    if (!remove_raw(queue, &job->place))
        report_changed(*job);
    note_completion(group, *job);
}

void move_into(const Group &group, RawRemoval *queue, RawRows *day, Datum worker) {
    each_done(group, true, [&](GroupedJob &job) {
        if (!read_raw(queue, &job.place))
            report_changed(job);
        const HistoryRow row = describe_row(queue->row, job, worker);
        keep_raw(day, row.values, row.nulls);
        remove(group, queue, &job);
    });
    close_raw(day);
}

} // namespace

bool move_jobs(const Group &group, int kept, Oid day, const char *worker) {
    RawRemoval queue;
    RawRows rows;
    if (!open_raw_removal(queue_table(), &queue))
        return false;
    const bool open = open_raw_partition(&g_history, day, kept, &rows);
    if (open)
        move_into(group, &queue, &rows, CStringGetTextDatum(worker));
    close_raw_removal(&queue);
    return open;
}

bool forget_jobs(const Group &group) {
    RawRemoval queue;
    if (!open_raw_removal(queue_table(), &queue))
        return false;
    each_done(group, false, [&](GroupedJob &job) { remove(group, &queue, &job); });
    close_raw_removal(&queue);
    return true;
}

} // namespace ayb
