#include "jobs/finish.hpp"

#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "core/backoff.hpp"
#include "flows/finish.hpp"
#include "handlers/handlers.hpp"
#include "hooks/changes.hpp"
#include "jobs/history.hpp"
#include "letters/letters.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "pg/text.hpp"

namespace ayb {

namespace {

// A job that runs has a lease, and only such a one. Asked for its state instead, the planner may
// take the index of the leases for a short way, which under an old snapshot is a long one.
#define AYB_MINE "q.id = $1 AND q.lease_until IS NOT NULL AND q.worker_id = $2 AND q.runs = $3"
// The same of many, of a worker outside. Where the ids are in order, so are the rows locked: the
// books have no other plan for a few rows of a large table.
#define AYB_EACH "unnest($1, $2"
#define AYB_EACH_MINE                                                                              \
    "q.id = u.id AND q.runs = u.run AND q.lease_until IS NOT NULL AND q.worker_id = $3"            \
    " AND q.claimed_by = $4"

#define AYB_AS_IT_RAN                                                                              \
    ", q.worker_id AS worker, q.attempts AS attempt, q.runs AS run, q.last_run_at AS started_at,"
#define AYB_FAIL(retry_at, error, at)                                                              \
    "state = CASE WHEN q.attempts >= q.max_attempts OR " retry_at " IS NULL THEN 'failed'"         \
    " ELSE 'queued' END,"                                                                          \
    " run_at = CASE WHEN q.attempts >= q.max_attempts THEN q.run_at"                               \
    " ELSE coalesce(" retry_at ", q.run_at) END,"                                                  \
    " worker_id = NULL, claimed_by = NULL, lease_until = NULL, last_error = " error                \
    ", updated_at = " at ", waits_for = NULL"
// `said`: hint, context and log. What a worker outside has said is in the row, until the next run.
#define AYB_NOTE_FAILURE(status, worker, at, error, sqlstate, said)                                \
    "INSERT INTO ayb_jobs.job_attempts (job_id, attempt, run_as, status, worker_id, started_at,"   \
    " finished_at, error, sqlstate, hint, context, log) SELECT e.id, e.runs, e.run_as, " status    \
    ", " worker ", e.last_run_at, " at ", " error ", " sqlstate ", " said " FROM ended AS e"

// Followed by what a statement needs beside.
template <typename... More> using OfMine = Sql<core::Uuid, const char *, int, More...>;
template <typename... More> using OfEach = Sql<UuidArray, IntArray, const char *, Oid, More...>;

OfMine<std::optional<Json>, At, std::optional<Json>> g_complete{
    R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        WHERE )sql" AYB_MINE R"sql(
        RETURNING )sql" AYB_LEAVING AYB_AS_IT_RAN
    R"sql( $4 AS result, $5 AS ended_at, coalesce($6, q.log) AS log
    ))sql" AYB_INTO_HISTORY};
// A row of the history as the view jobs shows it, its columns in their order: to read it there
// would open every day.
#define AYB_AS_JOB                                                                                 \
    "ROW(id, type, payload, 'completed'::text, run_at, NULL::timestamptz, worker_id, attempts,"    \
    " max_attempts, last_error, last_run_at, idempotency_key,"                                     \
    " (SELECT s.id FROM ayb_jobs.schedules AS s WHERE s.id = schedule_id), created_at,"            \
    " completed_at, completed_at, NULL::timestamptz, run_as, result, scheduled_at, NULL::text,"    \
    " false, NULL::jsonb, NULL::smallint, partition_key, NULL::text, flow, enqueued_by, runs,"     \
    " meta, 'completed'::text, NULL::timestamptz)::ayb_jobs.jobs"
Sql<core::Uuid, const char *, int, Oid, std::optional<Json>, At> g_complete_held{
    "WITH done AS (DELETE FROM ayb_jobs.job_queue AS q WHERE " AYB_MINE
    " AND q.claimed_by = $4 RETURNING " AYB_LEAVING AYB_AS_IT_RAN
    " $5 AS result, $6 AS ended_at, q.log)" AYB_INTO_HISTORY
    " RETURNING type, run_as::oid, " AYB_AS_JOB};
OfEach<JsonArray, At> g_complete_each{
    R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        USING )sql" AYB_EACH R"sql(, $5) AS u (id, run, result)
        WHERE )sql" AYB_EACH_MINE R"sql(
        RETURNING )sql" AYB_LEAVING AYB_AS_IT_RAN R"sql( u.result AS result, $6 AS ended_at, q.log
    ))sql" AYB_INTO_HISTORY " RETURNING id, runs, run_as::oid, type"};
