#include "memory/part.hpp"

namespace ayb {

namespace {

constexpr const char *kTranche = "ayb_jobs";

LWLockPadded *g_locks; // set once in the postmaster and inherited by every child

} // namespace

LWLock *lock_of(Locks which) { return &g_locks[static_cast<int>(which)].lock; }

bool preloaded() { return g_locks != nullptr; }

int slot_count() { return max_worker_processes; }

void *shared_part(const char *name, Size size, bool *made) {
    bool found;
    void *part = ShmemInitStruct(name, size, &found);
    if (!found)
        memset(part, 0, size);
    *made = !found;
    return part;
}

pg_atomic_uint32 *shared_number(const char *name) {
    bool made;
    auto *number =
        static_cast<pg_atomic_uint32 *>(shared_part(name, sizeof(pg_atomic_uint32), &made));
    if (made)
        pg_atomic_init_u32(number, 0);
    return number;
}

HTAB *shared_table(const char *name, int entries, Size key, Size entry) {
    HASHCTL control{};
    control.keysize = key;
    control.entrysize = entry;
    return ShmemInitHash(name, entries, entries, &control,
                         HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

void request_locks() { RequestNamedLWLockTranche(kTranche, static_cast<int>(Locks::count)); }

void init_locks() { g_locks = GetNamedLWLockTranche(kTranche); }

} // namespace ayb
