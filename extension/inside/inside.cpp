// What a handler may ask and say about the job that it runs for.
#include "inside/progress.hpp"
#include "inside/result.hpp"

#include "base/arguments.hpp"
#include "base/job.hpp"
#include "base/rows.hpp"
#include "jobs/history.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/extension.hpp"
#include "pg/text.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

void *g_result; // in TopMemoryContext: it outlives the command's transactions

}

void forget_result() {
    if (g_result != nullptr)
        pfree(g_result);
    g_result = nullptr;
}

Progress progress_arguments(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "percent");
    const int percent = PG_GETARG_INT32(number);
    if (percent < 0 || percent > 100)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("percent must be between 0 and 100"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "percent"),
                        errhint("100 is all of the work that the job has to do.")));
    const char *note = text_argument(fcinfo, number + 1);
    return {percent, note == nullptr ? "" : pnstrdup(note, clipped_bytes(note, kNoteBytes - 1))};
}

Datum taken_result() { return PointerGetDatum(g_result); }

namespace {

// The row of a job in a group is untouched; its handler sees it as it would by lease.
Datum as_running(Datum row) {
    const WorkerSlot &slot = *my_slot();
    return changed_row(row, {{"state", CStringGetTextDatum("running")},
                             {"worker_id", CStringGetTextDatum(slot.worker_id)},
                             {"attempts", Int32GetDatum(1)}, // groups take first attempts
                             {"runs", Int32GetDatum(slot.run)},
                             {"last_run_at", TimestampTzGetDatum(slot.job_since)}});
}

// What the completion will lock is locked as it will: a weaker lock that is to be made stronger
// later deadlocks with whoever came in between, as REINDEX does.
void lock_for_completion() {
    const TimestampTz now = clock_now();
    for (const Oid table : {extension_table("job_queue"), history_table(now, now)})
        if (OidIsValid(table))
            LockRelationOid(table, RowExclusiveLock);
}

} // namespace

} // namespace ayb

using namespace ayb;

// current_job() → jobs
AYB_SQL_FUNCTION(ayb_jobs_current_job) {
    if (!in_job())
        PG_RETURN_NULL();
    MemoryContext context = CurrentMemoryContext;
    if (!in_group())
        lock_for_completion();
    const Datum found = in_books([context] {
        const Datum row = job_row(*my_job());
        return copy_row(row != 0 && in_group() ? as_running(row) : row, context);
    });
    if (found == 0)
        PG_RETURN_NULL();
    PG_RETURN_DATUM(found);
}

// give_up(reason) → never
AYB_SQL_FUNCTION(ayb_jobs_give_up) {
    require_argument(fcinfo, 0, "reason");
    job_of_handler("give_up()", "A worker outside calls ayb_jobs.fail() with final => true.");
    ereport(ERROR, (errcode(MAKE_SQLSTATE(kGivenUp[0], kGivenUp[1], kGivenUp[2], kGivenUp[3],
                                          kGivenUp[4])),
                    errmsg_internal("%s", text_argument(fcinfo, 0))));
    PG_RETURN_VOID();
}

// set_progress(percent, note) → void
AYB_SQL_FUNCTION(ayb_jobs_set_progress) {
    const Progress said = progress_arguments(fcinfo, 0);
    job_of_handler(
        "set_progress()",
        "Call it in the function that ayb_jobs.register_handler() named; a worker outside "
        "passes the job: ayb_jobs.set_progress(id, worker_id, attempt, percent).");
    report_progress(said.percent, said.note);
    PG_RETURN_VOID();
}

// set_result(result) → void
AYB_SQL_FUNCTION(ayb_jobs_set_result) {
    require_argument(fcinfo, 0, "result");
    check_json_size(PG_GETARG_DATUM(0), "result");
    const varlena *result = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
    forget_result();
    g_result = MemoryContextAlloc(TopMemoryContext, VARSIZE(result));
    memcpy(g_result, result, VARSIZE(result));
    PG_RETURN_VOID();
}
