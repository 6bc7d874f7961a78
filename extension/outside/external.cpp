// Workers outside the database: claim(), extend_lease(), complete(), fail().
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "handlers/handlers.hpp"
#include "jobs/finish.hpp"
#include "jobs/floor.hpp"
#include "lease/recover.hpp"
#include "memory/type_stats.hpp"
#include "outside/look.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"

namespace ayb {

namespace {

constexpr int kMaxClaim = 10000;

Statement s_claim{
    "WITH next AS MATERIALIZED ("
    " SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.type = $1 AND q.state = 'queued'"
    " AND q.waits_for = 'external'" AYB_FROM_FLOOR(
        "$8",
        "$9") " AND q.run_at <= $2 AND ($3 OR q.run_as = ANY ($4)) ORDER BY q.run_at, q.id LIMIT "
              "$5 FOR UPDATE SKIP LOCKED)"
              " UPDATE ayb_jobs.job_queue AS q SET state = 'running', attempts = q.attempts + 1, "
              "worker_id = "
              "$6,"
              " lease_until = $7, last_run_at = $2, updated_at = $2 FROM next WHERE q.id = next.id"
              " RETURNING q.id",
    9,
    {TEXTOID, TIMESTAMPTZOID, BOOLOID, OIDARRAYOID, INT4OID, TEXTOID, TIMESTAMPTZOID,
     TIMESTAMPTZOID, UUIDOID},
    nullptr};
Statement s_extend{
    "UPDATE ayb_jobs.job_queue AS q SET lease_until = $2, updated_at = $3 WHERE q.id = $1",
    3,
    {UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    nullptr};

struct Claim {
    const char *worker;
    Datum types;
    int jobs;
    bool admin;
    Datum roles;
    TimestampTz now;
    TimestampTz lease_until;
};

const char *worker_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "worker_id");
    const char *worker = text_argument(fcinfo, number);
    if (worker[0] == '\0' || strlen(worker) > 255)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("worker_id must be of 1 to 255 bytes"),
             errhint("Pass a name that no other worker has, such as host name and process id.")));
    return worker;
}

TimestampTz lease_argument(FunctionCallInfo fcinfo, int number, TimestampTz now) {
    const int64 ms = duration_argument(fcinfo, number, "lease",
                                       settings::lease_duration * static_cast<int64>(1000));
    if (ms > 366 * 86400000LL)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lease must be at most a year"),
                 errhint("Take a short one, and ayb_jobs.extend_lease() while the work goes on.")));
    return later(now, ms * kMicrosecondsPerMillisecond);
}

Claim make_claim(FunctionCallInfo fcinfo) {
    Claim claim{};
    claim.worker = worker_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "types");
    if (array_contains_nulls(PG_GETARG_ARRAYTYPE_P(1)))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("types must not contain nulls"),
                 errhint("Name the types of kind external that the worker can do.")));
    claim.types = PG_GETARG_DATUM(1);
    require_argument(fcinfo, 2, "max_jobs");
    claim.jobs = PG_GETARG_INT32(2);
    if (claim.jobs < 1 || claim.jobs > kMaxClaim)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("max_jobs must be between 1 and %d", kMaxClaim),
                        errhint("Claim again for more.")));
    claim.now = clock_now();
    claim.lease_until = lease_argument(fcinfo, 3, claim.now);
    claim.admin = is_admin(GetUserId());
    claim.roles = PointerGetDatum(claim.admin ? construct_empty_array(OIDOID) : visible_roles());
    return claim;
}

int claim_type(const Claim &claim, const DueType &due, int most, core::Uuid *out) {
    Parameters parameters;
    parameters.set_text(1, due.type).set_time(2, claim.now).set(3, BoolGetDatum(claim.admin));
    parameters.set(4, claim.roles).set(5, Int32GetDatum(most)).set_text(6, claim.worker);
    parameters.set_time(7, claim.lease_until);
    parameters.set_time(8, due.from.run_at).set(9, uuid_datum(due.from.id));
    const uint64 rows = run_statement(s_claim, parameters);
    for (uint64 row = 0; row < rows; row++) {
        bool null;
        out[row] = uuid_value(column(row, 1, &null));
    }
    return static_cast<int>(rows);
}

// The job, if the worker holds this attempt; an error that names the state found, if not.
Found require_held(const core::Uuid &id, const char *worker, int attempt, Oid me, bool admin) {
    const Found found = find_job(id, me, admin, true);
    if (!found.exists)
        no_such_job(id);
    const bool queued = strcmp(found.state, "queued") == 0;
    if (strcmp(found.state, "running") != 0)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("job %s is %s, not running", uuid_text(id), found.state),
                        queued ? errhint("Its lease may have ended: claim it again.")
                               : errhint("The job has ended: drop what this attempt has done.")));
    if (!found.external)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s runs inside the database", uuid_text(id)),
                 errhint("Only jobs that ayb_jobs.claim() gave out are ended from outside.")));
    if (strcmp(found.worker, worker) != 0 || found.attempt != attempt)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s is held by another worker or attempt", uuid_text(id)),
                 errdetail("Worker \"%s\" has it, in attempt %d.", found.worker, found.attempt),
                 errhint("The lease of this attempt may have ended: drop what it has done.")));
    return found;
}

