#include "lanes/counts.hpp"

#include <algorithm>

namespace ayb {

namespace {

constexpr int kJournalEntries = 16384;

// A commit seen while its database's scheduler counts the tables.
struct Entry {
    TransactionId xid;
    RoleKey role;
    int32 delta[kStates];
};

// Of all databases that are being counted. Guarded by Locks::lanes.
struct Journal {
    int count;
    Entry entries[kJournalEntries];
};

// By which snapshot a database was last counted, as far as whole transactions go. A commit is
// visible before it is told: what the count has seen must not be added once more. `xmax` is
// InvalidTransactionId while it is being counted, or never was. Guarded by Locks::lanes.
struct Counted {
    Oid database;  // InvalidOid for a free place
    bool counting; // its commits go to the journal
    bool overflow; // which had no room for one
    TransactionId xmin;
    TransactionId xmax;
    int running;
    TransactionId running_xids[FLEXIBLE_ARRAY_MEMBER];
};

Journal *g_journal;
char *g_counted; // max_worker_processes of them: no more databases have a scheduler

// As many transactions as a snapshot can show running.
int most_running() { return MaxBackends + max_prepared_xacts; }

Size counted_size() {
    return MAXALIGN(offsetof(Counted, running_xids) + most_running() * sizeof(TransactionId));
}

Counted *counted_at(int place) {
    return reinterpret_cast<Counted *>(g_counted + place * counted_size());
}

Counted *find_counted(Oid database) {
    for (int i = 0; i < max_worker_processes; i++)
        if (counted_at(i)->database == database)
            return counted_at(i);
    return nullptr;
}

// A place is never given back: of databases without a scheduler nothing is counted, and of one that
// gets one again everything is. So another one's may be taken, that isn't being counted.
Counted *take_counted(Oid database) {
    static int next;
    Counted *place = find_counted(database);
    if (place == nullptr)
        place = find_counted(InvalidOid);
    while (place == nullptr || (place->counting && place->database != database))
        place = counted_at(next++ % max_worker_processes);
    place->database = database;
    place->xmax = InvalidTransactionId;
    return place;
}

void keep_snapshot(Counted *counted, Snapshot snapshot) {
    counted->xmin = snapshot->xmin;
    counted->xmax = snapshot->xmax;
    counted->running = static_cast<int>(snapshot->xcnt);
    memcpy(counted->running_xids, snapshot->xip, snapshot->xcnt * sizeof(TransactionId));
}

bool was_counted(const Counted *counted, TransactionId xid) {
    if (counted == nullptr || !TransactionIdIsValid(counted->xmax) ||
        TransactionIdFollowsOrEquals(xid, counted->xmax))
        return false;
    for (int i = 0; i < counted->running; i++)
        if (counted->running_xids[i] == xid)
            return false;
    return true;
}

void add(RoleLanes &role, const int32 (&delta)[kStates]) {
    for (int i = 0; i < kStates; i++)
        role.counts[i] += delta[i];
}

// Under Locks::lanes, exclusively: nobody else is at the role.
void add_to_made(const RoleKey &role, const int32 (&delta)[kStates]) {
    if (RoleLanes *made = make_role(role))
        add(*made, delta);
}

bool is_counting(const Counted *counted) { return counted != nullptr && counted->counting; }

void enter_journal(Counted *counted, TransactionId xid, const RoleKey &role,
                   const int32 (&delta)[kStates]) {
    if (g_journal->count == kJournalEntries) {
        counted->overflow = true;
        return;
    }
    Entry &entry = g_journal->entries[g_journal->count++];
    entry.xid = xid;
    entry.role = role;
    memcpy(entry.delta, delta, sizeof(entry.delta));
}

void forget_entries(Oid database) {
    Entry *end = std::remove_if(
        g_journal->entries, g_journal->entries + g_journal->count,
        [database](const Entry &commit) { return commit.role.database == database; });
    g_journal->count = static_cast<int>(end - g_journal->entries);
}

// False where it takes the lock exclusively.
bool try_count(const RoleKey &role, TransactionId xid, const int32 (&delta)[kStates]) {
    LWLockAcquire(lock_of(Locks::lanes), LW_SHARED);
    const Counted *counted = find_counted(role.database);
    const bool journaled = is_counting(counted);
    bool done = !journaled && was_counted(counted, xid);
    RoleLanes *found = journaled || done ? nullptr : find_role(role);
    if (found != nullptr) {
        SpinLockAcquire(&found->mutex);
        add(*found, delta);
        SpinLockRelease(&found->mutex);
        done = true;
    }
    LWLockRelease(lock_of(Locks::lanes));
    return done;
}

} // namespace

Size counts_size() {
    return add_size(sizeof(Journal), mul_size(max_worker_processes, counted_size()));
}

void init_counts() {
    bool made;
    g_journal = static_cast<Journal *>(shared_part("ayb_jobs counts", sizeof(Journal), &made));
    g_counted = static_cast<char *>(
        shared_part("ayb_jobs counted", max_worker_processes * counted_size(), &made));
}

void count_change(const RoleKey &role, TransactionId xid, const int32 (&delta)[kStates]) {
    if (try_count(role, xid, delta))
        return;
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    Counted *counted = find_counted(role.database);
    if (is_counting(counted))
        enter_journal(counted, xid, role, delta);
    else if (!was_counted(counted, xid))
        add_to_made(role, delta);
    LWLockRelease(lock_of(Locks::lanes));
}

void begin_count(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    forget_entries(database);
    Counted *counted = take_counted(database);
    counted->counting = true;
    counted->overflow = false;
    LWLockRelease(lock_of(Locks::lanes));
    each_role(database, [](RoleLanes &role) { memset(role.counts, 0, sizeof(role.counts)); });
}

void enter_count(const RoleKey &role, State state, int64 count) {
    with_made_entry(role,
                    [&](RoleLanes &entry) { entry.counts[static_cast<int>(state)] += count; });
}

bool finish_count(Oid database, Snapshot snapshot) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    for (int i = 0; i < g_journal->count; i++) {
        const Entry &commit = g_journal->entries[i];
        if (commit.role.database == database && XidInMVCCSnapshot(commit.xid, snapshot))
            add_to_made(commit.role, commit.delta);
    }
    forget_entries(database);
    Counted *counted = take_counted(database);
    keep_snapshot(counted, snapshot);
    const bool exact = !counted->overflow && !lanes_were_full();
    counted->counting = false;
    LWLockRelease(lock_of(Locks::lanes));
    return exact;
}

void abandon_count(Oid database) {
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    forget_entries(database);
    if (Counted *counted = find_counted(database))
        counted->counting = false;
    LWLockRelease(lock_of(Locks::lanes));
}

} // namespace ayb
