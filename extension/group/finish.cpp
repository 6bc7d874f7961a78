#include "jobs/finish.hpp"
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "flows/finish.hpp"
#include "group/jobs.hpp"
#include "hooks/changes.hpp"
#include "jobs/history.hpp"
#include "memory/my_slot.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

#define AYB_AS_LOCKED "q.state = 'queued' AND q.attempts = 0"

Sql<UuidArray, JsonArray, TimeArray, TimeArray, const char *, JsonArray> g_complete{R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        USING unnest($1, $2, $3, $4, $6) AS u (id, result, started_at, ended_at, log)
        WHERE q.id = u.id AND )sql" AYB_AS_LOCKED R"sql(
        RETURNING )sql" AYB_LEAVING R"sql(, $5 AS worker, 1 AS attempt, q.runs + 1 AS run,
            u.started_at, u.result, u.ended_at, u.log
    ))sql" AYB_INTO_HISTORY};
// With retention = 0, or of a type that isn't to be kept, nothing of the jobs stays.
Sql<UuidArray> g_forget{R"sql(
    DELETE FROM ayb_jobs.job_queue AS q
    USING unnest($1) AS u (id)
    WHERE q.id = u.id AND )sql" AYB_AS_LOCKED};
Sql<UuidArray> g_forget_keys{AYB_FREE_KEYS("ayb_jobs.job_queue") " AND g.id = ANY ($1)"};
Sql<UuidArray> g_forget_attempts{R"sql(
    DELETE FROM ayb_jobs.job_attempts AS a WHERE a.job_id = ANY ($1)
)sql"};
Sql<core::Uuid, const char *, At, At, std::optional<Json>> g_cancel{R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = 'canceled', attempts = 1, runs = q.runs + 1, canceled_at = $4,
            last_run_at = $3, updated_at = $4
        WHERE q.id = $1 AND )sql" AYB_AS_LOCKED R"sql(
        RETURNING q.id, q.runs, q.run_as
    )
    INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id, started_at,
        finished_at, error, sqlstate, log)
    SELECT e.id, e.runs, e.run_as, 'canceled', $2, $3, $4, 'canceled while it ran', '57014', $5
    FROM ended AS e
)sql"};

Sql<core::Uuid, const char *, At, At, At, std::optional<Json>, std::optional<Json>> g_snooze{R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET runs = q.runs + 1, run_at = $5, payload = coalesce($6, q.payload), last_run_at = $3,
            updated_at = $4
        WHERE q.id = $1 AND )sql" AYB_AS_LOCKED R"sql(
        RETURNING q.id, q.runs, q.run_as
    )
    INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id, started_at,
        finished_at, log)
    SELECT e.id, e.runs, e.run_as, 'snoozed', $2, $3, $4, $7 FROM ended AS e
)sql"};

#undef AYB_AS_LOCKED

// The jobs that are done, as columns.
struct Columns {
    Datum *ids;
    Datum *results;
    bool *nulls;
    Datum *logs;
    bool *no_logs;
    Datum *started_at;
    Datum *ended_at;
    int count;
};

Columns columns_of(const Group &group, bool kept) {
    Columns columns{};
    const Size size = group.done * sizeof(Datum);
    columns.ids = static_cast<Datum *>(palloc(size));
    columns.results = static_cast<Datum *>(palloc(size));
    columns.nulls = static_cast<bool *>(palloc(group.done));
    columns.logs = static_cast<Datum *>(palloc(size));
    columns.no_logs = static_cast<bool *>(palloc(group.done));
    columns.started_at = static_cast<Datum *>(palloc(size));
    columns.ended_at = static_cast<Datum *>(palloc(size));
    each_done(group, kept, [&](GroupedJob &job) {
        const int n = columns.count++;
        columns.ids[n] = PointerGetDatum(&job.id);
        columns.results[n] = job.result;
        columns.nulls[n] = job.null;
        columns.logs[n] = job.log;
        columns.no_logs[n] = job.log == 0;
        columns.started_at[n] = TimestampTzGetDatum(job.started_at);
        columns.ended_at[n] = TimestampTzGetDatum(job.ended_at);
    });
    return columns;
}

