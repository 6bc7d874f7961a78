#include "jobs/finish.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "core/backoff.hpp"
#include "handlers/handlers.hpp"
#include "jobs/history.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "pg/text.hpp"

namespace ayb {

namespace {

// A job that runs has a lease, and only such a one. Asked for its state instead, the planner may
// take the index of the leases for a short way, which under an old snapshot is a long one.
#define AYB_MINE "q.id = $1 AND q.lease_until IS NOT NULL AND q.worker_id = $2 AND q.runs = $3"

// Followed by what a statement needs beside.
template <typename... More> using OfMine = Sql<core::Uuid, const char *, int, More...>;

OfMine<std::optional<Json>, At> g_complete{
    R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        WHERE )sql" AYB_MINE R"sql(
        RETURNING )sql" AYB_LEAVING
    R"sql(, q.worker_id AS worker, q.attempts AS attempt, q.runs AS run,
            q.last_run_at AS started_at, $4 AS result, $5 AS ended_at
    ))sql" AYB_INTO_HISTORY};
// With retention = 0 nothing of the job stays.
OfMine<> g_forget{R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        WHERE )sql" AYB_MINE R"sql(
        RETURNING )sql" AYB_KEY_COLUMNS("q") R"sql(
    ),
    keys AS ()sql" AYB_FREE_KEYS("done") R"sql(),
    attempts AS (DELETE FROM ayb_jobs.job_attempts AS a USING done AS d WHERE a.job_id = d.id)
    SELECT d.id FROM done AS d
)sql"};
OfMine<std::optional<At>, const char *, At, const char *, const char *, const char *> g_fail{R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = CASE WHEN q.attempts >= q.max_attempts OR $4 IS NULL THEN 'failed' ELSE 'queued' END,
            run_at = CASE WHEN q.attempts >= q.max_attempts THEN q.run_at ELSE coalesce($4, q.run_at) END,
            worker_id = NULL, claimed_by = NULL, lease_until = NULL, last_error = $5, updated_at = $6,
            waits_for = NULL
        WHERE )sql" AYB_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at, q.state
    ),
    noted AS (
        INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id,
            started_at, finished_at, error, sqlstate)
        SELECT e.id, e.runs, e.run_as, $7, $2, e.last_run_at, $6, $8, $9 FROM ended AS e
    )
    SELECT e.state FROM ended AS e
)sql"};
OfMine<At, std::optional<At>> g_put_back{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'queued', attempts = q.attempts - 1, worker_id = NULL, claimed_by = NULL,
        lease_until = NULL, updated_at = $4, run_at = coalesce($5, q.run_at), waits_for = NULL
    WHERE )sql" AYB_MINE};
OfMine<At> g_cancel{R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = 'canceled', canceled_at = $4, worker_id = NULL, claimed_by = NULL,
            lease_until = NULL, updated_at = $4
        WHERE )sql" AYB_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at
    ),
    noted AS (
        INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id,
            started_at, finished_at, error, sqlstate)
        SELECT e.id, e.runs, e.run_as, 'canceled', $2, e.last_run_at, $4,
            'canceled while it ran', '57014'
        FROM ended AS e
    )
    SELECT e.id FROM ended AS e
)sql"};

#undef AYB_MINE

std::optional<At> optional_at(std::optional<TimestampTz> at) {
    return at ? std::optional<At>(At{*at}) : std::nullopt;
}

// Uniform in [0, 1): spreads the retries of jobs that failed together.
double jitter() {
    uint32 random = 0;
    if (!pg_strong_random(&random, sizeof(random)))
        random = 0;
    return random / 4294967296.0;
}

} // namespace

bool complete_job(const core::Uuid &id, const char *worker, int run, const HandlerResult &result,
                  TimestampTz now) {
    if (settings::retention == 0)
        return g_forget.run(id, worker, run) > 0;
    ensure_history(now);
    const auto value = result.null ? std::nullopt : std::make_optional<Json>(result.value);
    return g_complete.run(id, worker, run, value, At{now}) > 0;
}

bool fail_job(const core::Uuid &id, const char *worker, int run, const Failure &failure,
              const char *error, const char *status, std::optional<TimestampTz> retry_at,
              TimestampTz now, bool *failed) {
    const char *sqlstate = failure.sqlstate[0] != '\0' ? failure.sqlstate : nullptr;
    if (g_fail.run(id, worker, run, optional_at(retry_at), error, At{now}, status, failure.message,
                   sqlstate) == 0)
        return false;
    State state = State::queued;
    read_row(0, &state);
    *failed = state == State::failed;
    return true;
}

bool put_back_job(const core::Uuid &id, const char *worker, int run, TimestampTz now,
                  std::optional<TimestampTz> run_at) {
    return g_put_back.run(id, worker, run, At{now}, optional_at(run_at)) > 0;
}

bool cancel_job(const core::Uuid &id, const char *worker, int run, TimestampTz now) {
    return g_cancel.run(id, worker, run, At{now}) > 0;
}

TimestampTz retry_time(const char *type, int attempt, TimestampTz now) {
    const Handler *handler = find_handler(type);
    const int64 wait_ms =
        handler != nullptr && handler->backoff_count > 0
            ? core::stepped_backoff_ms(attempt, handler->backoff_ms, handler->backoff_count)
            : core::default_backoff_ms(attempt, jitter());
    return Min(later(now, wait_ms * kMicrosecondsPerMillisecond), latest_run_at());
}

const char *error_text(const Failure &failure) {
    return failure.sqlstate[0] == '\0'
               ? pstrdup(failure.message)
               : psprintf("ERROR: %s (SQLSTATE %s)", failure.message, failure.sqlstate);
}

bool gives_up(const Failure &failure) { return strcmp(failure.sqlstate, kGivenUp) == 0; }

void set_failure(Failure *failure, const char *sqlstate, const char *message) {
    strlcpy(failure->sqlstate, sqlstate, sizeof(failure->sqlstate));
    const int bytes = clipped_bytes(message, kErrorTextBytes - 1);
    memcpy(failure->message, message, bytes);
    failure->message[bytes] = '\0';
}

} // namespace ayb
