#include "pg/settings.hpp"

#include "pg/postgres.hpp"

#include <climits>

extern "C" {
#include "utils/varlena.h"
}

namespace ayb::settings {

namespace {

constexpr int kPlacesUnlessSet = 16384; // and keys

} // namespace

bool enabled = true;
char *databases = nullptr;
char *actor = nullptr;
int worker_concurrency = 4;
int poll_interval = 1000;
int lease_duration = 300;
int max_attempts = 3;
int scheduler_tick = 15000;
int priority_step = 600000;
int job_timeout = 0;
int max_job_timeout = 86400000;
int worker_idle_timeout = 30000;
int shutdown_timeout = 5000;
int retention = 7 * 86400;
int failed_retention = 30 * 86400;
int synchronous_commit = SYNCHRONOUS_COMMIT_OFF;
int max_keys = kPlacesUnlessSet, max_places = kPlacesUnlessSet;
int realtime_buffer = 8192;
int group_size = 256;
int group_budget = 10;
int test_clock_offset = 0;
bool test_group_at_once = false;

namespace {

const config_enum_entry kSynchronousCommit[] = {
    {"off", SYNCHRONOUS_COMMIT_OFF, false},
    {"local", SYNCHRONOUS_COMMIT_LOCAL_FLUSH, false},
    {"remote_write", SYNCHRONOUS_COMMIT_REMOTE_WRITE, false},
    {"on", SYNCHRONOUS_COMMIT_REMOTE_FLUSH, false},
    {"remote_apply", SYNCHRONOUS_COMMIT_REMOTE_APPLY, false},
    {nullptr, 0, false},
};

bool check_databases(char **value, void ** /*extra*/, GucSource /*source*/) {
    List *names = NIL;
    char *copy = pstrdup(*value);
    const bool good = strcmp(*value, "*") == 0 || SplitIdentifierString(copy, ',', &names);
    if (!good)
        GUC_check_errdetail("it takes * or a list of database names, separated by commas");
    list_free(names);
    pfree(copy);
    return good;
}

void define_switches() {
    DefineCustomBoolVariable("ayb_jobs.enabled", "Runs jobs.",
                             "When off, jobs can be enqueued, but nothing runs.", &enabled, true,
                             PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
    DefineCustomStringVariable("ayb_jobs.databases", "Databases whose jobs are run.",
                               "* stands for every database that has the extension.", &databases,
                               "*", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, nullptr, nullptr);
    DefineCustomStringVariable(
        "ayb_jobs.actor", "Whom the session works for, kept with each change by hand.",
        "Counts only where the role that logged in is a member of ayb_jobs_sidecar.", &actor, "",
        PGC_USERSET, 0, nullptr, nullptr, nullptr);
    DefineCustomEnumVariable(
        "ayb_jobs.synchronous_commit", "synchronous_commit of the workers' own transactions.",
        "When off, a server crash may take back the last instants of both a job's "
        "effects and its completion, never one of them.",
        &synchronous_commit, SYNCHRONOUS_COMMIT_OFF, kSynchronousCommit, PGC_SIGHUP, 0, nullptr,
        nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.test_clock_offset", "Moves the engine's clock, in tests.",
                            nullptr, &test_clock_offset, 0, INT_MIN / 2, INT_MAX / 2, PGC_SIGHUP,
                            GUC_UNIT_S | GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL,
                            nullptr, nullptr, nullptr);
}

void define_groups() {
    DefineCustomIntVariable("ayb_jobs.group_size",
                            "Quick jobs that one worker runs in one transaction at most; 1 runs "
                            "each in its own.",
                            nullptr, &group_size, 256, 1, kMaxGroupSize, PGC_SIGHUP, 0, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable(
        "ayb_jobs.group_budget", "How long the jobs of one group may run together.",
        "A job that is still at it then is rolled back, and runs by itself.", &group_budget, 10, 1,
        1000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomBoolVariable(
        "ayb_jobs.test_group_at_once", "Types needn't show first that they are quick, in tests.",
        nullptr, &test_group_at_once, false, PGC_SIGHUP,
        GUC_SUPERUSER_ONLY | GUC_NOT_IN_SAMPLE | GUC_NO_SHOW_ALL, nullptr, nullptr, nullptr);
}

// Without preloading there is no shared memory that it could size.
void define_size(const char *name, const char *what, const char *beyond, int *value) {
    const auto when = process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP;
    DefineCustomIntVariable(name, what, beyond, value, kPlacesUnlessSet, 128, 1000000, when, 0,
                            nullptr, nullptr, nullptr);
}

void define_limits() {
    DefineCustomIntVariable("ayb_jobs.worker_concurrency", "Workers that one database has at most.",
                            nullptr, &worker_concurrency, 4, 1, 1000, PGC_SIGHUP, 0, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable(
        "ayb_jobs.max_attempts", "Attempts of a job whose handler and enqueuer name no number.",
        nullptr, &max_attempts, 3, 1, INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    define_size("ayb_jobs.max_places",
                "Jobs of limited types that can run at once, in all databases.",
                "Beyond that no job of such a type starts.", &max_places);
    define_size("ayb_jobs.max_keys", "Keys that have jobs, of all types in all databases.",
                "Those beyond are looked for along the index.", &max_keys);
    DefineCustomIntVariable(
        "ayb_jobs.realtime_buffer", "Memory for the changes of tables that somebody listens to.",
        "A table's fill at most a quarter of it, a database's half.", &realtime_buffer, 8192, 1024,
        1024 * 1024, process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
        GUC_UNIT_KB, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.retention", "How long completed jobs are kept; 0 keeps none.",
                            nullptr, &retention, 7 * 86400, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S,
                            nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.failed_retention",
                            "How long failed and canceled jobs are kept; 0 keeps them for ever.",
                            nullptr, &failed_retention, 30 * 86400, 0, INT_MAX, PGC_SIGHUP,
                            GUC_UNIT_S, nullptr, nullptr, nullptr);
}

void define_times() {
    DefineCustomIntVariable("ayb_jobs.poll_interval",
                            "How soon a lane that could not be served is tried again.", nullptr,
                            &poll_interval, 1000, 10, 3600000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable(
        "ayb_jobs.lease_duration",
        "How long a worker may keep a job before it has to show that it is there.", nullptr,
        &lease_duration, 300, 1, 7 * 86400, PGC_SIGHUP, GUC_UNIT_S, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.scheduler_tick", "The scheduler's longest sleep.", nullptr,
                            &scheduler_tick, 15000, 100, 3600000, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable(
        "ayb_jobs.priority_step", "How much waiting a level of priority is worth.", nullptr,
        &priority_step, 600000, 0, 86400000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.job_timeout",
                            "How long a job may run whose handler names no timeout; 0 for ever.",
                            nullptr, &job_timeout, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS, nullptr,
                            nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.max_job_timeout",
                            "How long any job may run, whatever its handler says; 0 for ever.",
                            nullptr, &max_job_timeout, 86400000, 0, INT_MAX, PGC_SIGHUP,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("ayb_jobs.worker_idle_timeout", "How long an idle worker stays.",
                            nullptr, &worker_idle_timeout, 30000, 0, 86400000, PGC_SIGHUP,
                            GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable(
        "ayb_jobs.shutdown_timeout", "How long running jobs may go on when they are asked to stop.",
        "Then they are interrupted and go back to the queue, uncharged.", &shutdown_timeout, 5000,
        0, 3600000, PGC_SIGHUP, GUC_UNIT_MS, nullptr, nullptr, nullptr);
}

} // namespace

void define() {
    define_switches();
    define_limits();
    define_groups();
    define_times();
    reserve_settings("ayb_jobs");
}

bool serves_database(const char *name) {
    if (strcmp(databases, "*") == 0)
        return true;
    List *names = NIL;
    char *copy = pstrdup(databases);
    bool found = false;
    if (SplitIdentifierString(copy, ',', &names)) {
        ListCell *cell;
        foreach (cell, names)
            found = found || strcmp(static_cast<char *>(lfirst(cell)), name) == 0;
    }
    list_free(names);
    pfree(copy);
    return found;
}

} // namespace ayb::settings
