// wait_for_jobs(): a worker outside sleeps until there is a job that it may claim.
#include "base/arguments.hpp"
#include "handlers/handlers.hpp"
#include "memory/configuration.hpp"
#include "outside/look.hpp"
#include "outside/waiting.hpp"
#include "outside/worker.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

struct JobsWait {
    Datum types;
    TimestampTz until;
    const char *worker;   // who waits, "" where it doesn't say
    MemoryContext memory; // of one look
    uint64 generation;    // of the configuration, by which it stands in the queue
};

// What it may claim by now.
Wanted wanted_now(JobsWait *wait) {
    wait->generation = configuration_generation();
    AcceptInvalidationMessages();
    PushActiveSnapshot(GetTransactionSnapshot());
    const Wanted wanted = wanted_outside(wait->types, viewer(Right::admin));
    PopActiveSnapshot();
    return wanted;
}

void enter(JobsWait *wait) {
    const Wanted wanted = wanted_now(wait);
    require_entered(enter_waiters(GetUserId(), wait->worker, wanted));
}

// Whether there is a job to claim. If not, the scheduler is told when there may be one.
bool look(JobsWait *wait) {
    const TimestampTz now = clock_now();
    TimestampTz next = DT_NOEND;
    MemoryContext before = MemoryContextSwitchTo(wait->memory);
    PushActiveSnapshot(GetTransactionSnapshot());
    const Database *database = find_database(MyDatabaseId);
    const bool found = !all_paused() && !(database != nullptr && database->dormant) &&
                       any_to_claim(wait->types, viewer(Right::admin), now, &next);
    PopActiveSnapshot();
    MemoryContextSwitchTo(before);
    MemoryContextReset(wait->memory);
    if (!found)
        tell_scheduler(next);
    return found;
}

// Whether it is to be looked again; false once the time is over.
bool is_stirred(const JobsWait &wait) {
    return was_woken() || wait.generation != configuration_generation();
}

void wait_for_any(JobsWait *wait) {
    enter(wait);
    while (!look(wait)) {
        begin_anew();
        if (!sleep_until_stirred(wait->until, [wait] { return is_stirred(*wait); })) {
            leave_waiters(true);
            return;
        }
        if (was_woken() && look(wait)) {
            leave_waiters(true);
            return;
        }
        wait_again(wanted_now(wait));
    }
    leave_waiters(false); // nobody had to wake it for what it found
}

} // namespace

} // namespace ayb

using namespace ayb;

// wait_for_jobs(types, timeout, worker_id)
AYB_SQL_FUNCTION(ayb_jobs_wait_for_jobs) {
    require_waiting(fcinfo, "ayb_jobs.wait_for_jobs()");
    JobsWait wait{types_argument(fcinfo, 0), wait_until(fcinfo, 1),
                  PG_ARGISNULL(2) ? "" : worker_argument(fcinfo, 2), nullptr, 0};
    wait.memory =
        AllocSetContextCreate(CurrentMemoryContext, "ayb_jobs waiter", ALLOCSET_SMALL_SIZES);
    in_waiting([](void *context) { wait_for_any(static_cast<JobsWait *>(context)); }, &wait);
    PG_RETURN_VOID();
}
