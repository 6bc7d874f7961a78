// A worker: one session of one role, at the jobs of that role's lane.
#include "workers/worker.hpp"

#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/databases.hpp"
#include "pg/job_timer.hpp"
#include "pg/lanes.hpp"
#include "pg/session.hpp"
#include "pg/signals.hpp"
#include "pg/slots.hpp"
#include "queue/claim.hpp"
#include "queue/run.hpp"

namespace ayb {

namespace {

// What a worker is told at its start, in bgw_extra.
struct Orders {
    int slot;
    Oid database;
    Oid role;
};

bool should_leave() { return stop_requested() || my_slot()->leave; }

// Publishes itself asleep, looks at the lane once more, and sleeps until it is woken or `until`. A
// commit that comes after the look finds it asleep, and sets its latch.
void sleep_idle(Lane *lane, const LaneMark &mark, TimestampTz until) {
    WorkerSlot *slot = my_slot();
    pg_atomic_exchange_u32(&slot->idle, 1);
    if (mark_lane(lane).commits == mark.commits && !should_leave()) {
        Database *database = find_database(MyDatabaseId);
        if (database != nullptr && pg_atomic_read_u32(&database->waiting) != 0)
            wake_scheduler(database);
        pgstat_report_activity(STATE_IDLE, nullptr);
        HOLD_CANCEL_INTERRUPTS(); // there is nothing to cancel
        sleep_and_listen(milliseconds_until(until, clock_now(), settings::worker_idle_timeout),
                         "AybJobsWorker");
        clear_interrupts();
        RESUME_CANCEL_INTERRUPTS();
    }
    slot->busy_since = GetCurrentTimestamp();
    pg_atomic_exchange_u32(&slot->idle, 0);
}

// One turn: a job if there is one, or a sleep. False when it has been idle for long enough.
bool take_turn(Oid role, MemoryContext memory, TimestampTz *idle_since) {
    Lane *lane = lane_of(MyDatabaseId, role);
    if (lane == nullptr)
        return false;
    pin_commit_level(); // a reload may have changed it
    const LaneMark mark = mark_lane(lane);
    const TimestampTz looked_at = clock_now();
    Job job;
    HOLD_CANCEL_INTERRUPTS();
    const bool found = claim_next(role, memory, &job);
    const TimestampTz due = found ? DT_NOBEGIN : next_due(role);
    RESUME_CANCEL_INTERRUPTS();
    if (found) {
        run_job(job, memory);
        *idle_since = 0;
        return true;
    }
    if (should_leave())
        return false;

    const TimestampTz now = clock_now();
    TimestampTz until = due;
    if (due <= looked_at) { // somebody has it locked, or a pause ended between the two looks
        if (!hold_locked_lane(lane, mark, settings::poll_interval))
            return true;
        until = later(now, settings::poll_interval * kMicrosecondsPerMillisecond);
    } else if (!raise_lane(lane, mark, due) || due <= now) {
        return true; // it was enqueued, or became due, since the look
    }
    if (*idle_since == 0) {
        *idle_since = now;
        pgstat_report_stat(true);
    }
    const TimestampTz leave_at =
        later(*idle_since, settings::worker_idle_timeout * kMicrosecondsPerMillisecond);
    if (now >= leave_at)
        return false;
    sleep_idle(lane, mark, Min(until, leave_at));
    return true;
}

void serve(Oid role) {
    MemoryContext memory =
        AllocSetContextCreate(TopMemoryContext, "ayb_jobs job", ALLOCSET_DEFAULT_SIZES);
    TimestampTz idle_since = 0;
    if (Lane *lane = lane_of(MyDatabaseId, role))
        clear_lane_failure(lane);
    while (!should_leave() && take_turn(role, memory, &idle_since)) {
        MemoryContextReset(memory);
        pgstat_report_stat(false);
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        clear_interrupts();
        CHECK_FOR_INTERRUPTS();
    }
    pgstat_report_stat(true);
}

void prepare_session() {
    install_job_timer();
    pgstat_report_appname("ayb_jobs worker");
    StartTransactionCommand();
    pin_session();
    CommitTransactionCommand();
}

} // namespace

BackgroundWorkerHandle *start_worker(int slot, Oid database, Oid role) {
    BackgroundWorker worker = describe_worker("ayb_jobs_worker_main", "ayb_jobs worker", "");
    snprintf(worker.bgw_name, sizeof(worker.bgw_name), "ayb_jobs worker for role %u", role);
    const Orders orders{slot, database, role};
    memcpy(worker.bgw_extra, &orders, sizeof(orders));
    return start_background(&worker);
}

} // namespace ayb

using namespace ayb;

extern "C" PGDLLEXPORT void ayb_jobs_worker_main(Datum /*argument*/) {
    Orders orders;
    memcpy(&orders, MyBgworkerEntry->bgw_extra, sizeof(orders));
    install_worker_signals();
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(orders.database, orders.role, 0);
    if (attach_slot(orders.slot, orders.database, orders.role)) {
        prepare_session();
        serve(orders.role);
    }
    proc_exit(0);
}
