#include "memory/counts.hpp"

namespace ayb {

namespace {

constexpr int kJournalEntries = 16384;

// Commits seen while a scheduler counts its tables.
struct Entry {
    TransactionId xid;
    Oid role;
    int32 delta[kStates];
};

// Guarded by Locks::lanes.
struct Journal {
    Oid database; // InvalidOid while nobody counts
    bool overflow;
    int count;
    Entry entries[kJournalEntries];
};

Journal *g_journal;

void add(Lane &lane, const int32 (&delta)[kStates]) {
    for (int i = 0; i < kStates; i++)
        lane.counts[i] += delta[i];
}

// Under Locks::lanes, exclusively: nobody else is at the lane.
void add_to_made(const LaneKey &key, const int32 (&delta)[kStates]) {
    if (Lane *lane = make_lane(key))
        add(*lane, delta);
}

void enter_journal(TransactionId xid, Oid role, const int32 (&delta)[kStates]) {
    if (g_journal->count == kJournalEntries) {
        g_journal->overflow = true;
        return;
    }
    Entry &entry = g_journal->entries[g_journal->count++];
    entry.xid = xid;
    entry.role = role;
    memcpy(entry.delta, delta, sizeof(entry.delta));
}

} // namespace

Size counts_size() { return sizeof(Journal); }

void init_counts() {
    bool made;
    g_journal = static_cast<Journal *>(shared_part("ayb_jobs counts", counts_size(), &made));
}

void count_change(const LaneKey &key, TransactionId xid, const int32 (&delta)[kStates]) {
    bool counted = false;
    with_lane(key, [&](Lane &lane) {
        counted = g_journal->database != key.database;
        if (counted)
            add(lane, delta);
    });
    if (counted)
        return;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (g_journal->database == key.database)
        enter_journal(xid, key.role, delta);
    else
        add_to_made(key, delta);
    LWLockRelease(lock_of(Locks::lanes));
}

bool begin_count(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    const bool free = !OidIsValid(g_journal->database) || g_journal->database == database;
    if (free) {
        g_journal->database = database;
        g_journal->count = 0;
        g_journal->overflow = false;
    }
    LWLockRelease(lock_of(Locks::lanes));
    if (free)
        each_lane(database, [](Lane &lane) { memset(lane.counts, 0, sizeof(lane.counts)); });
    return free;
}

void enter_count(const LaneKey &key, State state, int64 count) {
    with_made_lane(key, [&](Lane &lane) { lane.counts[static_cast<int>(state)] += count; });
}

bool finish_count(Oid database, Snapshot snapshot) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    for (int i = 0; i < g_journal->count; i++) {
        const Entry &commit = g_journal->entries[i];
        if (XidInMVCCSnapshot(commit.xid, snapshot))
            add_to_made({database, commit.role}, commit.delta);
    }
    const bool exact = !g_journal->overflow && !lanes_were_full();
    g_journal->database = InvalidOid;
    LWLockRelease(lock_of(Locks::lanes));
    return exact;
}

void abandon_count(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    if (g_journal->database == database)
        g_journal->database = InvalidOid;
    LWLockRelease(lock_of(Locks::lanes));
}

} // namespace ayb
