// Workers outside the database: claim(), extend(), complete(), fail(), snooze().
#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "handlers/handlers.hpp"
#include "jobs/finish.hpp"
#include "jobs/line.hpp"
#include "jobs/taking.hpp"
#include "lease/recover.hpp"
#include "memory/databases.hpp"
#include "outside/held.hpp"
#include "outside/look.hpp"
#include "outside/worker.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "records/type_stats.hpp"
#include "turns/counting.hpp"

namespace ayb {

namespace {

constexpr int kMaxClaim = 10000;

Sql<core::Uuid, const char *, int, Oid, At, At> g_extend{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET lease_until = $5, updated_at = $6
    WHERE q.id = $1 AND q.lease_until IS NOT NULL AND q.worker_id = $2 AND q.runs = $3
        AND q.claimed_by = $4
)sql"};

struct Claim {
    const char *worker;
    Datum types;
    int jobs;
    Oid me;
    Viewer viewer;
    TimestampTz now;
    TimestampTz lease_until;
};

Claim make_claim(FunctionCallInfo fcinfo) {
    Claim claim{};
    claim.worker = worker_argument(fcinfo, 0);
    claim.types = types_argument(fcinfo, 1);
    require_argument(fcinfo, 2, "max_jobs");
    claim.jobs = PG_GETARG_INT32(2);
    if (claim.jobs < 1 || claim.jobs > kMaxClaim)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("max_jobs must be between 1 and %d", kMaxClaim),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "max_jobs"),
                        errhint("Claim again for more.")));
    claim.now = clock_now();
    claim.lease_until = lease_argument(fcinfo, 3, claim.now);
    claim.me = GetUserId();
    claim.viewer = viewer(Right::admin);
    return claim;
}

constexpr int kMostKeys = 64; // that have a turn in one look
constexpr int kMostLooks = 16;

// Whether there are keys beside those that were looked at.
bool has_more_keys(const Picks &picks) {
    for (int i = 0; i < picks.count; i++)
        if (picks.lanes[i].turns != nullptr && picks.lanes[i].turns->more)
            return true;
    return false;
}

// Locks the first due jobs that nobody has locked, and says which.
int lock_some(const Claim &claim, int keys, Datum *ids, bool *more) {
    const bool raise = may_raise_floors();
    TimestampTz next;
    const Picks picks = due_outside(claim.types, claim.viewer, claim.now, keys, &next);
    PushActiveSnapshot(GetTransactionSnapshot()); // younger than the picks
    Line line = open_line(picks, claim.now, raise);
    int count = 0;
    while (count < claim.jobs && next_in_line(&line))
        if (take_in_line(&line))
            ids[count++] = uuid_datum(line.here->at.id);
    // What was left is out of the way of others then.
    *more = settle_left(line) || has_more_keys(picks) || has_other_roles(picks);
    close_line(&line);
    PopActiveSnapshot();
    return count;
}

// Of types that have no limit yet: one that is set meanwhile counts what is claimed.
void note_claiming(Datum types) {
    Datum *names;
    int count;
    deconstruct_array(DatumGetArrayTypeP(types), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr,
                      &count);
    for (int i = 0; i < count; i++)
        hold_count(limit_key(TextDatumGetCString(names[i])));
}

// Some of the keys may have no job left, so that there is room for more of them; and where none
// has, others are looked at.
int lock_due(const Claim &claim, Datum *ids) {
    const int keys = Min(2 * claim.jobs + 2, kMostKeys);
    int count = 0;
    bool more = true;
    for (int look = 0; look < kMostLooks && count == 0 && more; look++)
        count = lock_some(claim, keys, ids, &more);
    return count;
}

// Where a job that was taken stands in the answer of take_rows().
struct Taken {
    core::Uuid id;
    uint64 row;
};

int by_id(const void *one, const void *other) {
    const core::Uuid &left = static_cast<const Taken *>(one)->id;
    const core::Uuid &right = static_cast<const Taken *>(other)->id;
    return left < right ? -1 : right < left;
}

