// cancel(), retry_now(), and their forms for many jobs.
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "handlers/waiting.hpp"
#include "jobs/finish.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

constexpr int kPollMs = 2;
constexpr int kLongestWaitMs = 2000; // beyond shutdown_timeout, until the worker has ended

Statement s_cancel{
    "UPDATE ayb_jobs.job_queue AS q SET state = 'canceled', canceled_at = $2, updated_at = $2"
    " WHERE q.id = $1",
    2,
    {UUIDOID, TIMESTAMPTZOID},
    nullptr};
Statement s_retry{
    "UPDATE ayb_jobs.job_queue AS q SET state = 'queued', attempts = 0, last_error = NULL,"
    " waits_for = " AYB_WAITS_FOR ", run_at = $2, updated_at = $2 WHERE q.id = $1",
    2,
    {UUIDOID, TIMESTAMPTZOID},
    nullptr};
#define AYB_CANCEL                                                                                 \
    "UPDATE ayb_jobs.job_queue AS q SET state = 'canceled', canceled_at = $1, updated_at = $1"     \
    " WHERE q.state = 'queued' AND ($2 OR q.run_as = ANY ($3))"
#define AYB_RETRY                                                                                  \
    "UPDATE ayb_jobs.job_queue AS q SET state = 'queued', attempts = 0, last_error = NULL,"        \
    " waits_for = " AYB_WAITS_FOR ", run_at = $1, updated_at = $1"                                 \
    " WHERE q.state = 'failed' AND ($2 OR q.run_as = ANY ($3))"
#define AYB_MATCHING                                                                               \
    " AND ($4 IS NULL OR q.type = $4) AND ($5 IS NULL OR q.created_at >= $5)"                      \
    " AND ($6 IS NULL OR q.created_at < $6)"
#define AYB_OF_THESE " AND q.id = ANY ($4)"
#define AYB_MATCHING_TYPES                                                                         \
    { TIMESTAMPTZOID, BOOLOID, OIDARRAYOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID }
#define AYB_OF_THESE_TYPES                                                                         \
    { TIMESTAMPTZOID, BOOLOID, OIDARRAYOID, UUIDARRAYOID }

Statement s_cancel_matching{AYB_CANCEL AYB_MATCHING, 6, AYB_MATCHING_TYPES, nullptr};
Statement s_retry_matching{AYB_RETRY AYB_MATCHING, 6, AYB_MATCHING_TYPES, nullptr};
Statement s_cancel_many{AYB_CANCEL AYB_OF_THESE, 4, AYB_OF_THESE_TYPES, nullptr};
Statement s_retry_many{AYB_RETRY AYB_OF_THESE, 4, AYB_OF_THESE_TYPES, nullptr};

struct Caller {
    Oid role;
    bool admin;
    MemoryContext context;
};

Caller caller() { return {GetUserId(), is_admin(GetUserId()), CurrentMemoryContext}; }

[[noreturn]] void wrong_state(const core::Uuid &id, const Found &job, const char *wanted) {
    const bool running = strcmp(job.state, "running") == 0;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("job %s is %s, not %s", uuid_text(id), job.state, wanted),
             running ? errhint("ayb_jobs.cancel(id, force => true) interrupts a running job.")
                     : errhint("The job has ended: there is nothing to cancel.")));
    pg_unreachable();
}

Datum row_of(const core::Uuid &id, MemoryContext context) {
    bool null;
    const Datum row = job_row(id, &null);
    return null ? static_cast<Datum>(0) : copy_row(row, context);
}

// The caller has looked and may touch the job. Interrupts the worker that is at it and waits until
// that has written what became of it: only the worker writes while it has the job. A handler that
// traps the cancel loses its process after shutdown_timeout. False where the job is in no worker of
// ours.
bool interrupt_worker(const core::Uuid &id) {
    if (!cancel_running(id, false))
        return false;
    bool hard = false;
    const TimestampTz start = GetCurrentTimestamp();
    while (is_running(id)) {
        const int64 waited = (GetCurrentTimestamp() - start) / kMicrosecondsPerMillisecond;
        if (!hard && waited >= settings::shutdown_timeout)
            hard = cancel_running(id, true);
        if (waited >= settings::shutdown_timeout + kLongestWaitMs)
            break;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPollMs,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    }
    return true;
}