int attempt_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "attempt");
    return PG_GETARG_INT32(number);
}

void count_external(const Found &job, Outcome outcome) {
    if (preloaded())
        add_outcome(MyDatabaseId, job.run_as, job.type, outcome, -1, -1, -1);
}

} // namespace

} // namespace ayb

using namespace ayb;

// claim(worker_id, types, max_jobs, lease) → setof jobs
AYB_SQL_FUNCTION(ayb_jobs_claim) {
    const Claim claim = make_claim(fcinfo);
    ReturnSetInfo *result = begin_set(fcinfo);
    bool paused = all_paused();
    auto *ids = static_cast<core::Uuid *>(palloc(claim.jobs * sizeof(core::Uuid)));
    int count = 0;

    const Books books = open_books();
    recover_expired_external(claim.now, claim.admin, claim.roles);
    int types = 0;
    const DueType *due = due_external_types(claim.types, claim.now, &types);
    for (int i = 0; i < types && count < claim.jobs && !paused; i++)
        count += claim_type(claim, due[i], claim.jobs - count, ids + count);
    for (int i = 0; i < count; i++) {
        bool null;
        const Datum row = job_row(ids[i], &null);
        HeapTupleHeader header = DatumGetHeapTupleHeader(row);
        HeapTupleData tuple{};
        tuple.t_len = HeapTupleHeaderGetDatumLength(header);
        tuple.t_data = header;
        tuplestore_puttuple(result->setResult, &tuple);
    }
    close_books(books);
    PG_RETURN_NULL();
}

// extend_lease(id, worker_id, attempt, lease) → jobs
AYB_SQL_FUNCTION(ayb_jobs_extend_lease) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const char *worker = worker_argument(fcinfo, 1);
    const int attempt = attempt_argument(fcinfo, 2);
    const TimestampTz now = clock_now();
    const TimestampTz lease_until = lease_argument(fcinfo, 3, now);
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    MemoryContext context = CurrentMemoryContext;

    const Books books = open_books();
    require_held(id, worker, attempt, me, admin);
    Parameters parameters;
    run_statement(s_extend,
                  parameters.set(1, uuid_datum(id)).set_time(2, lease_until).set_time(3, now));
    bool null;
    const Datum row = copy_row(job_row(id, &null), context);
    close_books(books);
    PG_RETURN_DATUM(row);
}

// complete(id, worker_id, attempt, result) → jobs; NULL where no history is kept
AYB_SQL_FUNCTION(ayb_jobs_complete) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const char *worker = worker_argument(fcinfo, 1);
    const int attempt = attempt_argument(fcinfo, 2);
    HandlerResult result{};
    result.null = PG_ARGISNULL(3);
    if (!result.null) {
        result.value = PG_GETARG_DATUM(3);
        check_json_size(result.value, "result");
    }
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    MemoryContext context = CurrentMemoryContext;

    const Books books = open_books();
    const Found job = require_held(id, worker, attempt, me, admin);
    complete_job(id, worker, attempt, result, clock_now());
    bool null;
    const Datum row = job_row(id, &null);
    const Datum copy = null ? row : copy_row(row, context);
    close_books(books);
    count_external(job, Outcome::completed);
    if (null)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(copy);
}

// fail(id, worker_id, attempt, error, retry_in) → jobs
AYB_SQL_FUNCTION(ayb_jobs_fail) {
    const core::Uuid id = id_argument(fcinfo, 0);
    const char *worker = worker_argument(fcinfo, 1);
    const int attempt = attempt_argument(fcinfo, 2);
    require_argument(fcinfo, 3, "error");
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    set_failure(failure, "", text_argument(fcinfo, 3));
    const TimestampTz now = clock_now();
    const Oid me = GetUserId();
    const bool admin = is_admin(me);
    MemoryContext context = CurrentMemoryContext;
    int64 retry_ms = -1;
    if (!PG_ARGISNULL(4)) {
        retry_ms = interval_milliseconds(PG_GETARG_INTERVAL_P(4));
        if (retry_ms < 0)
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("retry_in must not be negative"),
                            errhint("Leave it out for the back-off.")));
    }

    const Books books = open_books();
    const Found job = require_held(id, worker, attempt, me, admin);
    const TimestampTz retry_at = retry_ms < 0 ? retry_time(job.type, attempt, now)
                                              : later(now, retry_ms * kMicrosecondsPerMillisecond);
    bool failed = false;
    fail_job(id, worker, attempt, *failure, failure->message, "failed", retry_at, now, &failed);
    bool null;
    const Datum row = copy_row(job_row(id, &null), context);
    close_books(books);
    count_external(job, failed ? Outcome::failed : Outcome::retried);
    PG_RETURN_DATUM(row);
}
