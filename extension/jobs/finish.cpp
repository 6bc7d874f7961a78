#include "jobs/finish.hpp"

#include "base/arguments.hpp"
#include "core/backoff.hpp"
#include "handlers/handlers.hpp"
#include "handlers/waiting.hpp"
#include "jobs/history.hpp"
#include "pg/books.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// A job that runs has a lease, and only such a one. Asked for its state instead, the planner may
// take the index of the leases for a short way, which under an old snapshot is a long one.
#define AYB_MINE "q.id = $1 AND q.lease_until IS NOT NULL AND q.worker_id = $2 AND q.attempts = $3"

Statement s_complete{
    "WITH done AS (DELETE FROM ayb_jobs.job_queue AS q WHERE " AYB_MINE " RETURNING q.*)"
    " INSERT INTO ayb_jobs.job_history (id, type, payload, run_as, run_at, worker_id, attempts,"
    " max_attempts, last_error, last_run_at, idempotency_key, schedule_id, scheduled_at,"
    " result, created_at, completed_at)"
    " SELECT d.id, d.type, d.payload, d.run_as, d.run_at, d.worker_id, d.attempts, d.max_attempts,"
    " d.last_error, d.last_run_at, d.idempotency_key, d.schedule_id, d.scheduled_at, $4,"
    " d.created_at, $5 FROM done AS d",
    5,
    {UUIDOID, TEXTOID, INT4OID, JSONBOID, TIMESTAMPTZOID},
    nullptr};
// With retention = 0 nothing of the job stays.
Statement s_forget{
    "WITH done AS (DELETE FROM ayb_jobs.job_queue AS q WHERE " AYB_MINE " RETURNING q.*),"
    " keys AS (DELETE FROM ayb_jobs.job_keys AS k USING done AS d WHERE k.run_as = d.run_as"
    " AND k.idempotency_key = d.idempotency_key AND k.job_id = d.id),"
    " attempts AS (DELETE FROM ayb_jobs.job_attempts AS a USING done AS d WHERE a.job_id = d.id)"
    " SELECT d.id FROM done AS d",
    3,
    {UUIDOID, TEXTOID, INT4OID},
    nullptr};
Statement s_fail{
    "WITH ended AS (UPDATE ayb_jobs.job_queue AS q SET"
    " state = CASE WHEN q.attempts >= q.max_attempts THEN 'failed' ELSE 'queued' END,"
    " run_at = CASE WHEN q.attempts >= q.max_attempts THEN q.run_at ELSE $4 END,"
    " waits_for = " AYB_WAITS_FOR ", worker_id = NULL, lease_until = NULL, last_error = $5,"
    " updated_at = $6"
    " WHERE " AYB_MINE " RETURNING q.id, q.attempts, q.run_as, q.last_run_at, q.state),"
    " noted AS (INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id,"
    " started_at, finished_at, error, sqlstate) SELECT e.id, e.attempts, e.run_as, $7, $2,"
    " e.last_run_at, $6, $8, $9 FROM ended AS e)"
    " SELECT e.state FROM ended AS e",
    9,
    {UUIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID},
    nullptr};
Statement s_put_back{
    "UPDATE ayb_jobs.job_queue AS q SET state = 'queued', attempts = q.attempts - 1,"
    " waits_for = " AYB_WAITS_FOR ", worker_id = NULL, lease_until = NULL, updated_at = $4"
    " WHERE " AYB_MINE,
    4,
    {UUIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID},
    nullptr};
Statement s_cancel{
    "WITH ended AS (UPDATE ayb_jobs.job_queue AS q SET state = 'canceled', canceled_at = $4,"
    " worker_id = NULL, lease_until = NULL, updated_at = $4 WHERE " AYB_MINE
    " RETURNING q.id, q.attempts, q.run_as, q.last_run_at),"
    " noted AS (INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id,"
    " started_at, finished_at, error, sqlstate) SELECT e.id, e.attempts, e.run_as, 'canceled', $2,"
    " e.last_run_at, $4, 'canceled while it ran', '57014' FROM ended AS e)"
    " SELECT e.id FROM ended AS e",
    4,
    {UUIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID},
    nullptr};

#undef AYB_MINE

// Uniform in [0, 1): spreads the retries of jobs that failed together.
double jitter() {
    uint32 random = 0;
    if (!pg_strong_random(&random, sizeof(random)))
        random = 0;
    return random / 4294967296.0;
}

Parameters mine(const core::Uuid &id, const char *worker, int attempt) {
    Parameters parameters;
    parameters.set(1, uuid_datum(id)).set_text(2, worker).set(3, Int32GetDatum(attempt));
    return parameters;
}

} // namespace

bool complete_job(const core::Uuid &id, const char *worker, int attempt,
                  const HandlerResult &result, TimestampTz now) {
    Parameters parameters = mine(id, worker, attempt);
    if (settings::retention == 0)
        return run_statement(s_forget, parameters) > 0;
    ensure_history(now);
    if (!result.null)
        parameters.set(4, result.value);
    return run_statement(s_complete, parameters.set_time(5, now)) > 0;
}

bool fail_job(const core::Uuid &id, const char *worker, int attempt, const Failure &failure,
              const char *error, const char *status, TimestampTz retry_at, TimestampTz now,
              bool *failed) {
    Parameters parameters = mine(id, worker, attempt);
    parameters.set_time(4, retry_at).set_text(5, error).set_time(6, now).set_text(7, status);
    parameters.set_text(8, failure.message);
    if (failure.sqlstate[0] != '\0')
        parameters.set_text(9, failure.sqlstate);
    if (run_statement(s_fail, parameters) == 0)
        return false;
    *failed = strcmp(text_column(0, 1), "failed") == 0;
    return true;
}

bool put_back_job(const core::Uuid &id, const char *worker, int attempt, TimestampTz now) {
    return run_statement(s_put_back, mine(id, worker, attempt).set_time(4, now)) > 0;
}

bool cancel_job(const core::Uuid &id, const char *worker, int attempt, TimestampTz now) {
    return run_statement(s_cancel, mine(id, worker, attempt).set_time(4, now)) > 0;
}

TimestampTz retry_time(const char *type, int attempt, TimestampTz now) {
    const Handler *handler = find_handler(type);
    const int64 wait_ms =
        handler != nullptr && handler->backoff_count > 0
            ? core::stepped_backoff_ms(attempt, handler->backoff_ms, handler->backoff_count)
            : core::default_backoff_ms(attempt, jitter());
    return later(now, wait_ms * kMicrosecondsPerMillisecond);
}

const char *error_text(const Failure &failure) {
    return failure.sqlstate[0] == '\0'
               ? pstrdup(failure.message)
               : psprintf("ERROR: %s (SQLSTATE %s)", failure.message, failure.sqlstate);
}

void set_failure(Failure *failure, const char *sqlstate, const char *message) {
    strlcpy(failure->sqlstate, sqlstate, sizeof(failure->sqlstate));
    const int bytes = pg_mbcliplen(message, static_cast<int>(strlen(message)), kErrorTextBytes - 1);
    memcpy(failure->message, message, bytes);
    failure->message[bytes] = '\0';
}

} // namespace ayb
