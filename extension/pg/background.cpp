#include "pg/background.hpp"

namespace ayb {

namespace {

uint32 wait_event(const char *name) {
    static uint32 events[4];
    static const char *names[4];
    for (int i = 0; i < 4; i++) {
        if (names[i] == nullptr) {
            names[i] = name;
            events[i] = new_wait_event(name);
        }
        if (strcmp(names[i], name) == 0)
            return events[i];
    }
    return PG_WAIT_EXTENSION;
}

} // namespace

BackgroundWorker describe_worker(const char *entry, const char *type, const char *name) {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(worker.bgw_library_name, "ayb_jobs", sizeof(worker.bgw_library_name));
    strlcpy(worker.bgw_function_name, entry, sizeof(worker.bgw_function_name));
    strlcpy(worker.bgw_type, type, sizeof(worker.bgw_type));
    strlcpy(worker.bgw_name, name, sizeof(worker.bgw_name));
    worker.bgw_notify_pid = MyProcPid;
    return worker;
}

BackgroundWorkerHandle *start_background(BackgroundWorker *worker) {
    BackgroundWorkerHandle *handle = nullptr;
    MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
    const bool registered = RegisterDynamicBackgroundWorker(worker, &handle);
    MemoryContextSwitchTo(before);
    return registered ? handle : nullptr;
}

void report_no_slot(const char *what, TimestampTz *since) {
    if (*since != 0)
        return;
    *since = GetCurrentTimestamp();
    ereport(LOG, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                  errmsg("could not start an %s: all background worker slots are taken", what),
                  errhint("Raise max_worker_processes (it is %d) and restart the server.",
                          max_worker_processes)));
}

void sleep_and_listen(long milliseconds, const char *event) {
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
              wait_event(event));
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    if (ConfigReloadPending) {
        ConfigReloadPending = false;
        ProcessConfigFile(PGC_SIGHUP);
    }
}

} // namespace ayb
