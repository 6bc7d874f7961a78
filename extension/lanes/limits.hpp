#pragma once
// Limits of types in shared memory: how many jobs of one may run at once, and how many may start in
// a time, all roles and workers outside together. What is kept is which jobs run, not how many:
// each has a place, by its id. So whatever is told twice, or late, changes nothing.
//
// Whoever claims a job of a limited type has locked its row, takes a place for it (reserve_place),
// and then writes. The place is the transaction's until that ends: its commit callback makes places
// of those that run now (settle_places), and frees the others. Whatever leaves `running` frees its
// place by its own commit. Nobody else frees a reservation; a process that ends without its
// callbacks restarts the server, and shared memory is new.
//
// A limit is in force, and its type starts nothing, from the commit that sets it; it opens when it
// is counted. That is done by the scheduler: when every worker that was about to claim by then has
// done so, it reads with a fresh snapshot which jobs of the type run, and enters them
// (enter_running), unless something changed since it began (count_limit), else it begins again.
// After shared memory was new every rate counts as used up.
//
// All of it is guarded by Locks::limits, exclusively, but for `opens_at`, which is atomic. Entries
// are never moved: a pointer that is stale finds another type's, which costs one look.
#include "core/uuid7.hpp"
#include "core/window.hpp"
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kMaxLimits = 1024;
inline constexpr int kMostWaiting = 16; // roles that are known by name

// What is set. 0 where there is no such limit.
struct LimitRule {
    int running;
    int starts;
    int64 per; // microseconds

    bool operator==(const LimitRule &other) const {
        return running == other.running && starts == other.starts && per == other.per;
    }
};

// Roles that are told, by tell_opened() (lanes.hpp), that there is a place for a job of theirs.
struct Opened {
    Oid roles[kMostWaiting];
    int count;
    bool more; // all roles of the database
    int jobs;  // for how many there is
};

struct LimitKey {
    uint64 database;
    uint64 type; // its hash: two that are alike share a limit
};

struct Limit {
    LimitKey key;              // must be first
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
    Opened waiting;            // roles that have jobs, and nobody who looks
};

Size limits_size();
void init_limits();

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

// From the callback of the commit that sets it: the type starts nothing until it is entered, and
// counted. Never throws.
void close_limit(const LimitKey &key);

// The scheduler's. enter_limit() says whether it has to be counted.
bool enter_limit(const LimitKey &key, const LimitRule &rule, Opened *opened);
// Unless it was set since `generation` of the configuration, by which there is none.
void remove_limit(const LimitKey &key, uint64 generation, Opened *opened);
// Those of a database: palloc'd.
LimitKey *limits_of(Oid database, int *count);

// Which jobs run isn't known any more, of all limits of the database. Never throws.
void forget_running(Oid database);

// To be taken before the snapshot; then, which jobs it shows running, in the order of their ids.
// False, and nothing is done, where something changed since the mark, or there is no room.
struct RunningRow {
    core::Uuid job;
    int run;
};
uint64 mark_limit(const LimitKey &key);
bool count_limit(const LimitKey &key, uint64 mark, const RunningRow *rows, int count,
                 Opened *opened);

// A role has jobs of the type, and nobody looks at them until a place is left. False where one has
// been meanwhile. Never throws.
bool wait_for_limit(const Limit *limit, Oid role);

// A place for this run of a job whose row the caller has locked, and one start. False where the
// type has none. True, and nothing is done, where it has no limit. May run out of memory (ereport).
bool reserve_place(const char *type, const core::Uuid &job, int run);

// One more start under the place that this transaction has for the type: a group has one place for
// all its jobs of a type, which run one after another. And one of these begins.
bool reserve_start(const char *type);
void note_start(const char *type);

// Whether this transaction has places that are reserved; or has asked for one, so that its end has
// to be told.
bool has_reserved();
bool has_asked();

// What a transaction did to jobs that run: this run of the job holds its place, or not any more.
struct PlaceChange {
    SubTransactionId subid; // which noted it
    LimitKey limit;
    core::Uuid job;
    int run;
    bool runs;
};

// From the callback of the commit, or of the abort, which has no changes. Never throws.
void settle_places(const PlaceChange *changes, int count, Opened *opened);

// What a limit has come to.
struct LimitUse {
    bool counted;
    bool full;
    int places;
    int started; // of those that count now
    TimestampTz opens_at;
};
bool state_of_limit(const LimitKey &key, LimitUse *state);

} // namespace ayb
