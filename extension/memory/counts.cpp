#include "memory/counts.hpp"

#include "memory/databases.hpp"
#include "memory/lanes.hpp"

namespace ayb {

namespace {

void add(Lane *lane, const int32 (&delta)[kStates]) {
    SpinLockAcquire(&lane->mutex);
    for (int i = 0; i < kStates; i++)
        lane->counts[i] += delta[i];
    SpinLockRelease(&lane->mutex);
}

void zero(Lane *lane, void * /*context*/) {
    SpinLockAcquire(&lane->mutex);
    memset(lane->counts, 0, sizeof(lane->counts));
    SpinLockRelease(&lane->mutex);
}

} // namespace

void count_change(Lane *lane, TransactionId xid, const int32 (&delta)[kStates]) {
    Journal &journal = shared()->journal;
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    if (journal.database != lane->key.database) {
        add(lane, delta);
        LWLockRelease(lock_of(Locks::lanes));
        return;
    }
    LWLockRelease(lock_of(Locks::lanes));

    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (journal.database != lane->key.database) {
        add(lane, delta);
    } else if (journal.count < kJournalEntries) {
        JournalEntry &entry = journal.entries[journal.count++];
        entry.xid = xid;
        entry.role = lane->key.role;
        memcpy(entry.delta, delta, sizeof(entry.delta));
    } else {
        journal.overflow = true;
    }
    LWLockRelease(lock_of(Locks::lanes));
}

bool begin_count(Oid database) {
    Journal &journal = shared()->journal;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    const bool free = !OidIsValid(journal.database) || journal.database == database;
    if (free) {
        journal.database = database;
        journal.count = 0;
        journal.overflow = false;
    }
    LWLockRelease(lock_of(Locks::lanes));
    if (free)
        each_lane(database, zero, nullptr);
    return free;
}

void enter_count(Oid database, Oid role, State state, int64 count) {
    if (Lane *lane = lane_of(database, role)) {
        SpinLockAcquire(&lane->mutex);
        lane->counts[static_cast<int>(state)] += count;
        SpinLockRelease(&lane->mutex);
    }
}

bool finish_count(Database *entry, Snapshot snapshot) {
    Journal &journal = shared()->journal;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    for (int i = 0; i < journal.count; i++) {
        const JournalEntry &commit = journal.entries[i];
        if (!XidInMVCCSnapshot(commit.xid, snapshot))
            continue;
        const LaneKey key{entry->oid, commit.role};
        if (auto *lane = static_cast<Lane *>(hash_search(lanes(), &key, HASH_FIND, nullptr)))
            add(lane, commit.delta);
    }
    const bool exact = !journal.overflow && pg_atomic_read_u32(&shared()->lanes_full) == 0;
    journal.database = InvalidOid;
    LWLockRelease(lock_of(Locks::lanes));
    entry->counted = exact;
    return exact;
}

void abandon_count(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (shared()->journal.database == database)
        shared()->journal.database = InvalidOid;
    LWLockRelease(lock_of(Locks::lanes));
}

} // namespace ayb
