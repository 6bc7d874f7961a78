#include "outside/held.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "handlers/handlers.hpp"
#include "outside/worker.hpp"

namespace ayb {

namespace {

Sql<core::Uuid, const char *, int, Oid> g_held{R"sql(
    SELECT q.type, q.run_as::oid, q.attempts
    FROM ayb_jobs.job_queue AS q
    WHERE q.id = $1 AND q.lease_until IS NOT NULL AND q.worker_id = $2 AND q.runs = $3
        AND q.claimed_by = $4
    FOR UPDATE
)sql"};

// Of a job of its roles, or one that it may work at.
bool may_know(const Attempt &attempt, const Found &job) {
    return attempt.admin || has_privs_of_role(attempt.me, job.run_as) ||
           may_work(job.type, job.run_as, attempt.me);
}

} // namespace

Attempt attempt_arguments(FunctionCallInfo fcinfo) {
    Attempt attempt{};
    attempt.id = id_argument(fcinfo, 0);
    attempt.worker = worker_argument(fcinfo, 1);
    require_argument(fcinfo, 2, "attempt");
    attempt.run = PG_GETARG_INT32(2);
    attempt.me = GetUserId();
    attempt.admin = is_admin(attempt.me);
    attempt.context = CurrentMemoryContext;
    return attempt;
}

void refuse_held(const Attempt &attempt) {
    const core::Uuid &id = attempt.id;
    const Found found = find_job(id, attempt.me, true, Whose::own, false);
    if (!found.exists || !may_know(attempt, found))
        refuse_job(id, attempt.me, Right::admin);
    const bool queued = found.state == State::queued;
    if (found.state != State::running)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s is %s, not running", uuid_text(id), core::word_of(found.state)),
                 queued ? errhint("Its lease may have ended: claim it again.")
                        : errhint("The job has ended: drop what this attempt has done.")));
    if (found.waits_for != WaitsFor::external)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("job %s is running inside the database", uuid_text(id)),
                 errhint("Only jobs that ayb_jobs.claim() gave out are ended from outside.")));
    const bool same = strcmp(found.worker, attempt.worker) == 0 && found.run == attempt.run;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("job %s is held by another worker or attempt", uuid_text(id)),
             same ? errdetail("Worker \"%s\" has claimed it by another role.", found.worker)
                  : errdetail("Worker \"%s\" has it, in attempt %d.", found.worker, found.run),
             errhint("The lease of this attempt may have ended: drop what it has done.")));
    pg_unreachable();
}

Held require_held(const Attempt &attempt) {
    if (g_held.run(attempt.id, attempt.worker, attempt.run, attempt.me) == 0)
        refuse_held(attempt);
    Held held{};
    read_row(0, &held.type, &held.run_as, &held.attempt);
    return held;
}

} // namespace ayb
