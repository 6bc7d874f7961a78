// A worker: one session of one role, at the jobs of that role's lanes.
#include "workers/worker.hpp"

#include "flows/look.hpp"
#include "group/group.hpp"
#include "handlers/judge.hpp"
#include "hooks/signals.hpp"
#include "lanes/leases.hpp"
#include "lanes/picks.hpp"
#include "lease/claim.hpp"
#include "lease/run.hpp"
#include "memory/databases.hpp"
#include "memory/my_slot.hpp"
#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "timers/group_timer.hpp"
#include "timers/job_timer.hpp"
#include "workers/attach.hpp"

namespace ayb {

namespace {

constexpr int kMostSkipped = 15;

// What a worker is told at its start, in bgw_extra.
struct Orders {
    int slot;
    Oid database;
    Oid role;
};

// Publishes itself asleep, looks once more whether anything was committed since the mark, and
// sleeps until it is woken or `until`. A commit that comes after the look finds it asleep, and sets
// its latch.
void sleep_idle(const RoleKey &role, const TimeMark &mark, TimestampTz until) {
    pg_atomic_exchange_u32(&my_slot()->idle, 1);
    if (mark_role(role).commits == mark.commits && !should_leave()) {
        Database *database = find_database(MyDatabaseId);
        if (database != nullptr)
            pg_atomic_write_u32(&database->crowded, 0); // it can make room
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
    bool tried; // in this turn
};

// Whether there may be a group: a role without such types is looked at only now and then.
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

GroupTurn take_group(Oid role, MemoryContext memory, Ways *ways) {
    ways->tried = try_group(ways);
    ways->lease_first = false;
    if (!ways->tried)
        return GroupTurn::none;
    const GroupTurn turn = run_group(role, memory);
    if (turn == GroupTurn::none)
        ways->skip_groups = Min(2 * ways->skip_groups + 1, kMostSkipped);
    else
        ways->skip_groups = 0;
    ways->lease_first = turn == GroupTurn::ran_and_leased_due;
    return turn;
}

// What a group left over, by lease.
bool claim_left_over(Oid role, MemoryContext memory, Job *job) {
    core::Uuid id;
    while (next_left_over(&id))
        if (take_place({MyDatabaseId, role}) && claim_job(role, id, memory, job))
            return true;
    return false;
}

// The next one by lease, where there is a place for that. Else what is due has to wait for one,
// once a group has left it over.
bool claim_in_place(Oid role, MemoryContext memory, Ways *ways, Job *job) {
    static LanePick lanes[kMostPicks];
    const RoleKey key{MyDatabaseId, role};
    if (take_place(key)) {
        const bool found = claim_next(role, memory, job);
        if (!found)
            leave_place();
        return found;
    }
    if (ways->tried || settings::group_size <= 1)
        wait_for_place(key, pick_served(role, false, 0, lanes),
                       later(clock_now(), settings::poll_interval * kMicrosecondsPerMillisecond));
    *ways = Ways{};
    return false;
}

// For how many others may be at leased jobs. Once a second is enough.
void note_work(Oid role) {
    static TimestampTz noted;
    const TimestampTz now = clock_now();
    if (now >= noted && now - noted < kMicrosecondsPerSecond)
        return;
    note_job_of(role);
    noted = now;
}

// The role can be served: once there was a look that didn't end the worker.
void note_served(Oid role) {
    static bool noted;
    if (!noted)
        clear_role_failure({MyDatabaseId, role});
    noted = true;
}

// What waits for the jobs that have just ended.
void let_go() {
    if (!any_look_wanted())
        return;
    hold_cancels(); // of these jobs
    look_at_children();
    clear_interrupts();
    release_cancels();
}

// Claims and runs what is due. False where nothing is to be had.
bool work(Oid role, MemoryContext memory, Ways *ways) {
    Job job;
    begin_turn();
    hold_cancels();
    bool found = claim_left_over(role, memory, &job);
    const GroupTurn turn = found ? GroupTurn::none : take_group(role, memory, ways);
    const bool ran = turn == GroupTurn::ran || turn == GroupTurn::ran_and_leased_due;
    if (ran)
        leave_place();
    else if (!found)
        found = claim_in_place(role, memory, ways, &job);
    if (found || ran)
        note_work(role);
    release_cancels();
    note_served(role);
    if (found)
        run_job(job, memory);
    let_go();
    end_turn();
    return found || ran;
}

// When this worker has to look again, if it isn't woken before.
TimestampTz next_turn(Oid role) {
    const bool claims = in_transaction([role] { return may_claim(role); });
    return claims ? next_look({MyDatabaseId, role}, clock_now()) : DT_NOEND;
}

// One turn: what is due, or a sleep. False when it has been idle for long enough.
bool take_turn(Oid role, MemoryContext memory, Ways *ways, TimestampTz *idle_since) {
    const RoleKey key{MyDatabaseId, role};
    TimeMark mark;
    pin_commit_level(); // a reload may have changed it
    if (work(role, memory, ways)) {
        *idle_since = 0;
        return true;
    }
    if (should_leave() || !open_role(key, &mark))
        return false;
    const TimestampTz until = next_turn(role);
    const TimestampTz now = clock_now();
    if (until <= now)
        return !should_leave(); // it was enqueued, or became due, since the look
    if (*idle_since == 0) {
        *idle_since = now;
        pgstat_report_stat(true);
    }
    const TimestampTz leave_at =
        later(*idle_since, settings::worker_idle_timeout * kMicrosecondsPerMillisecond);
    if (now >= leave_at)
        return false;
    *ways = Ways{}; // what comes next may be of any type
    sleep_idle(key, mark, Min(until, leave_at));
    return true;
}

// Who makes room says when the role's next job is due. Lanes that it has emptied would else be
// served again, for nothing, in turn with those that have jobs: by a worker that is asked to make
// room before it has looked, and so on for ever.
void tell_next_due(Oid role) {
    if (stop_requested())
        return;
    hold_cancels();
    anything_due(role);
    release_cancels();
}

void serve(Oid role) {
    MemoryContext memory =
        AllocSetContextCreate(TopMemoryContext, "ayb_jobs job", ALLOCSET_DEFAULT_SIZES);
    TimestampTz idle_since = 0;
    Ways ways{};
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
    leave_place();
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
