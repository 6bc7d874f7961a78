// run_here(): due jobs of the caller's role, run in the caller's transaction, for tests.
#include "base/arguments.hpp"
#include "flows/look.hpp"
#include "handlers/call.hpp"
#include "inside/log.hpp"
#include "inside/snooze.hpp"
#include "jobs/finish.hpp"
#include "jobs/taking.hpp"
#include "memory/my_slot.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

// In the order in which a worker takes them.
Sql<const char *, Oid, At, int, int64> g_due{R"sql(
    SELECT q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.type = $1 AND q.run_as = $2 AND q.state = 'queued' AND q.run_at <= $3
        AND (q.waits_for IS NULL OR q.waits_for = 'time')
    ORDER BY q.run_at + q.priority * ($5 * interval '1 ms'), q.id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)sql"};
// Of a type whose keys go in order the first one of each key, and none of a key of which one runs;
// what has no key as above. The first by id of those that have come due, or have been started.
#define AYB_IN_LINE(row)                                                                           \
    row ".state = 'queued' AND (" row ".waits_for IS NULL OR " row ".waits_for = 'time' AND " row  \
        ".run_at <= $3)"
Sql<const char *, Oid, At, int, int64> g_due_in_order{R"sql(
    SELECT q.id
    FROM ayb_jobs.job_queue AS q
    WHERE q.type = $1 AND q.run_as = $2 AND q.run_at <= $3 AND )sql" AYB_IN_LINE("q") R"sql(
        AND NOT EXISTS (
            SELECT FROM ayb_jobs.job_queue AS e
            WHERE e.type = $1 AND e.partition_key = q.partition_key
                AND (e.state = 'running' OR e.run_as = $2 AND e.id < q.id AND )sql" AYB_IN_LINE(
    "e") R"sql())
    ORDER BY q.run_at + q.priority * ($5 * interval '1 ms'), q.id
    LIMIT $4
    FOR UPDATE SKIP LOCKED
)sql"};
#undef AYB_IN_LINE
// One that ran before may have canceled it, or put it off.
Sql<core::Uuid, At> g_still_due{R"sql(
    SELECT q.registration, q.enqueued_by::oid
    FROM ayb_jobs.job_queue AS q
    WHERE q.id = $1 AND q.state = 'queued' AND q.run_at <= $2
        AND (q.waits_for IS NULL OR q.waits_for = 'time')
)sql"};

// What came of one run.
struct Ended {
    State state;
    HandlerResult result;
    const char *error; // null for none
};

[[noreturn]] void refuse_handler(const char *type, const Handler *handler) {
    if (handler == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("no handler is registered for type \"%s\"", type),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
                        errhint("Register one with ayb_jobs.register_handler().")));
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("the handler of type \"%s\" is no function", type),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "type"),
                    errhint("A command commits by itself, and a worker outside is not here: let "
                            "these run, and wait for the job.")));
    pg_unreachable();
}

// A copy: a job may register another one.
Handler function_of(const char *type) {
    const Handler *handler = find_handler(type);
    if (handler == nullptr || handler->kind != Kind::function)
        refuse_handler(type, handler);
    return *handler;
}

// Charges an attempt, as a claim does. False where it isn't due any more.
bool begin(const core::Uuid &id, TimestampTz now, Job *job) {
    MemoryContext context = CurrentMemoryContext;
    return in_books([&] {
        Bond bond{};
        std::optional<core::Uuid> registration;
        if (g_still_due.run(id, At{now}) == 0)
            return false;
        read_row(0, &registration, &bond.enqueued_by);
        if (registration) {
            bond.registration = *registration;
            job->bond = bond;
        }
        char worker[kWorkerIdBytes];
        session_name(worker);
        const Datum ids[] = {uuid_datum(id)};
        const UuidArray array(uuid_array(ids, 1));
        const TimestampTz lease = later(now, settings::lease_duration * USECS_PER_SEC);
        take_rows(array, Taker{worker, std::nullopt, now, lease});
        Datum payload = 0;
        read_row(0, &job->id, &job->type, &payload, &job->attempt, &job->max_attempts, &job->run);
        MemoryContext before = MemoryContextSwitchTo(context);
        job->payload = PointerGetDatum(PG_DETOAST_DATUM_COPY(payload));
        MemoryContextSwitchTo(before);
        return true;
    });
}

Datum whole_log() {
    Size bytes = 0;
    return said_log(CurrentMemoryContext, &bytes);
}

// Who holds the run: this session.
bool end_well(const Job &job, const HandlerResult &result) {
    char worker[kWorkerIdBytes];
    session_name(worker);
    const auto snooze = said_snooze();
    const HandlerResult end{result.value, result.null, whole_log()};
    return in_books([&] {
        return snooze ? snooze_job(job.id, worker, job.run, *snooze, end.log, clock_now())
                      : complete_job(job.id, job.type, worker, job.run, end, clock_now());
    });
}

