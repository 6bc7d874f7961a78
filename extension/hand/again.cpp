// When a job runs, by hand: retry_now(), run_now() and their forms for many, reschedule(),
// set_priority().
#include "base/arguments.hpp"
#include "hand/by_hand.hpp"
#include "hand/keys.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

// One that waits goes on with those that are left; one that was canceled in its last has that
// again. One that waits for others still does, and so does one that was canceled meanwhile where
// they haven't ended.
#define AYB_REVIVED                                                                                \
    "state = 'queued', attempts = least(q.attempts, q.max_attempts - 1), canceled_at = NULL,"      \
    " expires_at = CASE WHEN q.state = 'canceled' THEN NULL ELSE q.expires_at END,"                \
    " waits_for = CASE WHEN q.waits_for = 'jobs' AND (q.state = 'queued' OR"                       \
    " ayb_jobs_internal.has_open_parents(q.id)) THEN 'jobs' END"
#define AYB_ONE(change)                                                                            \
    "UPDATE ayb_jobs.job_queue AS q SET " change ", run_at = $2, updated_at = $3 WHERE q.id = $1"

Sql<core::Uuid, At, At> g_retry{AYB_ONE(AYB_RETRIED)};
Sql<core::Uuid, At, At> g_revive{AYB_ONE(AYB_REVIVED)};
Sql<core::Uuid, int, At> g_set_priority{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET priority = $2, updated_at = $3 WHERE q.id = $1
)sql"};

#define AYB_RUN(which)                                                                             \
    AYB_CHANGE(                                                                                    \
        "run",                                                                                     \
        "(q.state = 'canceled' AND q.run_as <> 0::oid OR q.state = 'queued' AND q.run_at > $1)",   \
        AYB_OWN, which, AYB_REVIVED ", run_at = $1")

// Those that have been canceled, and had a key.
#define AYB_KEYED(which)                                                                           \
    "SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.state = 'canceled' AND q.run_as <> 0::oid"   \
    " AND q.idempotency_key IS NOT NULL AND ($2 OR " AYB_OWN ")" which " FOR UPDATE SKIP LOCKED"
ChangeMatching g_keyed_matching{AYB_KEYED(AYB_MATCHING)};
ChangeMany g_keyed_many{AYB_KEYED(AYB_OF_THESE)};

ChangeMatching g_retry_matching{AYB_RETRY(AYB_MATCHING)};
ChangeMatching g_run_matching{AYB_RUN(AYB_MATCHING)};
ChangeMany g_retry_many{AYB_RETRY(AYB_OF_THESE)};
ChangeMany g_run_many{AYB_RUN(AYB_OF_THESE)};

// Of one that was dropped nothing runs again.
void check_role(const core::Uuid &id, const Found &job) {
    if (!role_exists(job.run_as))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("the role of job %s does not exist any more", uuid_text(id)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "run_as"),
                        errhint("Enqueue a job of a role that does.")));
}

// Each of these inside the books, with the row locked.
void retry_found(const core::Uuid &id, const Found &job, TimestampTz now) {
    if (job.state != State::failed)
        refuse_state(id, job, "failed",
                     job.state == State::queued || job.state == State::canceled
                         ? "ayb_jobs.run_now(id) makes it due."
                         : "Only failed jobs can be retried; for another run, enqueue a job.");
    check_role(id, job);
    g_retry.run(id, At{now}, At{now});
}

// What is due already is left as it is: it would lose its place.
void run_found(const core::Uuid &id, const Found &job, TimestampTz now) {
    const bool waits = job.state == State::queued;
    if (!waits && job.state != State::canceled)
        refuse_state(id, job, "queued or canceled",
                     job.state == State::failed
                         ? "ayb_jobs.retry_now(id) runs a failed job again."
                         : "It has been started; for another run, enqueue a job.");
    check_role(id, job);
    if (!waits) {
        const Datum one = uuid_datum(id);
        take_keys_again(UuidArray(uuid_array(&one, 1)));
    }
    if (!waits || job.run_at > now)
        g_revive.run(id, At{now}, At{now});
}

void reschedule_found(const core::Uuid &id, const Found &job, TimestampTz due, TimestampTz now) {
    if (job.state != State::queued)
        refuse_state(id, job, "queued",
                     "Only what waits can be put off; ayb_jobs.run_now() and"
                     " ayb_jobs.retry_now() bring canceled and failed jobs back.");
    g_revive.run(id, At{due}, At{now});
}

void set_priority_of(const core::Uuid &id, const Found &job, int priority) {
    if (job.state != State::queued)
        refuse_state(id, job, "queued", "Only what waits has a place among what waits.");
    g_set_priority.run(id, priority, At{clock_now()});
}

} // namespace

} // namespace ayb

using namespace ayb;

// retry_now(id) → jobs
AYB_SQL_FUNCTION(ayb_jobs_retry_now) {
    const core::Uuid id = id_argument(fcinfo, 0);
    return change_one(id, "retry", caller(),
                      [&](const Found &job) { retry_found(id, job, clock_now()); });
}

// retry_matching(type, since, until, phase) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_matching) { return change_matching(fcinfo, &g_retry_matching); }

// retry_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_retry_many) { return change_many(fcinfo, &g_retry_many); }

// run_now(id) → jobs
AYB_SQL_FUNCTION(ayb_jobs_run_now) {
    const core::Uuid id = id_argument(fcinfo, 0);
    return change_one(id, "run", caller(),
                      [&](const Found &job) { run_found(id, job, clock_now()); });
}

// run_now_matching(type, since, until, phase) → bigint
AYB_SQL_FUNCTION(ayb_jobs_run_now_matching) {
    return change_matching(fcinfo, &g_run_matching, &g_keyed_matching);
}

// run_now_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_run_now_many) { return change_many(fcinfo, &g_run_many, &g_keyed_many); }

// reschedule(id, run_at, delay) → jobs
AYB_SQL_FUNCTION(ayb_jobs_reschedule) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const TimestampTz now = clock_now();
    if (PG_ARGISNULL(2))
        require_argument(fcinfo, 1, "run_at");
    const TimestampTz due = due_argument(fcinfo, 1, 2, now);
    return change_one(id, "reschedule", caller(),
                      [&](const Found &job) { reschedule_found(id, job, due, now); });
}

// set_priority(id, priority) → jobs
AYB_SQL_FUNCTION(ayb_jobs_set_priority) {
    const core::Uuid id = id_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "priority");
    const int priority = *priority_argument(fcinfo, 1);
    return change_one(id, "priority", caller(),
                      [&](const Found &job) { set_priority_of(id, job, priority); });
}
