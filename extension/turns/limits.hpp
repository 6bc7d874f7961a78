#pragma once
// Limits of types in shared memory: how many jobs of one may run at once, and how many may start in
// a time, all roles and workers outside together. What is kept is which jobs run, not how many:
// each has a place, by its id. So whatever is told twice, or late, changes nothing.
//
// Whoever claims a job of a limited type has locked its row, takes a place for it (places.hpp),
// and then writes. The place is the transaction's until that ends: its commit callback makes places
// of those that run now, and frees the others. Whatever leaves `running` frees its
// place by its own commit. Nobody else frees a reservation; a process that ends without its
// callbacks restarts the server, and shared memory is new.
//
// A limit is in force, and its type starts nothing, from the commit that sets it; it opens when it
// is counted. That is done by the scheduler: when every worker that was about to claim by then has
// done so, it reads with a fresh snapshot which jobs of the type run, and enters them (count_limit)
// unless something changed since it began: then it begins again.
// After shared memory was new every rate counts as used up.
//
// All of it is guarded by Locks::limits, exclusively, but for `opens_at`, which is atomic. Entries
// are never moved: a pointer that is stale finds another type's, which costs one look.
#include "core/window.hpp"
#include "memory/part.hpp"
#include "pg/clock.hpp"
#include "turns/role_line.hpp"

extern "C" {
#include "storage/s_lock.h"
}

namespace ayb {

inline constexpr int kMaxLimits = 1024;

// What is set. 0 where there is no such limit.
struct LimitRule {
    int running;
    int running_per_key;
    int starts;
    int starts_per_key;
    int64 per;    // microseconds
    bool ordered; // the jobs of a key by their ids: then running_per_key is 1

    bool has_keys() const { return running_per_key > 0 || starts_per_key > 0; }
    bool has_rates() const { return starts > 0 || starts_per_key > 0; }
};

struct LimitKey {
    uint64 database;
    uint64 type; // its hash: two that are alike share a limit
};

struct Limit {
    LimitKey key;              // must be first
    uint64 born;               // of which time of it this is
    pg_atomic_uint64 opens_at; // nothing starts before; DT_NOEND until a place is left
    LimitRule rule;
    bool counted;        // all that run are known
    uint64 closed_by;    // set in this generation of the configuration
    bool full;           // no room was left for a place
    uint64 changes;      // of what runs, counted
    int places;          // reserved or running
    uint64 reservations; // ever
    core::Window window;
    TimestampTz used_up_until; // its starts
    RoleLine line;             // whose turn it is
};

Size limits_size();
void init_limits();

// How many are set, in all databases.
int limits_set();

// Whether there is any limit, of whatever database: a load.
bool any_limits();

LimitKey limit_key(const char *type);

// The entry, for Lane::limit; null where there is none.
const Limit *find_limit(const char *type);

// When the type may start one, as far as is known: DT_NOBEGIN for now, DT_NOEND for when a place is
// left.
inline TimestampTz opens_at(const Limit *limit) {
    if (limit == nullptr)
        return DT_NOBEGIN;
    auto *at = const_cast<pg_atomic_uint64 *>(&limit->opens_at);
    return static_cast<TimestampTz>(pg_atomic_read_u64(at));
}

// The same for a job of the role: a place that is left may be another one's.
inline TimestampTz opens_at(const Limit *limit, Oid role) {
    if (limit == nullptr)
        return DT_NOBEGIN;
    return Max(opens_at(limit), turn_comes_at(limit->line, role));
}

// From the callback of the commit that sets it: the type starts nothing until it is entered, and
// counted. Never throws.
void close_limit(const LimitKey &key);

// The scheduler's: what is set. Where that has a rule for keys, or had one, they are told under the
// lock: refresh_uses().
using TellKeys = void (*)(const Limit &limit, const LimitRule &before, TimestampTz now,
                          Opened *opened);
void enter_limit(const LimitKey &key, const LimitRule &rule, TellKeys tell, Opened *opened);
// Those of a database: palloc'd.
LimitKey *limits_of(Oid database, int *count);

// Which jobs run isn't known any more, of all limits of the database. Never throws.
void forget_running(Oid database);

// To be taken before the snapshot by which running jobs are counted (count_limit).
uint64 mark_limit(const LimitKey &key);

// A role has jobs of the type that are due, and may start none; whoever asks looks no more until
// the role is told, or until what it returns: DT_NOBEGIN where it may start one now. The others'
// turns may have come by that. Never throws.
TimestampTz ask_for_turn(const Limit *limit, Oid role, Asker asker, Opened *opened);
// A commit has made a job of the role claimable: whether the role is told when it may start one, as
// it may not do so now. It takes part in the turns of those that have some. Never throws.
bool ask_in_passing(const Limit *limit, Oid role, TimestampTz first, Opened *opened);
// It has jobs that are due, or has none. Mostly a load. Never throws.
void note_wish(const Limit *limit, Oid role, bool wants, Asker asker, Opened *opened);

// A job of the role that a group has reserved a start for, or a part of its place, didn't begin.
void note_not_begun(const char *type, Oid role);

// What a limit has come to.
struct LimitUse {
    bool counted;
    bool full;
    int places;
    int started; // of those that count now
    TimestampTz opens_at;
};
bool state_of_limit(const LimitKey &key, LimitUse *state);

// For places.cpp: what is done under Locks::limits, which the caller holds exclusively.
Limit *limit_at(const LimitKey &key);
bool places_are_free(const Limit &limit);
bool starts_are_free(Limit *limit, TimestampTz now);
// How many of them there are, for all roles; of one that has a place already starts alone.
int free_of(Limit *limit, bool has_place, TimestampTz now);
// Whether one of these is for the role, which this process is about to take: others may come first.
bool is_its_turn(Limit *limit, Oid role, bool has_place, TimestampTz now);
void erase_limit(const LimitKey &key);
// What readers see of it. Whoever waits for a place is told where one is left.
void refresh(Limit *limit, TimestampTz now, Opened *opened);

inline constexpr int kLooks = 50;

// Calls `use(now)` under that lock: no catalog, no memory, no statement.
template <typename Use> void with_limits(Use use) {
    LWLock *lock = lock_of(Locks::limits);
    // Whoever has it has it for less than it takes to sleep and be woken.
    for (int looks = 0; !LWLockConditionalAcquire(lock, LW_EXCLUSIVE); looks++) {
        if (looks == kLooks) {
            LWLockAcquire(lock, LW_EXCLUSIVE);
            break;
        }
        SPIN_DELAY();
    }
    use(clock_now()); // in the order of the lock
    LWLockRelease(lock);
}

// Calls `use(Limit &, now)`; false where there is none.
template <typename Use> bool with_limit(const LimitKey &key, Use use) {
    bool found = false;
    with_limits([&](TimestampTz now) {
        Limit *limit = limit_at(key);
        found = limit != nullptr;
        if (found)
            use(*limit, now);
    });
    return found;
}

} // namespace ayb