TimeArray times(Datum *values, int count) {
    return TimeArray(construct_array(values, count, TIMESTAMPTZOID, sizeof(TimestampTz),
                                     FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

JsonArray documents(Datum *values, bool *nulls, int count) {
    int length = count;
    int first = 1;
    return JsonArray(
        construct_md_array(values, nulls, 1, &length, &first, JSONBOID, -1, false, TYPALIGN_INT));
}

// Of those that leave nothing and have `mark` set, what stands elsewhere.
void forget_rest(const Group &group, bool GroupedJob::*mark, Sql<UuidArray> &statement) {
    auto *ids = static_cast<Datum *>(palloc(group.done * sizeof(Datum)));
    int count = 0;
    each_done(group, false, [&](GroupedJob &job) {
        ids[count] = PointerGetDatum(&job.id);
        count += static_cast<int>(job.*mark);
    });
    if (count > 0)
        statement.run(UuidArray(uuid_array(ids, count)));
}

// What is counted as completed, and isn't kept, isn't there.
void uncount(const Group &group) {
    if (settings::retention > 0)
        each_done(group, false,
                  [&](GroupedJob &job) { note_deleted(group.role, job.type->handler.type, 1); });
}

uint64 forget(const Group &group, int forgotten) {
    forget_rest(group, &GroupedJob::keyed, g_forget_keys);
    forget_rest(group, &GroupedJob::ran_before, g_forget_attempts);
    uncount(group);
    if (forget_jobs(group))
        return forgotten;
    const Columns columns = columns_of(group, false);
    return g_forget.run(UuidArray(uuid_array(columns.ids, columns.count)));
}

uint64 complete(const Group &group, int kept, const char *worker) {
    const TimestampTz first = group.jobs[0].ended_at;
    const TimestampTz last = group.jobs[group.ran - 1].ended_at;
    ensure_history(first);
    ensure_history(last); // past midnight
    const Oid day = history_table(first, last);
    if (OidIsValid(day) && move_jobs(group, kept, day, worker))
        return kept;
    const Columns columns = columns_of(group, true);
    return g_complete.run(UuidArray(uuid_array(columns.ids, columns.count)),
                          documents(columns.results, columns.nulls, columns.count),
                          times(columns.started_at, columns.count),
                          times(columns.ended_at, columns.count), worker,
                          documents(columns.logs, columns.no_logs, columns.count));
}

[[noreturn]] void report_changed() {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("a job was changed inside its group")));
    pg_unreachable();
}

void take_out(const Group &group, const char *worker) {
    int kept = 0;
    each_done(group, true, [&](GroupedJob & /*job*/) { kept++; });
    uint64 rows = 0;
    complete_queued(true);
    if (kept < group.done)
        rows += forget(group, group.done - kept);
    if (kept > 0)
        rows += complete(group, kept, worker);
    complete_queued(false);
    if (rows != static_cast<uint64>(group.done))
        report_changed();
}

// What those leave that have parents or children.
void settle_kin(const Group &group) {
    CompletedJobs jobs{};
    each_job(group, GroupVerdict::done,
             [&](const GroupedJob &job) { add_completed(&jobs, job.id, job.result, job.null); });
    settle_completed(jobs, group.jobs[0].ended_at, group.jobs[group.ran - 1].ended_at);
}

void put_back(const GroupedJob &job, const char *worker) {
    const TimestampTz due = next_step(*job.snooze, job.ended_at);
    if (g_snooze.run(job.id, worker, At{job.started_at}, At{job.ended_at}, At{due},
                     next_payload(*job.snooze), optional_log(job.log)) == 0)
        report_changed();
    drop_old_attempts(job.id, job.run);
}

} // namespace

void finish_jobs(const Group &group) {
    char worker[kWorkerIdBytes];
    session_name(worker);
    in_books([&] {
        if (group.done > 0)
            take_out(group, worker);
        settle_kin(group);
        each_job(group, GroupVerdict::snoozed,
                 [&](const GroupedJob &job) { put_back(job, worker); });
        each_job(group, GroupVerdict::canceled, [&](GroupedJob &job) {
            g_cancel.run(job.id, worker, At{job.started_at}, At{job.ended_at},
                         optional_log(job.log));
        });
    });
}

} // namespace ayb
