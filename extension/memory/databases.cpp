#include "memory/databases.hpp"

#include "memory/due_floor.hpp"
#include "memory/external_floors.hpp"
#include "memory/lanes.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"

#include <csignal>

namespace ayb {

namespace {

// How long a hold waits beyond shutdown_timeout for processes that were told to leave.
constexpr int kGraceMs = 2000;
constexpr int kPollMs = 5;

void init_database(Database *entry, Oid database) {
    slock_t mutex = entry->mutex;
    memset(static_cast<void *>(entry), 0, sizeof(Database));
    entry->mutex = mutex;
    open_due(entry);
    entry->sleeping_until = DT_NOEND;
    pg_atomic_init_u32(&entry->wanted, 0);
    pg_atomic_init_u32(&entry->serving, 0);
    pg_atomic_init_u32(&entry->rescan, 1);
    pg_atomic_init_u32(&entry->sweep, 1);
    pg_atomic_init_u32(&entry->recount, 1);
    pg_atomic_init_u32(&entry->doubt, 1);
    pg_atomic_init_u32(&entry->holds, 0);
    pg_atomic_init_u32(&entry->draining, 0);
    pg_atomic_init_u32(&entry->waiting, 0);
    pg_atomic_init_u32(&entry->crowded, 0);
    pg_atomic_init_u32(&entry->paused, 0);
    pg_write_barrier();
    entry->oid = database;
}

Database *take_locked(Oid database) {
    Database *place = find_database(database);
    for (int i = 0; place == nullptr && i < shared()->slots; i++)
        if (!OidIsValid(databases()[i].oid)) {
            place = &databases()[i];
            init_database(place, database);
        }
    return place;
}

void stop_processes(Database *entry) {
    LWLockAcquire(lock_of(Locks::databases), LW_SHARED);
    if (entry->scheduler_pid != 0 && entry->scheduler_pid != MyProcPid)
        kill(entry->scheduler_pid, SIGTERM);
    LWLockRelease(lock_of(Locks::databases));
    stop_workers(entry->oid);
}

// The pids of the database's processes, added to `pids` (room for shared()->slots + 1 of them).
int collect_processes(Database *entry, pid_t *pids) {
    int count = 0;
    if (entry->scheduler_pid != 0)
        pids[count++] = entry->scheduler_pid;
    WorkerSlot *slot = worker_slots();
    for (int i = 0; i < shared()->slots; i++, slot++)
        if (slot->phase == WorkerSlot::Phase::serving && slot->database == entry->oid)
            pids[count++] = slot->pid;
    return count;
}

// A process gives its place back a moment before it leaves PostgreSQL's list of backends, and that
// list is what DROP DATABASE looks at.
bool any_backend(const pid_t *pids, int count) {
    for (int i = 0; i < count; i++)
        if (pids[i] != MyProcPid && BackendPidGetProc(pids[i]) != nullptr)
            return true;
    return false;
}

bool processes_left(Database *entry) {
    return (entry->scheduler_pid != 0 && entry->scheduler_pid != MyProcPid) ||
           count_workers(entry->oid) > 0;
}

} // namespace

Database *find_database(Oid database) {
    if (shared() == nullptr)
        return nullptr;
    for (int i = 0; i < shared()->slots; i++)
        if (databases()[i].oid == database)
            return &databases()[i];
    return nullptr;
}

Database *find_served(Oid database) {
    Database *entry = find_database(database);
    return entry != nullptr && pg_atomic_read_u32(&entry->serving) != 0 ? entry : nullptr;
}

Database *take_database(Oid database) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    Database *place = take_locked(database);
    LWLockRelease(lock_of(Locks::databases));
    return place;
}

void release_database(Database *entry) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    if (entry->scheduler_pid == 0 && pg_atomic_read_u32(&entry->holds) == 0)
        entry->oid = InvalidOid;
    LWLockRelease(lock_of(Locks::databases));
}

Database *enter_database(Oid database) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    Database *entry = take_locked(database);
    const bool free =
        entry != nullptr && entry->scheduler_pid == 0 && pg_atomic_read_u32(&entry->holds) == 0;
    if (free) {
        entry->scheduler_pid = MyProcPid;
        entry->scheduler = MyLatch;
    }
    LWLockRelease(lock_of(Locks::databases));
    if (!free)
        return nullptr;

    forget_lanes(database);
    forget_external_floors(database);
    entry->counted = false;
    open_due(entry);
    pg_atomic_write_u32(&entry->recount, 1);
    pg_atomic_write_u32(&entry->doubt, 1); // a transaction may be prepared
    pg_atomic_write_u32(&entry->rescan, 1);
    pg_atomic_write_u32(&entry->sweep, 1);
    pg_atomic_exchange_u32(&entry->serving, 1);
    return entry;
}

