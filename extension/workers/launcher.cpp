// The launcher: one a cluster. It connects to no database, and keeps a scheduler in each one that
// has the extension.
//
//   unknown --start--> probing --the extension is there--> served --scheduler exits--> unknown
//                              --it is not--> absent --CREATE EXTENSION commits--> unknown
#include "workers/launcher.hpp"

#include "hooks/signals.hpp"
#include "memory/databases.hpp"
#include "memory/launcher.hpp"
#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/transaction.hpp"
#include "pg/tuples.hpp"
#include "workers/scheduler.hpp"

namespace ayb {

namespace {

constexpr long kLongestSleepMs = 60000;
constexpr long kRetryMs = 1000;
constexpr int kMostProbes = 4; // schedulers on their way up at the same time
constexpr int64 kRestartAfter = kMicrosecondsPerSecond;

struct Known {
    Oid database; // the key
    bool absent;
    bool seen; // in pg_database at the last look
    BackgroundWorkerHandle *handle;
    TimestampTz started_at;
};

HTAB *g_known;
volatile sig_atomic_t g_stop;
volatile sig_atomic_t g_with_server; // the SIGTERM was the postmaster's

void on_terminate(int /*signal*/, siginfo_t *info, void * /*context*/) {
    const int saved = errno;
    g_stop = true;
    g_with_server = g_with_server || info->si_pid == PostmasterPid;
    SetLatch(MyLatch);
    errno = saved;
}

Known *known(Oid database) {
    bool found;
    auto *entry = static_cast<Known *>(hash_search(g_known, &database, HASH_ENTER, &found));
    if (!found) {
        memset(static_cast<void *>(entry), 0, sizeof(Known));
        entry->database = database;
    }
    return entry;
}

template <typename Visit> void each_known(Visit visit) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, g_known);
    while (auto *entry = static_cast<Known *>(hash_seq_search(&scan)))
        visit(entry);
}

// Somebody committed what makes the database worth a look: it does not wait like one whose
// scheduler failed.
void look_again(Known *entry) {
    entry->absent = false;
    entry->started_at = 0;
}

// Serves what others asked: the answers of databases that were looked at, and those to look at
// again.
void take_messages() {
    LauncherMail mail;
    take_mail(&mail);
    for (int i = 0; i < mail.absent_count; i++)
        known(mail.absent[i])->absent = true;
    for (int i = 0; i < mail.probe_count; i++)
        look_again(known(mail.probes[i]));
    if (mail.probe_all)
        each_known(look_again);
}

void look_at_row(const FormData_pg_database *form) {
    if (form->datistemplate || !form->datallowconn || form->datconnlimit == -2)
        return;
    if (settings::serves_database(NameStr(form->datname)))
        known(form->oid)->seen = true;
}

void look_at_databases() {
    each_known([](Known *entry) { entry->seen = false; });
    in_transaction([] { each_database(look_at_row); });
    each_known([](Known *entry) {
        if (!entry->seen && entry->handle == nullptr)
            hash_search(g_known, &entry->database, HASH_REMOVE, nullptr);
    });
}

int reap() {
    int on_the_way = 0;
    each_known([&on_the_way](Known *entry) {
        if (entry->handle == nullptr)
            return;
        pid_t pid;
        const BgwHandleStatus status = GetBackgroundWorkerPid(entry->handle, &pid);
        const Database *database = find_database(entry->database);
        if (status == BGWH_STOPPED) {
            pfree(entry->handle);
            entry->handle = nullptr;
        } else if (database == nullptr || database->scheduler_pid == 0) {
            on_the_way++;
        }
    });
    return on_the_way;
}

bool wanted(const Known &entry) {
    if (!entry.seen || entry.absent || entry.handle != nullptr)
        return false;
    Database *database = find_database(entry.database);
    return database == nullptr ||
           (database->scheduler_pid == 0 && pg_atomic_read_u32(&database->holds) == 0);
}

// Starts what is missing; returns how long to sleep.
long start_missing(int on_the_way) {
    long sleep_ms = on_the_way > 0 ? kRetryMs : kLongestSleepMs;
    const TimestampTz now = GetCurrentTimestamp();
    bool any_wanted = false;
    each_known([&](Known *entry) {
        if (!wanted(*entry))
            return;
        any_wanted = true;
        const TimestampTz earliest = entry->started_at + kRestartAfter;
        if (now < earliest || on_the_way >= kMostProbes) {
            sleep_ms = Min(sleep_ms, Max(milliseconds_until(earliest, now, kRetryMs), 10L));
            return;
        }
        entry->started_at = now;
        entry->handle = start_scheduler(entry->database);
        if (entry->handle != nullptr) {
            on_the_way++;
            *launcher_no_slot_since() = 0;
        } else {
            sleep_ms = Min(sleep_ms, kRetryMs);
            report_no_slot("ayb_jobs scheduler", launcher_no_slot_since());
        }
    });
    if (!any_wanted)
        *launcher_no_slot_since() = 0;
    return sleep_ms;
}

void leave(int /*code*/, Datum /*argument*/) { leave_launcher(); }

void enter() {
    before_shmem_exit(leave, 0);
    enter_launcher();

    HASHCTL control{};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Known);
    g_known = hash_create("ayb_jobs databases", 64, &control, HASH_ELEM | HASH_BLOBS);
}

} // namespace

void register_launcher() {
    BackgroundWorker worker =
        describe_worker("ayb_jobs_launcher_main", "ayb_jobs launcher", "ayb_jobs launcher");
    worker.bgw_restart_time = 1;
    worker.bgw_notify_pid = 0;
    RegisterBackgroundWorker(&worker);
}

} // namespace ayb

using namespace ayb;

extern "C" PGDLLEXPORT void ayb_jobs_launcher_main(Datum /*argument*/) {
    handle_sigterm(on_terminate);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
    enter();

    while (!g_stop) {
        long sleep_ms = kLongestSleepMs;
        begin_look();
        take_messages();
        const int on_the_way = reap();
        if (settings::enabled) {
            look_at_databases();
            sleep_ms = start_missing(on_the_way);
        }
        end_look();
        pgstat_report_activity(STATE_IDLE, nullptr);
        sleep_and_listen(sleep_ms, "AybJobsLauncher");
    }
    // The postmaster forgets one that exits with 0. Who ended this process alone has it back in a
    // second.
    proc_exit(g_with_server ? 0 : 1);
}