// The same where some types keep no history: $7. What is not kept takes what it has elsewhere
// along.
OfEach<JsonArray, At, TextArray> g_complete_some{
    R"sql(
    WITH done AS (
        DELETE FROM ayb_jobs.job_queue AS q
        USING )sql" AYB_EACH R"sql(, $5) AS u (id, run, result)
        WHERE )sql" AYB_EACH_MINE R"sql(
        RETURNING )sql" AYB_LEAVING AYB_AS_IT_RAN
    R"sql( u.result AS result, $6 AS ended_at, q.log, q.type <> ALL ($7) AS kept
    ),
    forgotten AS (SELECT d.id, d.run_as, d.enqueued_by, d.idempotency_key FROM done AS d WHERE NOT d.kept),
    keys AS ()sql" AYB_FREE_KEYS("forgotten") R"sql(),
    attempts AS (DELETE FROM ayb_jobs.job_attempts AS a USING forgotten AS f WHERE a.job_id = f.id),
    written AS ()sql" AYB_INTO_HISTORY R"sql( WHERE d.kept)
    SELECT d.id, d.run, d.run_as::oid, d.type, d.kept FROM done AS d
)sql"};
// With retention = 0, or of a type that isn't to be kept, nothing of the job stays.
#define AYB_FORGOTTEN                                                                              \
    " RETURNING " AYB_KEY_COLUMNS("q") ", q.runs, q.type), keys AS (" AYB_FREE_KEYS(               \
        "done") ")"                                                                                \
                ", attempts AS (DELETE FROM ayb_jobs.job_attempts AS a USING done AS d WHERE "     \
                "a.job_id = d.id)"                                                                 \
                " SELECT d.id, d.runs, d.run_as::oid, d.type FROM done AS d"
OfMine<> g_forget{
    "WITH done AS (DELETE FROM ayb_jobs.job_queue AS q WHERE " AYB_MINE AYB_FORGOTTEN};
OfEach<> g_forget_each{"WITH done AS (DELETE FROM ayb_jobs.job_queue AS q USING " AYB_EACH
                       ") AS u (id, run) WHERE " AYB_EACH_MINE AYB_FORGOTTEN};
OfMine<std::optional<At>, const char *, At, const char *, const char *, const char *, const char *,
       const char *, std::optional<Json>>
    g_fail{
        R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET )sql" AYB_FAIL("$4", "$5", "$6") R"sql(
        WHERE )sql" AYB_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at, q.state, q.type, q.log
    ),
    noted AS ()sql" AYB_NOTE_FAILURE("$7", "$2", "$6", "$8", "$9",
                                     "$10, $11, coalesce($12, e.log)") R"sql()
    SELECT e.state, e.type FROM ended AS e
)sql"};
OfEach<> g_hold_each{"SELECT q.id, q.runs, q.type, q.attempts FROM " AYB_EACH
                     ") AS u (id, run) JOIN ayb_jobs.job_queue AS q ON " AYB_EACH_MINE
                     " FOR UPDATE OF q"};
OfEach<TimeArray, TextArray, At> g_fail_each{
    R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET )sql" AYB_FAIL("u.retry_at", "u.error", "$7") R"sql(
        FROM )sql" AYB_EACH R"sql(, $5, $6) AS u (id, run, retry_at, error)
        WHERE )sql" AYB_EACH_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at, q.state, q.type, u.error, q.log
    ),
    noted AS ()sql" AYB_NOTE_FAILURE("'failed'", "$3", "$7", "e.error", "NULL",
                                     "NULL, NULL, e.log") R"sql()
    SELECT e.id, e.runs, e.run_as::oid, e.type, e.state FROM ended AS e
)sql"};
// A lease with half of its time left is left alone: each change of it is a new row in every index.
OfEach<At, At, At> g_extend_each{
    R"sql(
    WITH beat AS (
        UPDATE ayb_jobs.job_queue AS q SET lease_until = $5, updated_at = $7
        FROM )sql" AYB_EACH R"sql() AS u (id, run)
        WHERE )sql" AYB_EACH_MINE R"sql( AND q.lease_until < $6
        RETURNING q.id, q.runs
    )
    SELECT b.id, b.runs FROM beat AS b
    UNION ALL
    SELECT q.id, q.runs FROM )sql" AYB_EACH R"sql() AS u (id, run)
    JOIN ayb_jobs.job_queue AS q ON )sql" AYB_EACH_MINE R"sql( AND q.lease_until >= $6
)sql"};
OfMine<At, At, std::optional<Json>, std::optional<Json>> g_snooze{
    R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = 'queued', attempts = 0, run_at = $5, payload = coalesce($6, q.payload),
            worker_id = NULL, claimed_by = NULL, lease_until = NULL, updated_at = $4, waits_for = NULL
        WHERE )sql" AYB_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at, q.log
    ),
    noted AS ()sql" AYB_NOTE_FAILURE("'snoozed'", "$2", "$4", "NULL", "NULL",
                                     "NULL, NULL, coalesce($7, e.log)") R"sql()
    SELECT e.id FROM ended AS e
)sql"};
Sql<core::Uuid, int> g_drop_attempts{R"sql(
    DELETE FROM ayb_jobs.job_attempts AS a
    WHERE a.job_id = $1 AND a.attempt <= $2 AND a.letter IS NULL
)sql"};
OfMine<At, std::optional<At>> g_put_back{R"sql(
    UPDATE ayb_jobs.job_queue AS q
    SET state = 'queued', attempts = q.attempts - 1, worker_id = NULL, claimed_by = NULL,
        lease_until = NULL, updated_at = $4, run_at = coalesce($5, q.run_at), waits_for = NULL
    WHERE )sql" AYB_MINE};