void leave_database(Database *entry) {
    pg_atomic_write_u32(&entry->serving, 0);
    // The database may be dropped now, and nobody would.
    forget_lanes(entry->oid);
    forget_external_floors(entry->oid);
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    entry->scheduler_pid = 0;
    entry->scheduler = nullptr;
    entry->counted = false;
    LWLockRelease(lock_of(Locks::databases));
    release_database(entry);
}

void wake_scheduler(Database *entry) {
    pg_atomic_exchange_u32(&entry->wanted, 1);
    Latch *latch = entry->scheduler;
    if (latch != nullptr)
        SetLatch(latch);
}

void wake_launcher() {
    SpinLockAcquire(&shared()->launcher_mutex);
    Latch *launcher = shared()->launcher;
    SpinLockRelease(&shared()->launcher_mutex);
    if (launcher != nullptr)
        SetLatch(launcher);
}

void request_probe(Oid database) {
    if (shared() == nullptr)
        return;
    LauncherMail &mail = shared()->mail;
    SpinLockAcquire(&shared()->launcher_mutex);
    if (OidIsValid(database) && mail.probe_count < kMaxProbes)
        mail.probes[mail.probe_count++] = database;
    else
        mail.probe_all = true;
    SpinLockRelease(&shared()->launcher_mutex);
    wake_launcher();
}

void report_absent(Oid database) {
    LauncherMail &mail = shared()->mail;
    SpinLockAcquire(&shared()->launcher_mutex);
    if (mail.absent_count < kMaxProbes)
        mail.absent[mail.absent_count++] = database;
    SpinLockRelease(&shared()->launcher_mutex);
}

void take_mail(LauncherMail *mail) {
    SpinLockAcquire(&shared()->launcher_mutex);
    *mail = shared()->mail;
    shared()->mail = LauncherMail{};
    SpinLockRelease(&shared()->launcher_mutex);
}

bool take_hold(Oid database) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    Database *entry = take_locked(database);
    if (entry != nullptr)
        pg_atomic_fetch_add_u32(&entry->holds, 1);
    LWLockRelease(lock_of(Locks::databases));
    return entry != nullptr;
}

void wait_for_hold(Oid database) {
    Database *entry = find_database(database);
    if (entry == nullptr)
        return;
    auto *pids = static_cast<pid_t *>(palloc((shared()->slots + 1) * sizeof(pid_t)));
    const int count = collect_processes(entry, pids);
    stop_processes(entry);
    const TimestampTz deadline = GetCurrentTimestamp() + (settings::shutdown_timeout + kGraceMs) *
                                                             kMicrosecondsPerMillisecond;
    while ((processes_left(entry) || any_backend(pids, count)) &&
           GetCurrentTimestamp() < deadline) {
        WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, kPollMs,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        stop_processes(entry);
    }
    pfree(pids);
}

void release_hold(Oid database) {
    Database *entry = find_database(database);
    if (entry == nullptr)
        return;
    pg_atomic_fetch_sub_u32(&entry->holds, 1);
    release_database(entry);
    request_probe(database);
}

void stop_workers(Oid database) {
    WorkerSlot *slot = worker_slots();
    for (int i = 0; i < shared()->slots; i++, slot++) {
        SpinLockAcquire(&slot->mutex);
        const bool ours = slot->phase == WorkerSlot::Phase::serving && slot->database == database;
        if (ours && slot->pid != MyProcPid) {
            slot->stop_wanted = true;
            kill(slot->pid, SIGTERM);
        }
        SpinLockRelease(&slot->mutex);
    }
}

int count_workers(Oid database) {
    int count = 0;
    WorkerSlot *slot = worker_slots();
    for (int i = 0; i < shared()->slots; i++, slot++) {
        SpinLockAcquire(&slot->mutex);
        const bool there = slot->phase == WorkerSlot::Phase::serving ||
                           (slot->phase == WorkerSlot::Phase::starting && !never_came(*slot));
        if (there && slot->database == database && slot->pid != MyProcPid)
            count++;
        SpinLockRelease(&slot->mutex);
    }
    return count;
}

void interrupt_workers(Oid database, bool hard) {
    WorkerSlot *slot = worker_slots();
    for (int i = 0; i < shared()->slots; i++, slot++) {
        SpinLockAcquire(&slot->mutex);
        if (slot->phase == WorkerSlot::Phase::serving && slot->database == database &&
            slot->has_job && slot->pid != MyProcPid) {
            slot->put_back = true;
            // SIGTERM without stop_wanted is pg_terminate_backend(): it ends the process at once.
            kill(slot->pid, hard ? SIGTERM : SIGINT);
        }
        SpinLockRelease(&slot->mutex);
    }
}

} // namespace ayb
