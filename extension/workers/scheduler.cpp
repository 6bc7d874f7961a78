// The scheduler: one per database that has the extension. It places workers, recovers what they
// lose, enqueues what schedules are due, and keeps house: counts, minutes, the history's days. Jobs
// it leaves to workers.
#include "workers/scheduler.hpp"

#include "base/stamp.hpp"
#include "hooks/signals.hpp"
#include "lanes/counts.hpp"
#include "memory/configuration.hpp"
#include "memory/databases.hpp"
#include "memory/holds.hpp"
#include "memory/launcher.hpp"
#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/extension.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "workers/duties.hpp"
#include "workers/placing.hpp"
#include "workers/serving.hpp"

namespace ayb {

namespace {

constexpr const char *kLockTimeout = "200ms"; // it serves everybody, and waits for nobody

Database *g_database;
volatile sig_atomic_t g_stop;
volatile sig_atomic_t g_with_server; // the SIGTERM was the postmaster's

void on_terminate(int signal, siginfo_t *info, void * /*context*/) {
    const int saved = errno;
    g_stop = true;
    g_with_server = g_with_server || info->si_pid == PostmasterPid;
    if (in_long_statement())
        die(signal);
    SetLatch(MyLatch);
    errno = saved;
}

bool look_for_extension() { return in_transaction(extension_exists); }

bool still_wanted() {
    if (g_stop || !settings::enabled || pg_atomic_read_u32(&g_database->holds) != 0)
        return false;
    return in_transaction([] {
        return extension_exists() && settings::serves_database(get_database_name(MyDatabaseId));
    });
}

void report_dormant(bool fits) {
    if (fits)
        ereport(LOG,
                (errmsg("ayb_jobs: nothing runs in this database: it is a copy or was restored"),
                 errhint("SELECT ayb_jobs.adopt(); lets its jobs run.")));
    else
        ereport(LOG, (errmsg("ayb_jobs: nothing runs in this database: the library is of version "
                             "%s, the objects here are of another",
                             AYB_JOBS_VERSION),
                      errhint("Run ALTER EXTENSION ayb_jobs UPDATE in it.")));
}

// Nothing runs in a copy, and nothing by a library that doesn't know these objects.
void check_stamp(TimestampTz /*now*/) {
    bool fits = false;
    const bool dormant = in_transaction([&fits] {
        fits = extension_fits();
        return !fits || read_stamp() != Stamp::fits;
    });
    if (dormant && !g_database->dormant)
        report_dormant(fits);
    g_database->dormant = dormant;
}

void sleep_until(TimestampTz wake) {
    SpinLockAcquire(&g_database->mutex);
    g_database->sleeping_until = wake;
    SpinLockRelease(&g_database->mutex);
    pgstat_report_stat(true);
    pgstat_report_activity(STATE_IDLE, nullptr);
    const bool wanted = pg_atomic_read_u32(&g_database->wanted) != 0;
    end_look();
    sleep_and_listen(wanted ? 0 : milliseconds_until(wake, clock_now(), settings::scheduler_tick),
                     "AybJobsScheduler");
    begin_look();
}

// A copy keeps still: no day is made (the dump brings its own), no job is looked at.
void sleep_dormant() {
    end_look();
    sleep_and_listen(settings::scheduler_tick, "AybJobsScheduler");
    begin_look();
    pg_atomic_write_u32(&g_database->rescan, 0);
    guarded(Duty::stamp, check_stamp, clock_now());
    pg_atomic_write_u32(&g_database->rescan, 1);
}

// A subscriber of this database's own origin gets that one's stamp, and must stop then.
bool became_dormant(uint64 *seen) {
    const uint64 generation = configuration_generation();
    if (*seen != generation)
        guarded(Duty::stamp, check_stamp, clock_now());
    *seen = generation;
    return g_database->dormant;
}

void serve() {
    uint64 seen = configuration_generation();
    guarded(Duty::stamp, check_stamp, clock_now());
    while (g_database->dormant && still_wanted())
        sleep_dormant();
    Times times{};
    if (still_wanted())
        begin_duties(&times);
    bool wanted = true;
    while (wanted && !g_stop) {
        sleep_until(look(clock_now(), &times));
        wanted = settings::enabled && pg_atomic_read_u32(&g_database->holds) == 0 &&
                 (clock_now() < times.tick || still_wanted()) && !became_dormant(&seen);
    }
}

// An administrator who ends this process alone means the workers to go on.
bool all_stop() { return !g_stop || g_with_server || pg_atomic_read_u32(&g_database->holds) != 0; }

// No new claims, running jobs may finish until shutdown_timeout; then the last counts are written.
// A worker that had to be ended can't put its job back itself: this process is the last to go.
void wind_down() {
    const TimestampTz deadline =
        GetCurrentTimestamp() + (settings::shutdown_timeout + 2000) * kMicrosecondsPerMillisecond;
    while (all_stop() && any_worker_to_stop(g_database->oid) && GetCurrentTimestamp() < deadline) {
        stop_workers(g_database->oid);
        sleep_and_listen(10, "AybJobsScheduler");
        reap();
    }
    if (look_for_extension() && !g_database->dormant)
        write_last_minutes();
}

void leave(int /*code*/, Datum /*argument*/) {
    // It may have been ended in the midst of one.
    abandon_count(g_database->oid);
    leave_database(g_database);
    wake_launcher();
}

// What ALTER DATABASE or ALTER ROLE say is meant for others: read-only by default, for example.
void prepare_session() {
    pgstat_report_appname("ayb_jobs scheduler");
    in_transaction([] {
        pin_session();
        SetConfigOption("lock_timeout", kLockTimeout, PGC_SUSET, PGC_S_OVERRIDE);
        SetConfigOption("timezone", "UTC", PGC_USERSET, PGC_S_OVERRIDE); // of instants in last_skip
    });
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
    if (g_database != nullptr) {
        take_duties(g_database);
        before_shmem_exit(leave, 0);
        start_pulse(&g_database->pulse);
        begin_look();
    }
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
