// cancel(), retry_now(), and their forms for many jobs.
#include "base/answer.hpp"
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "jobs/finish.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

constexpr int kPollMs = 2;
constexpr int kLongestWaitMs = 2000; // beyond shutdown_timeout, until the worker has ended

Sql<core::Uuid, At> g_cancel{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET state = 'canceled', canceled_at = $2, updated_at = $2
    WHERE q.id = $1
)sql"};
Sql<core::Uuid, At> g_retry{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'queued', attempts = 0, last_error = NULL, run_at = $2, updated_at = $2,
        waits_for = NULL
    WHERE q.id = $1
)sql"};

// Who did it, by which role and for whom: one row for each job that was changed.
Sql<core::Uuid, At, const char *, Oid, const char *> g_note{R"sql(
    INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by, actor)
    SELECT q.id, q.run_as, $2, $3, $4::regrole, $5 FROM ayb_jobs.job_queue AS q WHERE q.id = $1
)sql"};

// Of many jobs: when, whose the caller may touch, and who that is; then which.
template <typename... Which> using Change = Sql<At, bool, OidArray, Oid, const char *, Which...>;
using ChangeMatching = Change<const char *, std::optional<At>, std::optional<At>>;
using ChangeMany = Change<UuidArray>;

// What somebody has locked is left out. Gives back how many were changed, and how many were there.
#define AYB_CHANGE(action, state_before, which, change)                                            \
    "WITH wanted AS MATERIALIZED (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.state = "       \
    "'" state_before "' AND ($2 OR q.run_as = ANY ($3))" which                                     \
    " FOR UPDATE SKIP LOCKED), changed AS (UPDATE ayb_jobs.job_queue AS q SET " change             \
    ", updated_at = $1 FROM wanted AS w WHERE q.id = w.id RETURNING q.id, q.run_as), noted AS ("   \
    "INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by, actor)"                \
    " SELECT c.id, c.run_as, $1, '" action "', $4::regrole, $5 FROM changed AS c)"                 \
    " SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM ayb_jobs.job_queue AS q"        \
    " WHERE q.state = '" state_before "' AND ($2 OR q.run_as = ANY ($3))" which ")"
#define AYB_CANCEL(which)                                                                          \
    AYB_CHANGE("cancel", "queued", which, "state = 'canceled', canceled_at = $1")
#define AYB_RETRY(which)                                                                           \
    AYB_CHANGE("retry", "failed", which,                                                           \
               "state = 'queued', attempts = 0, last_error = NULL, run_at = $1,"                   \
               " waits_for = NULL")
#define AYB_MATCHING                                                                               \
    " AND ($6 IS NULL OR q.type = $6) AND ($7 IS NULL OR q.created_at >= $7)"                      \
    " AND ($8 IS NULL OR q.created_at < $8)"
#define AYB_OF_THESE " AND q.id = ANY ($6)"

ChangeMatching g_cancel_matching{AYB_CANCEL(AYB_MATCHING)};
ChangeMatching g_retry_matching{AYB_RETRY(AYB_MATCHING)};
ChangeMany g_cancel_many{AYB_CANCEL(AYB_OF_THESE)};
ChangeMany g_retry_many{AYB_RETRY(AYB_OF_THESE)};

struct Caller {
    Oid role;
    bool admin;
    const char *actor;
    MemoryContext context;
};

Caller caller() { return {GetUserId(), is_admin(GetUserId()), actor(), CurrentMemoryContext}; }

[[noreturn]] void wrong_state(const core::Uuid &id, const Found &job, const char *wanted) {
    const bool running = job.state == State::running;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("job %s is %s, not %s", uuid_text(id), core::word_of(job.state), wanted),
             err_generic_string(PG_DIAG_COLUMN_NAME, "state"),
             running ? errhint("ayb_jobs.cancel(id, force => true) interrupts a running job.")
                     : errhint("The job has ended: there is nothing to cancel.")));
    pg_unreachable();
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
    const Found job = in_bounded_books([&] { return find_job(id, me.role, me.admin, false); });
    if (!job.exists)
        no_such_job(id);
    return job;
}

