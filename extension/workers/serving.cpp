#include "workers/serving.hpp"

#include "lanes/lanes.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

Database *enter_database(Oid database) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    Database *entry = take_database(database);
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
    entry->counted = false;
    open_due(entry);
    pg_atomic_write_u32(&entry->recount, 1);
    pg_atomic_write_u32(&entry->gone, 1);  // nobody told it while none was there
    pg_atomic_write_u32(&entry->doubt, 1); // a transaction may be prepared
    pg_atomic_write_u32(&entry->rescan, 1);
    pg_atomic_exchange_u32(&entry->serving, 1);
    return entry;
}

void leave_database(Database *entry) {
    pg_atomic_write_u32(&entry->serving, 0);
    // The database may be dropped now, and nobody would.
    forget_lanes(entry->oid);
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    entry->scheduler_pid = 0;
    entry->scheduler = nullptr;
    entry->counted = false;
    LWLockRelease(lock_of(Locks::databases));
    touch_waiters(entry->oid); // they look by themselves from now on
    release_database(entry);
}

} // namespace ayb