OfMine<At, std::optional<Json>> g_cancel{R"sql(
    WITH ended AS (
        UPDATE ayb_jobs.job_queue AS q
        SET state = 'canceled', canceled_at = $4, worker_id = NULL, claimed_by = NULL,
            lease_until = NULL, updated_at = $4
        WHERE )sql" AYB_MINE R"sql(
        RETURNING q.id, q.runs, q.run_as, q.last_run_at, q.log
    ),
    noted AS ()sql" AYB_NOTE_FAILURE("'canceled'", "$2", "$4", "'canceled while it ran'", "'57014'",
                                     "NULL, NULL, coalesce($5, e.log)") R"sql()
    SELECT e.id FROM ended AS e
)sql"};

#undef AYB_MINE
#undef AYB_EACH
#undef AYB_EACH_MINE
#undef AYB_AS_IT_RAN
#undef AYB_FAIL
#undef AYB_NOTE_FAILURE
#undef AYB_FORGOTTEN
#undef AYB_AS_JOB

template <typename... More>
uint64 run_each(OfEach<More...> *statement, const Runs &runs, const More &...more) {
    return statement->run(runs.ids, runs.runs, runs.worker, runs.role, more...);
}

std::optional<At> optional_at(std::optional<TimestampTz> at) {
    return at ? std::optional<At>(At{*at}) : std::nullopt;
}

std::optional<Json> optional_json(Datum value, bool null) {
    return null ? std::nullopt : std::make_optional<Json>(value);
}

const char *clipped(const char *text) {
    return text == nullptr ? nullptr : pnstrdup(text, clipped_bytes(text, kErrorTextBytes - 1));
}

// What is counted as completed, and isn't kept, isn't there.
void note_forgotten(uint64 row) {
    Oid role = InvalidOid;
    char type[kTypeBytes] = "";
    read_column(row, 3, &role);
    read_column(row, 4, &type);
    if (preloaded())
        note_deleted(role, type, 1);
}

bool forget_job(const core::Uuid &id, const char *worker, int run) {
    const bool done = g_forget.run(id, worker, run) > 0;
    if (done)
        note_forgotten(0);
    return done;
}

uint64 complete_some(const Runs &runs, Datum results, TimestampTz now, const ArrayType *unkept) {
    const uint64 rows =
        run_each(&g_complete_some, runs, JsonArray(results), At{now}, TextArray(unkept));
    for (uint64 row = 0; row < rows; row++) {
        bool kept = true;
        read_column(row, 5, &kept);
        if (!kept)
            note_forgotten(row);
    }
    return rows;
}

// Uniform in [0, 1): spreads the retries of jobs that failed together.
double jitter() {
    uint32 random = 0;
    if (!pg_strong_random(&random, sizeof(random)))
        random = 0;
    return random / 4294967296.0;
}

// Away, or into the history.
bool end_job(const core::Uuid &id, const char *type, const char *worker, int run,
             const HandlerResult &result, TimestampTz now) {
    if (settings::retention == 0)
        return g_forget.run(id, worker, run) > 0;
    if (!keeps_history(type))
        return forget_job(id, worker, run);
    ensure_history(now);
    return g_complete.run(id, worker, run, optional_json(result.value, result.null), At{now},
                          optional_log(result.log)) > 0;
}

} // namespace

