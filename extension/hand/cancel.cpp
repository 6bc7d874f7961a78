// cancel() and its forms for many jobs.
#include "base/arguments.hpp"
#include "hand/by_hand.hpp"
#include "jobs/finish.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

constexpr int kPollMs = 2;
constexpr int kLongestWaitMs = 2000; // beyond shutdown_timeout, until the worker has ended

Sql<core::Uuid, At> g_cancel{R"sql(
    UPDATE ayb_jobs.job_queue AS q SET state = 'canceled', canceled_at = $2, updated_at = $2
    WHERE q.id = $1
)sql"};

ChangeMatching g_cancel_matching{AYB_CANCEL(AYB_MATCHING)};
ChangeMany g_cancel_many{AYB_CANCEL(AYB_OF_THESE)};

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
    return in_bounded_books([&] {
        const Found job = find_job(id, me.role, me.all, me.whose, false);
        if (!job.exists)
            refuse_job(id, me.role, Right::operate);
        return job;
    });
}

void interrupt_running(const core::Uuid &id, const Caller &me) {
    const Found job = look(id, me);
    // One in a group is queued still, and its row is locked until the group commits.
    if ((job.state != State::running && !is_running(id)) || job.waits_for == WaitsFor::external)
        return;
    const core::Uuid *mine = my_job();
    if (mine != nullptr && *mine == id)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("a job can't cancel itself"), errhint("Raise an error, or return.")));
    interrupt_worker(id);
}

// Inside the books, with the row locked.
void cancel_found(const core::Uuid &id, const Found &job, bool force) {
    const TimestampTz now = clock_now();
    if (job.state == State::queued)
        g_cancel.run(id, At{now});
    else if (force && job.state == State::running)
        cancel_job(id, job.worker, job.run, now);
    else if (!force || job.state != State::canceled)
        refuse_state(id, job, force ? "queued or running" : "queued",
                     job.state == State::running
                         ? "ayb_jobs.cancel(id, force => true) interrupts a running job."
                         : "The job has ended: there is nothing to cancel.");
}

} // namespace

} // namespace ayb

using namespace ayb;

// cancel(id, force) → jobs
AYB_SQL_FUNCTION(ayb_jobs_cancel) {
    const core::Uuid id = id_argument(fcinfo, 0);
    require_argument(fcinfo, 1, "force");
    const bool force = PG_GETARG_BOOL(1);
    const Caller me = caller(Whose::enqueued);
    if (force && preloaded())
        interrupt_running(id, me);
    return change_one(id, "cancel", me, [&](const Found &job) { cancel_found(id, job, force); });
}

// cancel_matching(type, since, until, phase) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_matching) { return change_matching(fcinfo, &g_cancel_matching); }

// cancel_many(ids) → bigint
AYB_SQL_FUNCTION(ayb_jobs_cancel_many) { return change_many(fcinfo, &g_cancel_many); }
