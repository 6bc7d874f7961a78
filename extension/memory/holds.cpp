#include "memory/holds.hpp"

#include "memory/databases.hpp"
#include "memory/launcher.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// How long a hold waits beyond shutdown_timeout for processes that were told to leave.
constexpr int kGraceMs = 2000;
constexpr int kPollMs = 5;

void stop_processes(const Database *entry) {
    LWLockAcquire(lock_of(Locks::databases), LW_SHARED);
    const pid_t scheduler = entry->scheduler_pid;
    LWLockRelease(lock_of(Locks::databases));
    if (scheduler != 0 && scheduler != MyProcPid)
        kill(scheduler, SIGTERM);
    stop_workers(entry->oid);
}

// The pids of the database's processes, added to `pids` (room for slot_count() + 1 of them).
int collect_processes(const Database *entry, pid_t *pids) {
    int count = 0;
    if (entry->scheduler_pid != 0)
        pids[count++] = entry->scheduler_pid;
    each_slot([&](const WorkerSlot &slot) {
        if (slot.serves(entry->oid))
            pids[count++] = slot.pid;
    });
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

bool processes_left(const Database *entry) {
    return (entry->scheduler_pid != 0 && entry->scheduler_pid != MyProcPid) ||
           count_workers(entry->oid) > 0;
}

// A job of the database holds it itself.
void mark_holder(Oid database, bool holds) {
    if (const WorkerSlot *mine = my_slot(); mine != nullptr && mine->database == database)
        change_slot(mine->index, [=](WorkerSlot &slot) { slot.holds = holds; });
}

} // namespace

bool take_hold(Oid database) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    Database *entry = take_database(database);
    if (entry != nullptr)
        pg_atomic_fetch_add_u32(&entry->holds, 1);
    LWLockRelease(lock_of(Locks::databases));
    if (entry != nullptr)
        mark_holder(database, true);
    return entry != nullptr;
}

void wait_for_hold(Oid database) {
    Database *entry = find_database(database);
    if (entry == nullptr)
        return;
    auto *pids = static_cast<pid_t *>(palloc((slot_count() + 1) * sizeof(pid_t)));
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
    mark_holder(database, false);
    pg_atomic_fetch_sub_u32(&entry->holds, 1);
    release_database(entry);
    request_probe(database);
}

void stop_workers(Oid database) {
    signal_slots(SIGTERM, [&](WorkerSlot &slot) {
        const bool meant = slot.serves(database) && slot.pid != MyProcPid && !slot.holds;
        if (meant)
            slot.stop_wanted = true;
        return meant;
    });
}

bool any_worker_to_stop(Oid database) {
    bool any = false;
    each_slot([&](const WorkerSlot &slot) {
        const bool there =
            slot.phase == WorkerSlot::Phase::serving || slot.phase == WorkerSlot::Phase::starting;
        any = any || (there && slot.database == database && !slot.holds);
    });
    return any;
}

int count_workers(Oid database) {
    int count = 0;
    each_slot([&](const WorkerSlot &slot) {
        const bool there = slot.phase == WorkerSlot::Phase::serving ||
                           (slot.phase == WorkerSlot::Phase::starting && !never_came(slot));
        if (there && slot.database == database && slot.pid != MyProcPid)
            count++;
    });
    return count;
}

void interrupt_workers(Oid database, bool hard) {
    // SIGTERM without stop_wanted is pg_terminate_backend(): it ends the process at once.
    signal_slots(hard ? SIGTERM : SIGINT, [&](WorkerSlot &slot) {
        const bool meant = slot.serves(database) && slot.has_job && slot.pid != MyProcPid;
        if (meant)
            slot.put_back = true;
        return meant;
    });
}

} // namespace ayb
