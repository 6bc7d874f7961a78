// The scheduler: one a database that has the extension. It starts workers, recovers what they lose,
// and keeps the days; it runs no jobs.
#include "workers/scheduler.hpp"

#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/counts.hpp"
#include "pg/databases.hpp"
#include "pg/extension.hpp"
#include "pg/lanes.hpp"
#include "pg/session.hpp"
#include "pg/signals.hpp"
#include "pg/tick_floor.hpp"
#include "queue/history.hpp"
#include "queue/lane_scan.hpp"
#include "queue/leases.hpp"
#include "queue/minutes.hpp"
#include "queue/stamp.hpp"
#include "queue/waiting.hpp"
#include "schedule/tick.hpp"
#include "workers/placing.hpp"

namespace ayb {

namespace {

constexpr int64 kUpkeepEvery = 3600 * kMicrosecondsPerSecond;
constexpr int64 kRecountAfter = 60 * kMicrosecondsPerSecond; // when a count could not be exact
constexpr int64 kRetryAfter = kMicrosecondsPerSecond; // after a step that failed, or found a lock
constexpr const char *kLockTimeout = "200ms";         // it serves everybody, and waits for nobody

Database *g_database;
TimestampTz g_ticks_wake; // when to look at schedules again, as far as the last look could tell
volatile sig_atomic_t g_stop;
volatile sig_atomic_t g_with_server; // the SIGTERM was the postmaster's
volatile sig_atomic_t g_long_statement;

struct Times {
    TimestampTz tick;
    TimestampTz upkeep;
    TimestampTz recount;
};

void on_terminate(int signal, siginfo_t *info, void * /*context*/) {
    const int saved = errno;
    g_stop = true;
    g_with_server = g_with_server || info->si_pid == PostmasterPid;
    if (g_long_statement)
        die(signal);
    SetLatch(MyLatch);
    errno = saved;
}

// One step failed: that must not take the others with it.
bool guarded(void (*step)(TimestampTz), TimestampTz now) {
    MemoryContext before = CurrentMemoryContext;
    volatile bool good = true;
    PG_TRY();
    { step(now); }
    PG_CATCH();
    {
        MemoryContextSwitchTo(before);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        AbortCurrentTransaction();
        MemoryContextSwitchTo(before);
        ereport(LOG, (errcode(error->sqlerrcode), errmsg("ayb_jobs scheduler: %s", error->message),
                      error->hint != nullptr ? errhint("%s", error->hint) : 0));
        FreeErrorData(error);
        good = false;
    }
    PG_END_TRY();
    g_long_statement = false;
    return good;
}

void step_lanes(TimestampTz /*now*/) { find_lanes(); }
void step_sweep(TimestampTz /*now*/) { sweep_waiting_jobs(); }
void step_reap(TimestampTz /*now*/) { reap_workers(g_database); }
void step_minutes(TimestampTz now) { write_minutes(now, false); }
void step_last_minutes(TimestampTz now) { write_minutes(now, true); }

void step_recover(TimestampTz /*now*/) {
    charge_crashed();
    recover_all();
}

void forget_next_lease() {
    SpinLockAcquire(&g_database->mutex);
    g_database->next_lease = DT_NOEND;
    SpinLockRelease(&g_database->mutex);
}

void lower_next_lease(TimestampTz next) {
    SpinLockAcquire(&g_database->mutex);
    g_database->next_lease = Min(g_database->next_lease, next);
    SpinLockRelease(&g_database->mutex);
}

// Forgotten before the look, and only lowered after it: a commit that the look did not show lowers
// it in between, and must not be overwritten.
void step_leases(TimestampTz now) {
    TimestampTz next;
    forget_next_lease();
    recover_expired(now, &next);
    // What is over and still there is locked by somebody.
    lower_next_lease(next > now ? next : later(now, kRetryAfter));
}

void step_ticks(TimestampTz now) { g_ticks_wake = run_ticks(g_database, now); }

void step_days(TimestampTz now) { prepare_days(now); }

void step_old_days(TimestampTz now) {
    g_long_statement = true;
    drop_old_days(now);
}

void step_purge(TimestampTz now) {
    g_long_statement = true;
    purge_ended(now);
}

void step_count(TimestampTz /*now*/) {
    g_long_statement = true;
    if (!count_jobs(g_database))
        pg_atomic_write_u32(&g_database->recount, 1);
}

void run_if_asked(pg_atomic_uint32 *flag, void (*step)(TimestampTz), TimestampTz now,
                  TimestampTz *wake) {
    if (pg_atomic_exchange_u32(flag, 0) == 0 || guarded(step, now))
        return;
    pg_atomic_write_u32(flag, 1);
    *wake = Min(*wake, GetCurrentTimestamp() + kRetryAfter);
}

void keep_house(TimestampTz now, Times *times, TimestampTz *wake) {
    if (now >= times->upkeep || now < times->upkeep - 2 * kUpkeepEvery) {
        times->upkeep = now + kUpkeepEvery;
        guarded(step_days, now);
        guarded(step_old_days, now);
        guarded(step_purge, now);
        pg_atomic_write_u32(&g_database->recount, 1);
        prune_lanes(g_database->oid);
    }
    if (pg_atomic_read_u32(&g_database->recount) != 0 && now >= times->recount) {
        pg_atomic_write_u32(&g_database->recount, 0);
        guarded(step_count, now);
        times->recount = pg_atomic_read_u32(&g_database->recount) != 0 ? now + kRecountAfter : 0;
        *wake = Min(*wake, times->recount > 0 ? times->recount : *wake);
    }
}

// The net below all wake-ups: at least once a tick everything is looked at.
void tick(TimestampTz now, Times *times) {
    if (now < times->tick &&
        now >= times->tick - 2 * settings::scheduler_tick * kMicrosecondsPerMillisecond)
        return;
    times->tick = later(now, settings::scheduler_tick * kMicrosecondsPerMillisecond);
    pg_atomic_write_u32(&g_database->rescan, 1);
    pg_atomic_write_u32(&g_database->sweep, 1);
    lower_next_lease(now);
    guarded(step_minutes, now);
}

bool look_for_extension() {
    StartTransactionCommand();
    const bool there = extension_exists();
    CommitTransactionCommand();
    return there;
}

bool still_wanted() {
    if (g_stop || !settings::enabled || pg_atomic_read_u32(&g_database->holds) != 0)
        return false;
    StartTransactionCommand();
    const bool there =
        extension_exists() && settings::serves_database(get_database_name(MyDatabaseId));
    CommitTransactionCommand();
    return there;
}

void check_stamp(TimestampTz /*now*/) {
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const bool dormant = read_stamp() != Stamp::fits;
    PopActiveSnapshot();
    CommitTransactionCommand();
    if (dormant && !g_database->dormant)
        ereport(LOG,
                (errmsg("ayb_jobs: nothing runs in this database: it is a copy or was restored"),
                 errhint("SELECT ayb_jobs.resume(); lets its jobs run.")));
    g_database->dormant = dormant;
}

// Enqueues what schedules are due; returns when the next one is. None while a drain is on its way.
TimestampTz look_at_ticks(TimestampTz now) {
    const TimestampTz due = mark_ticks(g_database).due;
    if (due > now)
        return due;
    if (pg_atomic_read_u32(&g_database->draining) != 0)
        return DT_NOEND;
    return guarded(step_ticks, now) ? g_ticks_wake : later(now, kRetryAfter);
}

// While it is awake, whoever has something sooner for it sets its latch.
void stay_awake() {
    SpinLockAcquire(&g_database->mutex);
    g_database->sleeping_until = DT_NOEND;
    SpinLockRelease(&g_database->mutex);
}

// One look at everything. Returns when the next one is due.
TimestampTz look(TimestampTz now, Times *times) {
    stay_awake();
    TimestampTz wake = look_at_ticks(now);
    tick(now, times);
    if (!guarded(step_reap, now))
        wake = Min(wake, later(now, kRetryAfter));
    run_if_asked(&g_database->rescan, step_lanes, now, &wake);
    run_if_asked(&g_database->sweep, step_sweep, now, &wake);
    if (g_database->next_lease <= now && !guarded(step_leases, now))
        lower_next_lease(later(now, kRetryAfter));
    wake = Min(wake, place_workers(g_database, clock_now()));
    keep_house(now, times, &wake);
    return Min(Min(wake, g_database->next_lease), times->tick);
}

void sleep_until(TimestampTz wake) {
    SpinLockAcquire(&g_database->mutex);
    g_database->sleeping_until = wake;
    SpinLockRelease(&g_database->mutex);
    pgstat_report_stat(true);
    pgstat_report_activity(STATE_IDLE, nullptr);
    sleep_and_listen(milliseconds_until(wake, clock_now(), settings::scheduler_tick),
                     "AybJobsScheduler");
}

// A copy keeps still: no day is made (the dump brings its own), no job is looked at.
void sleep_dormant() {
    sleep_and_listen(settings::scheduler_tick, "AybJobsScheduler");
    pg_atomic_write_u32(&g_database->rescan, 0);
    guarded(check_stamp, clock_now());
    pg_atomic_write_u32(&g_database->rescan, 1);
}

void serve() {
    guarded(check_stamp, clock_now());
    while (g_database->dormant && still_wanted())
        sleep_dormant();
    Times times{};
    if (still_wanted()) {
        guarded(step_recover, clock_now());
        guarded(step_days, clock_now());
        times.upkeep = later(clock_now(), kUpkeepEvery / 60); // not in the rush of a start
    }
    bool wanted = true;
    while (wanted && !g_stop) {
        sleep_until(look(clock_now(), &times));
        wanted = settings::enabled && pg_atomic_read_u32(&g_database->holds) == 0 &&
                 (clock_now() < times.tick || still_wanted());
    }
}

// An administrator who ends this process alone means the workers to go on.
bool all_stop() { return !g_stop || g_with_server || pg_atomic_read_u32(&g_database->holds) != 0; }

// No new claims, running jobs may finish until shutdown_timeout; then the last counts are written.
// A worker that had to be ended can't put its job back itself: this process is the last to go.
void wind_down() {
    const TimestampTz deadline =
        GetCurrentTimestamp() + (settings::shutdown_timeout + 2000) * kMicrosecondsPerMillisecond;
    while (all_stop() && any_worker(g_database) && GetCurrentTimestamp() < deadline) {
        stop_workers(g_database->oid);
        sleep_and_listen(10, "AybJobsScheduler");
        guarded(step_reap, clock_now());
    }
    if (look_for_extension() && !g_database->dormant)
        guarded(step_last_minutes, clock_now());
}

void leave(int /*code*/, Datum /*argument*/) {
    // It may have been ended in the midst of one, for which other databases wait.
    abandon_count(g_database->oid);
    leave_database(g_database);
    wake_launcher();
}

// What ALTER DATABASE or ALTER ROLE say is meant for others: read-only by default, for example.
void prepare_session() {
    pgstat_report_appname("ayb_jobs scheduler");
    StartTransactionCommand();
    pin_session();
    SetConfigOption("lock_timeout", kLockTimeout, PGC_SUSET, PGC_S_OVERRIDE);
    SetConfigOption("timezone", "UTC", PGC_USERSET, PGC_S_OVERRIDE); // of instants in last_skip
    CommitTransactionCommand();
}

bool enter() {
    if (look_for_extension()) {
        g_database = enter_database(MyDatabaseId);
    } else {
        report_absent(MyDatabaseId);
        // One that was created between the look and the report would be taken for absent for ever.
        if (look_for_extension())
            request_probe(MyDatabaseId);
    }
    if (g_database != nullptr)
        before_shmem_exit(leave, 0);
    return g_database != nullptr;
}

} // namespace

BackgroundWorkerHandle *start_scheduler(Oid database) {
    BackgroundWorker worker = describe_worker("ayb_jobs_scheduler_main", "ayb_jobs scheduler", "");
    snprintf(worker.bgw_name, sizeof(worker.bgw_name), "ayb_jobs scheduler for database %u",
             database);
    worker.bgw_main_arg = ObjectIdGetDatum(database);
    return start_background(&worker);
}

} // namespace ayb

using namespace ayb;

extern "C" PGDLLEXPORT void ayb_jobs_scheduler_main(Datum argument) {
    handle_sigterm(on_terminate);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);
    prepare_session();
    if (enter()) {
        serve();
        wind_down();
    }
    proc_exit(0);
}
