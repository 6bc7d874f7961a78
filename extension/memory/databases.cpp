#include "memory/databases.hpp"

namespace ayb {

namespace {

Database *g_databases; // slot_count() of them

void init_database(Database *entry, Oid database) {
    slock_t mutex = entry->mutex;
    memset(static_cast<void *>(entry), 0, sizeof(Database));
    entry->mutex = mutex;
    open_due(entry);
    entry->sleeping_until = DT_NOEND;
    pg_atomic_init_u32(&entry->wanted, 0);
    pg_atomic_init_u32(&entry->serving, 0);
    pg_atomic_init_u32(&entry->rescan, 1);
    pg_atomic_init_u32(&entry->configured, 1);
    pg_atomic_init_u32(&entry->found, 0);
    pg_atomic_init_u32(&entry->recount, 1);
    pg_atomic_init_u32(&entry->doubt, 1);
    pg_atomic_init_u32(&entry->gone, 1);
    pg_atomic_init_u32(&entry->holds, 0);
    pg_atomic_init_u32(&entry->draining, 0);
    pg_atomic_init_u32(&entry->waiting, 0);
    pg_atomic_init_u32(&entry->crowded, 0);
    pg_atomic_init_u32(&entry->paused, 0);
    pg_write_barrier();
    entry->oid = database;
}

} // namespace

Size databases_size() { return mul_size(slot_count(), sizeof(Database)); }

void init_databases() {
    bool made;
    g_databases =
        static_cast<Database *>(shared_part("ayb_jobs databases", databases_size(), &made));
    for (int i = 0; made && i < slot_count(); i++)
        SpinLockInit(&g_databases[i].mutex);
}

Database *find_database(Oid database) {
    if (!preloaded())
        return nullptr;
    for (int i = 0; i < slot_count(); i++)
        if (g_databases[i].oid == database) {
            pg_read_barrier(); // of whoever took the place its number came last
            return &g_databases[i];
        }
    return nullptr;
}

Database *find_served(Oid database) {
    Database *entry = find_database(database);
    return entry != nullptr && pg_atomic_read_u32(&entry->serving) != 0 ? entry : nullptr;
}

Database *take_database(Oid database) {
    Database *place = find_database(database);
    for (int i = 0; place == nullptr && i < slot_count(); i++)
        if (!OidIsValid(g_databases[i].oid)) {
            place = &g_databases[i];
            init_database(place, database);
        }
    return place;
}

void release_database(Database *entry) {
    LWLockAcquire(lock_of(Locks::databases), LW_EXCLUSIVE);
    if (entry->scheduler_pid == 0 && pg_atomic_read_u32(&entry->holds) == 0)
        entry->oid = InvalidOid;
    LWLockRelease(lock_of(Locks::databases));
}

void begin_recount(Database *database) {
    database->counted = false;
    pg_write_barrier();
    pg_atomic_write_u32(&database->recount, 0);
}

void end_recount(Database *database, bool right) {
    pg_write_barrier(); // the counts came first
    database->counted = right;
}

bool are_counted(Database *database) {
    const bool asked = pg_atomic_read_u32(&database->recount) != 0;
    pg_read_barrier();
    const bool counted = database->counted;
    pg_read_barrier();
    return counted && !asked;
}

void open_due(Database *database) {
    SpinLockAcquire(&database->mutex);
    open_floor(&database->leases, DT_NOBEGIN, DT_NOEND, database->leases.commits + 1);
    open_floor(&database->ticks, DT_NOBEGIN, DT_NOEND, database->ticks.commits + 1);
    open_floor(&database->waits, DT_NOBEGIN, DT_NOEND, database->waits.commits + 1);
    open_floor(&database->times, DT_NOBEGIN, DT_NOEND, database->times.commits + 1);
    SpinLockRelease(&database->mutex);
}

void note_trouble(Database *database, Duty duty, const char *error) {
    const TimestampTz now = error != nullptr ? GetCurrentTimestamp() : 0;
    Trouble &trouble = database->troubles[static_cast<int>(duty)];
    SpinLockAcquire(&database->mutex);
    if (error == nullptr || trouble.error[0] == '\0')
        trouble.since = now;
    strlcpy(trouble.error, error == nullptr ? "" : error, kErrorBytes);
    SpinLockRelease(&database->mutex);
}

Trouble trouble_of(Database *database, Duty duty) {
    SpinLockAcquire(&database->mutex);
    const Trouble copy = database->troubles[static_cast<int>(duty)];
    SpinLockRelease(&database->mutex);
    return copy;
}

void tell_dropped_role() {
    for (int i = 0; i < slot_count(); i++)
        if (OidIsValid(g_databases[i].oid)) {
            pg_atomic_write_u32(&g_databases[i].gone, 1);
            wake_scheduler(&g_databases[i]);
        }
}

void wake_scheduler(Database *entry) {
    pg_atomic_exchange_u32(&entry->wanted, 1);
    Latch *latch = entry->scheduler;
    if (latch != nullptr)
        SetLatch(latch);
}

} // namespace ayb
