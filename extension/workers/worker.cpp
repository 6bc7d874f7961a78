// A worker: one session of one role, at the jobs of that role's lane.
#include "workers/worker.hpp"

#include "group/group.hpp"
#include "lease/claim.hpp"
#include "lease/run.hpp"
#include "memory/databases.hpp"
#include "memory/lanes.hpp"
#include "memory/my_slot.hpp"
#include "memory/signals.hpp"
#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/group_timer.hpp"
#include "pg/job_timer.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace ayb {

namespace {

constexpr int kMostSkipped = 15;

// What a worker is told at its start, in bgw_extra.
struct Orders {
    int slot;
    Oid database;
    Oid role;
};

// Publishes itself asleep, looks at the lane once more, and sleeps until it is woken or `until`. A
// commit that comes after the look finds it asleep, and sets its latch.
void sleep_idle(const LaneKey &lane, const LaneMark &mark, TimestampTz until) {
    pg_atomic_exchange_u32(&my_slot()->idle, 1);
    if (mark_lane(lane).commits == mark.commits && !should_leave()) {
        Database *database = find_database(MyDatabaseId);
        if (database != nullptr && pg_atomic_read_u32(&database->waiting) != 0)
            wake_scheduler(database);
        pgstat_report_activity(STATE_IDLE, nullptr);
        hold_cancels(); // there is nothing to cancel
        sleep_and_listen(milliseconds_until(until, clock_now(), settings::worker_idle_timeout),
                         "AybJobsWorker");
        clear_interrupts();
        release_cancels();
    }
    note_awake();
}

// Which way the next turn goes first.
struct Ways {
    bool lease_first; // the last group passed over jobs that go by lease
    int skip_groups;  // turns without a look for one, as there were none
    int skipped;
};

// Whether there may be a group: a lane without such types is looked at only now and then.
bool try_group(Ways *ways) {
    if (settings::group_size <= 1 || ways->lease_first)
        return false;
    if (ways->skipped < ways->skip_groups) {
        ways->skipped++;
        return false;
    }
    ways->skipped = 0;
    return true;
}

GroupTurn take_group(Oid role, const LaneMark &mark, MemoryContext memory, Ways *ways) {
    const bool tried = try_group(ways);
    ways->lease_first = false;
    if (!tried)
        return GroupTurn::none;
    const GroupTurn turn = run_group(role, mark, memory);
    if (turn == GroupTurn::none)
        ways->skip_groups = Min(2 * ways->skip_groups + 1, kMostSkipped);
    else
        ways->skip_groups = 0;
    ways->lease_first = turn == GroupTurn::ran_and_leased_due;
    return turn;
}

// One by lease: what a group left over, or else the lane's next where a group didn't tell that none
// is due.
bool claim_left_over(Oid role, MemoryContext memory, Job *job) {
    core::Uuid id;
    while (next_left_over(&id))
        if (claim_job(role, id, memory, job))
            return true;
    return false;
}

// Claims and runs what is due. Where nothing is to be had it says when the lane's next job is due.
bool work(Oid role, const LaneMark &mark, MemoryContext memory, Ways *ways, TimestampTz *due) {
    Job job;
    begin_turn();
    hold_cancels();
    bool found = claim_left_over(role, memory, &job);
    const GroupTurn turn = found ? GroupTurn::none : take_group(role, mark, memory, ways);
    const bool ran = turn == GroupTurn::ran || turn == GroupTurn::ran_and_leased_due;
    if (!found && turn == GroupTurn::none)
        found = claim_next(role, memory, &job);
    *due = found || ran ? DT_NOBEGIN : next_due(role);
    release_cancels();
    if (found)
        run_job(job, memory);
    end_turn();
    return found || ran;
}

// One turn: what is due, or a sleep. False when it has been idle for long enough.
bool take_turn(Oid role, MemoryContext memory, Ways *ways, TimestampTz *idle_since) {
    const LaneKey lane{MyDatabaseId, role};
    LaneMark mark;
    pin_commit_level(); // a reload may have changed it
    if (!open_lane(lane, &mark))
        return false;
    const TimestampTz looked_at = clock_now();
    TimestampTz due;
    if (work(role, mark, memory, ways, &due)) {
        *idle_since = 0;
        return true;
    }
    if (should_leave())
        return false;

    const TimestampTz now = clock_now();
    TimestampTz until = due;
    if (due <= looked_at) { // somebody has it locked, or a pause ended between the two looks
        until = later(now, settings::poll_interval * kMicrosecondsPerMillisecond);
        until = Min(until, next_due(role, looked_at)); // others come due meanwhile
        if (!hold_locked_lane(lane, mark, until))
            return true;
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
    *ways = Ways{}; // what comes next may be of any type
    sleep_idle(lane, mark, Min(until, leave_at));
    return true;
}

// Who makes room says when the lane's next job is due. A lane that it has emptied would else be
// served again, for nothing, in turn with those that have jobs: by a worker that is asked to make
// room before it has looked, and so on for ever.
void tell_next_due(Oid role) {
    if (stop_requested())
        return;
    const LaneKey lane{MyDatabaseId, role};
    hold_cancels();
    const LaneMark mark = mark_lane(lane);
    raise_lane(lane, mark, next_due(role));
    release_cancels();
}

void serve(Oid role) {
    MemoryContext memory =
        AllocSetContextCreate(TopMemoryContext, "ayb_jobs job", ALLOCSET_DEFAULT_SIZES);
    TimestampTz idle_since = 0;
    Ways ways{};
    clear_lane_failure({MyDatabaseId, role});
    while (!should_leave() && take_turn(role, memory, &ways, &idle_since)) {
        MemoryContextReset(memory);
        pgstat_report_stat(false);
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        clear_interrupts();
        CHECK_FOR_INTERRUPTS();
    }
    tell_next_due(role);
    pgstat_report_stat(true);
}

void prepare_session() {
    install_job_timer();
    install_group_timer();
    install_groups();
    pgstat_report_appname("ayb_jobs worker");
    in_transaction(pin_session);
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