void interrupt_running(const core::Uuid &id, const Caller &me) {
    const Found job = look(id, me);
    // One in a group is queued still, and its row is locked until the group commits.
    if ((job.state != State::running && !is_running(id)) || job.waits_for == WaitsFor::external)
        return;
    const core::Uuid *mine = in_job() ? &my_slot()->job : nullptr;
    if (mine != nullptr && *mine == id)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("a job can't cancel itself"), errhint("Raise an error, or return.")));
    interrupt_worker(id);
}

// The job, its row locked. Inside the books.
Found find_held(const core::Uuid &id, const Caller &me) {
    const Found job = find_job(id, me.role, me.admin, true);
    if (!job.exists)
        no_such_job(id);
    return job;
}

// Inside the books, after the change.
void note_action(const core::Uuid &id, const char *action, const Caller &me) {
    g_note.run(id, At{clock_now()}, action, me.role, me.actor);
}

// Inside the books, with the row locked.
void cancel_found(const core::Uuid &id, const Found &job, bool force) {
    const TimestampTz now = clock_now();
    if (job.state == State::queued) {
        g_cancel.run(id, At{now});
    } else if (force && job.state == State::running) {
        cancel_job(id, job.worker, job.run, now);
    } else if (!force || job.state != State::canceled) {
        wrong_state(id, job, force ? "queued or running" : "queued");
    }
}

// Likewise.
void retry_found(const core::Uuid &id, const Found &job) {
    if (job.state != State::failed)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s is %s, not failed", uuid_text(id), core::word_of(job.state)),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "state"),
                 errhint("Only failed jobs can be retried; for another run, enqueue a job.")));
    g_retry.run(id, At{clock_now()});
}

template <typename... Which> int64 change(Change<Which...> *statement, const Which &...which) {
    const At now{clock_now()};
    const Viewer me = viewer();
    const OidArray mine(me.array);
    const Oid caller = GetUserId();
    const char *whom = actor();
    int64 changed = 0;
    int64 there = 0;
    in_bounded_books([&] {
        statement->run(now, me.all, mine, caller, whom, which...);
        read_row(0, &changed, &there);
    });
    if (changed < there)
        ereport(NOTICE, (errmsg(INT64_FORMAT " jobs are locked by other sessions, and left out",
                                there - changed),
                         errhint("Call it again when those have ended.")));
    return changed;
}

int64 change_matching(FunctionCallInfo fcinfo, ChangeMatching *statement) {
    const char *type = PG_ARGISNULL(0) ? nullptr : type_argument(fcinfo, 0);
    return change(statement, type, optional_argument<At>(fcinfo, 1),
                  optional_argument<At>(fcinfo, 2));
}

int64 change_many(FunctionCallInfo fcinfo, ChangeMany *statement) {
    require_argument(fcinfo, 0, "ids");
    return change(statement, UuidArray(PG_GETARG_DATUM(0)));
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

    PG_RETURN_DATUM(in_bounded_books([&] {
        cancel_found(id, find_held(id, me), force);
        note_action(id, "cancel", me);
        return copy_row(job_row(id), me.context);
    }));
}

// retry_now(id) → jobs
AYB_SQL_FUNCTION(ayb_jobs_retry_now) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const Caller me = caller();
    PG_RETURN_DATUM(in_bounded_books([&] {
        retry_found(id, find_held(id, me));
        note_action(id, "retry", me);
        return copy_row(job_row(id), me.context);
    }));
}

// cancel_matching(type, since, until) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_matching) {
    PG_RETURN_INT64(change_matching(fcinfo, &g_cancel_matching));
}

// retry_matching(type, since, until) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_matching) {
    PG_RETURN_INT64(change_matching(fcinfo, &g_retry_matching));
}

// cancel_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_many) { PG_RETURN_INT64(change_many(fcinfo, &g_cancel_many)); }

// retry_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_many) { PG_RETURN_INT64(change_many(fcinfo, &g_retry_many)); }