// Looks at the job with a snapshot of its own, so that what a worker has just written is seen.
Found look(const core::Uuid &id, const Caller &me) {
    const Books books = open_books();
    const Found job = find_job(id, me.role, me.admin, false);
    close_books(books);
    if (!job.exists)
        no_such_job(id);
    return job;
}

void interrupt_running(const core::Uuid &id, const Caller &me) {
    const Found job = look(id, me);
    // One in a group is queued still, and its row is locked until the group commits.
    if ((strcmp(job.state, "running") != 0 && !is_running(id)) || job.external)
        return;
    const core::Uuid *mine = in_job() ? &my_slot()->job : nullptr;
    if (mine != nullptr && memcmp(mine, &id, sizeof(id)) == 0)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("a job can't cancel itself"), errhint("Raise an error, or return.")));
    interrupt_worker(id);
}

// Inside the books, with the row locked.
void cancel_found(const core::Uuid &id, const Found &job, bool force) {
    const TimestampTz now = clock_now();
    if (strcmp(job.state, "queued") == 0) {
        Parameters parameters;
        run_statement(s_cancel, parameters.set(1, uuid_datum(id)).set_time(2, now));
    } else if (force && strcmp(job.state, "running") == 0) {
        cancel_job(id, job.worker, job.attempt, now);
    } else if (!force || strcmp(job.state, "canceled") != 0) {
        wrong_state(id, job, force ? "queued or running" : "queued");
    }
}

// The parameters that bulk changes have in common: when, and whose jobs the caller may touch.
Parameters now_and_mine() {
    Parameters parameters;
    parameters.set_time(1, clock_now()).set(2, BoolGetDatum(is_admin(GetUserId())));
    return parameters.set(3, PointerGetDatum(visible_roles()));
}

int64 change(Statement &statement, const Parameters &parameters) {
    const Books books = open_books();
    const uint64 rows = run_statement(statement, parameters);
    close_books(books);
    return static_cast<int64>(rows);
}

int64 change_matching(FunctionCallInfo fcinfo, Statement &statement) {
    Parameters parameters = now_and_mine();
    if (!PG_ARGISNULL(0))
        parameters.set_text(4, type_argument(fcinfo, 0));
    for (int number = 1; number <= 2; number++)
        if (!PG_ARGISNULL(number))
            parameters.set(number + 4, PG_GETARG_DATUM(number));
    return change(statement, parameters);
}

int64 change_many(FunctionCallInfo fcinfo, Statement &statement) {
    require_argument(fcinfo, 0, "ids");
    Parameters parameters = now_and_mine();
    return change(statement, parameters.set(4, PG_GETARG_DATUM(0)));
}

} // namespace

} // namespace ayb

using namespace ayb;

// cancel(id, force) → jobs
AYB_SQL_FUNCTION(ayb_jobs_cancel) {
    const core::Uuid id = id_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "force");
    const bool force = PG_GETARG_BOOL(1);
    const Caller me = caller();
    if (force && preloaded())
        interrupt_running(id, me);

    const Books books = open_books();
    const Found job = find_job(id, me.role, me.admin, true);
    if (!job.exists)
        no_such_job(id);
    cancel_found(id, job, force);
    const Datum row = row_of(id, me.context);
    close_books(books);
    PG_RETURN_DATUM(row);
}

// retry_now(id) → jobs
AYB_SQL_FUNCTION(ayb_jobs_retry_now) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Caller me = caller();
    const Books books = open_books();
    const Found job = find_job(id, me.role, me.admin, true);
    if (!job.exists)
        no_such_job(id);
    if (strcmp(job.state, "failed") != 0)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s is %s, not failed", uuid_text(id), job.state),
                 errhint("Only failed jobs can be retried; for another run, enqueue a job.")));
    Parameters parameters;
    run_statement(s_retry, parameters.set(1, uuid_datum(id)).set_time(2, clock_now()));
    const Datum row = row_of(id, me.context);
    close_books(books);
    PG_RETURN_DATUM(row);
}

// cancel_matching(type, since, until) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_matching) {
    PG_RETURN_INT64(change_matching(fcinfo, s_cancel_matching));
}

// retry_matching(type, since, until) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_matching) {
    PG_RETURN_INT64(change_matching(fcinfo, s_retry_matching));
}

// cancel_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_many) { PG_RETURN_INT64(change_many(fcinfo, s_cancel_many)); }

// retry_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_many) { PG_RETURN_INT64(change_many(fcinfo, s_retry_many)); }