// In a subtransaction. What the job set is undone.
void call_handler(const Job &job, Ended *ended) {
    PushActiveSnapshot(GetTransactionSnapshot());
    const int level = NewGUCNestLevel();
    const Handler handler = function_of(job.type);
    const Oid me = GetUserId();
    const Oid function = require_code(handler, me);
    const Doubt doubt = job.bond ? doubt_of_bond(&handler, *job.bond, me) : Doubt::none;
    if (doubt != Doubt::none)
        refuse_doubt(handler, doubt, job.bond->enqueued_by);
    Callable callable;
    prepare_call(handler, function, CurrentMemoryContext, &callable);
    ended->result = call(&callable, job.payload);
    AtEOXact_GUC(false, level);
    PopActiveSnapshot();
    if (!end_well(job, ended->result))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("job %s was taken away from its handler", uuid_text(job.id))));
    ended->state = said_snooze() ? State::queued : State::completed;
}

// After an error: what the handler did is rolled back, the failure is recorded. A cancel is for the
// caller, as is a timeout of theirs.
void fail(const Job &job, MemoryContext context, Ended *ended) {
    end_job_here();
    MemoryContextSwitchTo(context);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    MemoryContextSwitchTo(context);
    if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
        ReThrowError(error);
    auto *failure = static_cast<Failure *>(palloc0(sizeof(Failure)));
    set_failure(failure, *error);
    failure->log = whole_log();
    ended->error = error_text(*failure);
    const TimestampTz now = clock_now();
    const auto retry_at = gives_up(*failure)
                              ? std::nullopt
                              : std::make_optional(retry_time(job.type, job.attempt, now));
    char worker[kWorkerIdBytes];
    session_name(worker);
    bool failed = false;
    in_books([&] {
        fail_job(job.id, worker, job.run, *failure, ended->error, "failed", retry_at, now, &failed);
    });
    ended->result.null = true;
    ended->state = failed ? State::failed : State::queued;
}

void run(const Job &job, Ended *ended) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner resources = CurrentResourceOwner;
    forget_snooze();
    forget_log();
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        begin_job_here(job.id);
        call_handler(job, ended);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    { fail(job, context, ended); }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = resources;
    end_job_here();
    forget_snooze();
    forget_log();
}

void put_row(ReturnSetInfo *result, const Job &job, const Ended &ended) {
    Datum values[] = {uuid_datum(job.id), CStringGetTextDatum(job.type),
                      CStringGetTextDatum(core::word_of(ended.state)), ended.result.value,
                      ended.error != nullptr ? CStringGetTextDatum(ended.error) : 0};
    bool nulls[] = {false, false, false, ended.result.null, ended.error == nullptr};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// The ids of what is due, locked.
core::Uuid *find_due(const char *type, TimestampTz now, int most, uint64 *count) {
    MemoryContext context = CurrentMemoryContext;
    const Oid me = GetUserId();
    auto *due = is_ordered(type) ? &g_due_in_order : &g_due;
    return in_books([&] {
        *count = due->run(type, me, At{now}, most, settings::priority_step);
        auto *ids = static_cast<core::Uuid *>(
            MemoryContextAlloc(context, (*count + 1) * sizeof(core::Uuid)));
        for (uint64 row = 0; row < *count; row++)
            read_row(row, &ids[row]);
        return ids;
    });
}

int max_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "max");
    const int most = PG_GETARG_INT32(number);
    if (most < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max must be at least 1"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "max"),
                        errhint("It is how many runs there are at most.")));
    return most;
}

void refuse_inside() {
    if (in_job())
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("run_here() can't be called by a handler"),
                        errhint("What a handler enqueues runs once its job has completed.")));
}

} // namespace

} // namespace ayb

using namespace ayb;

// run_here(type, max) → setof (id, type, state, result, error)
AYB_SQL_FUNCTION(ayb_jobs_run_here) {
    const char *type = type_argument(fcinfo, 0);
    int left = max_argument(fcinfo, 1);
    refuse_inside();
    function_of(type);
    ReturnSetInfo *result = begin_set(fcinfo);
    uint64 count = 1;
    while (left > 0 && count > 0) {
        const core::Uuid *ids = find_due(type, clock_now(), left, &count);
        for (uint64 i = 0; i < count; i++) {
            Job job{};
            Ended ended{};
            if (!begin(ids[i], clock_now(), &job))
                continue;
            run(job, &ended);
            in_books([&] { look_in_transaction(job.id); });
            put_row(result, job, ended);
            left--;
        }
    }
    return 0;
}