bool complete_job(const core::Uuid &id, const char *type, const char *worker, int run,
                  const HandlerResult &result, TimestampTz now) {
    if (!end_job(id, type, worker, run, result, now))
        return false;
    settle_completed(id, result.value, result.null, now);
    return true;
}

Completed complete_held(const core::Uuid &id, const char *worker, int run, Oid role,
                        const HandlerResult &result, TimestampTz now) {
    Completed completed{};
    ensure_history(now);
    completed.held = g_complete_held.run(id, worker, run, role,
                                         optional_json(result.value, result.null), At{now}) > 0;
    if (completed.held)
        read_row(0, &completed.type, &completed.run_as, &completed.row);
    if (completed.held)
        settle_completed(id, result.value, result.null, now);
    return completed;
}

bool fail_job(const core::Uuid &id, const char *worker, int run, const Failure &failure,
              const char *error, const char *status, std::optional<TimestampTz> retry_at,
              TimestampTz now, bool *failed) {
    const char *sqlstate = failure.sqlstate[0] != '\0' ? failure.sqlstate : nullptr;
    if (g_fail.run(id, worker, run, optional_at(retry_at), error, At{now}, status, failure.message,
                   sqlstate, failure.hint, failure.context, optional_log(failure.log)) == 0)
        return false;
    State state = State::queued;
    char type[kTypeBytes] = "";
    read_row(0, &state, &type);
    *failed = state == State::failed;
    if (*failed && leaves_letter(type)) {
        const Datum one = uuid_datum(id);
        leave_letters(UuidArray(uuid_array(&one, 1)), now);
    }
    drop_old_attempts(id, run);
    return true;
}

bool snooze_job(const core::Uuid &id, const char *worker, int run, const Snooze &snooze, Datum log,
                TimestampTz now) {
    if (g_snooze.run(id, worker, run, At{now}, At{next_step(snooze, now)}, next_payload(snooze),
                     optional_log(log)) == 0)
        return false;
    drop_old_attempts(id, run);
    return true;
}

TimestampTz next_step(const Snooze &snooze, TimestampTz now) {
    return Min(later(now, snooze.delay_ms * kMicrosecondsPerMillisecond), latest_run_at());
}

std::optional<Json> optional_log(Datum log) { return optional_json(log, log == 0); }

std::optional<Json> next_payload(const Snooze &snooze) {
    return optional_json(snooze.payload, snooze.payload == 0);
}

void drop_old_attempts(const core::Uuid &id, int run) {
    if (run % kKeptAttempts == 0)
        g_drop_attempts.run(id, run - kKeptAttempts);
}

bool put_back_job(const core::Uuid &id, const char *worker, int run, TimestampTz now,
                  std::optional<TimestampTz> run_at) {
    return g_put_back.run(id, worker, run, At{now}, optional_at(run_at)) > 0;
}

bool cancel_job(const core::Uuid &id, const char *worker, int run, TimestampTz now, Datum log) {
    return g_cancel.run(id, worker, run, At{now}, optional_log(log)) > 0;
}

uint64 complete_runs(const Runs &runs, Datum results, TimestampTz now) {
    if (settings::retention == 0)
        return run_each(&g_forget_each, runs);
    ensure_history(now);
    const ArrayType *unkept = unkept_types();
    if (ARR_NDIM(unkept) > 0)
        return complete_some(runs, results, now, unkept);
    return run_each(&g_complete_each, runs, JsonArray(results), At{now});
}

uint64 hold_runs(const Runs &runs) { return run_each(&g_hold_each, runs); }

uint64 fail_runs(const Runs &runs, Datum retry_at, Datum errors, TimestampTz now) {
    return run_each(&g_fail_each, runs, TimeArray(retry_at), TextArray(errors), At{now});
}

uint64 extend_runs(const Runs &runs, TimestampTz lease_until, TimestampTz now) {
    const TimestampTz half = now + (lease_until - now) / 2;
    return run_each(&g_extend_each, runs, At{lease_until}, At{half}, At{now});
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

void set_failure(Failure *failure, const ErrorData &error) {
    failure->hint = clipped(error.hint);
    failure->context = clipped(error.context);
    const char *message = error.message != nullptr ? error.message : "unknown error";
    set_failure(failure, unpack_sql_state(error.sqlerrcode),
                error.detail != nullptr ? psprintf("%s: %s", message, error.detail) : message);
}

} // namespace ayb
