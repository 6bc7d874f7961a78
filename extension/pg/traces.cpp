#include "pg/traces.hpp"

#include "pg/postgres.hpp"

namespace ayb {

namespace {

bool g_noted;

bool is_users(const PROCLOCK *lock) {
    return lock->tag.myLock->tag.locktag_lockmethodid == USER_LOCKMETHOD;
}

// Only this process adds to its own lists, but for a fast-path lock that somebody moves there: such
// a one is on a table.
bool holds_advisory_lock() {
    bool found = false;
    for (int i = 0; i < NUM_LOCK_PARTITIONS && !found; i++) {
        if (holds_no_lock(i))
            continue;
        LWLockAcquire(LockHashPartitionLockByIndex(i), LW_SHARED);
        found = any_lock(i, is_users);
        LWLockRelease(LockHashPartitionLockByIndex(i));
    }
    return found;
}

} // namespace

void forget_traces() { g_noted = false; }

bool left_traces() {
    return g_noted || (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0 ||
           holds_advisory_lock();
}

void note_trace() { g_noted = true; }

} // namespace ayb