// The row as a claimed_job, whose lease_until they all share.
void put_claimed(ReturnSetInfo *result, uint64 row, TimestampTz lease_until) {
    constexpr int kLease = 6;
    constexpr int kColumns[] = {1, 2, 3, 6, 5, 7, 0, 8, 9}; // of take_rows()
    Datum values[lengthof(kColumns)] = {};
    bool nulls[lengthof(kColumns)] = {};
    for (Size i = 0; i < lengthof(kColumns); i++) {
        nulls[i] = i != kLease && is_null(row, kColumns[i]);
        if (i != kLease && !nulls[i])
            read_column(row, kColumns[i], &values[i]);
    }
    values[kLease] = TimestampTzGetDatum(lease_until);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// Takes the jobs that are locked, and hands them out in their order. Inside the books.
void take_locked(const Claim &claim, const Datum *ids, int count, ReturnSetInfo *result) {
    const Taker taker{claim.worker, claim.me, claim.now, claim.lease_until};
    const uint64 rows = take_rows(UuidArray(uuid_array(ids, count)), taker);
    auto *taken = static_cast<Taken *>(palloc(rows * sizeof(Taken)));
    for (uint64 row = 0; row < rows; row++) {
        taken[row].row = row;
        read_column(row, 1, &taken[row].id);
    }
    qsort(taken, rows, sizeof(Taken), by_id);
    for (int i = 0; i < count; i++) {
        const Taken wanted{uuid_value(ids[i]), 0};
        const void *found = bsearch(&wanted, taken, rows, sizeof(Taken), by_id);
        if (found != nullptr)
            put_claimed(result, static_cast<const Taken *>(found)->row, claim.lease_until);
    }
}

// Where some jobs aren't kept, its type says whether it is. Inside the books.
Completed complete_one(const Attempt &held, const HandlerResult &result) {
    const TimestampTz now = clock_now();
    if (settings::retention == 0 || ARR_NDIM(unkept_types()) > 0) {
        const Held job = require_held(held);
        if (settings::retention == 0 || !keeps_history(job.type)) {
            complete_job(held.id, job.type, held.worker, held.run, result, now);
            Completed gone{true, 0, "", job.run_as};
            strlcpy(gone.type, job.type, sizeof(gone.type));
            return gone;
        }
    }
    const Completed done = complete_held(held.id, held.worker, held.run, held.me, result, now);
    if (!done.held)
        refuse_held(held);
    return done;
}

} // namespace

} // namespace ayb

using namespace ayb;

// claim(worker_id, types, max_jobs, lease) → setof claimed_job
AYB_SQL_FUNCTION(ayb_jobs_claim) {
    const Claim claim = make_claim(fcinfo);
    ReturnSetInfo *result = begin_set(fcinfo);
    const Database *database = find_database(MyDatabaseId);
    const bool paused = all_paused() || (database != nullptr && database->dormant);
    auto *ids = static_cast<Datum *>(palloc(claim.jobs * sizeof(Datum)));
    in_books([&] {
        recover_expired_external(claim.now, claim.viewer);
        note_claiming(claim.types);
        const int count = paused ? 0 : lock_due(claim, ids);
        if (count > 0)
            take_locked(claim, ids, count, result);
    });
    PG_RETURN_NULL();
}

// extend(id, worker_id, attempt, lease) → jobs
AYB_SQL_FUNCTION(ayb_jobs_extend) {
    const Attempt held = attempt_arguments(fcinfo);
    const TimestampTz now = clock_now();
    const TimestampTz lease_until = lease_argument(fcinfo, 3, now);
    PG_RETURN_DATUM(in_bounded_books([&] {
        if (g_extend.run(held.id, held.worker, held.run, held.me, At{lease_until}, At{now}) == 0)
            refuse_held(held);
        return copy_row(job_row(held.id), held.context);
    }));
}

// complete(id, worker_id, attempt, result) → jobs; NULL where no history is kept
AYB_SQL_FUNCTION(ayb_jobs_complete) {
    const Attempt held = attempt_arguments(fcinfo);
    HandlerResult result{};
    result.null = PG_ARGISNULL(3);
    if (!result.null) {
        result.value = PG_GETARG_DATUM(3);
        check_json_size(result.value, "result");
    }
    Completed job{};
    const Datum row = in_bounded_books([&] {
        job = complete_one(held, result);
        return copy_row(job.row, held.context);
    });
    count_outcome(job.run_as, job.type, Outcome::completed);
    if (row == 0)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(row);
}

// fail(id, worker_id, attempt, error, retry_in, final) → jobs
AYB_SQL_FUNCTION(ayb_jobs_fail) {
    const Attempt held = attempt_arguments(fcinfo);
    require_argument(fcinfo, 3, "error");
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    set_failure(failure, "", text_argument(fcinfo, 3));
    const TimestampTz now = clock_now();
    const NextTry next = next_try_argument(fcinfo, 4, 5, now);
    Held job;
    bool failed = false;
    const Datum row = in_bounded_books([&] {
        job = require_held(held);
        fail_job(held.id, held.worker, held.run, *failure, failure->message, "failed",
                 next.of(job.type, job.attempt, now), now, &failed);
        return copy_row(job_row(held.id), held.context);
    });
    count_outcome(job.run_as, job.type, failed ? Outcome::failed : Outcome::retried);
    PG_RETURN_DATUM(row);
}

// snooze(id, worker_id, attempt, delay, payload) → jobs
AYB_SQL_FUNCTION(ayb_jobs_snooze_held) {
    const Attempt held = attempt_arguments(fcinfo);
    const TimestampTz now = clock_now();
    const Snooze snooze = snooze_arguments(fcinfo, 3, 4, now);
    Held job;
    const Datum row = in_bounded_books([&] {
        job = require_held(held);
        snooze_job(held.id, held.worker, held.run, snooze, 0, now);
        return copy_row(job_row(held.id), held.context);
    });
    count_outcome(job.run_as, job.type, Outcome::snoozed);
    PG_RETURN_DATUM(row);
}
