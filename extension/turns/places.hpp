#pragma once
// The places of jobs of limited types (limits.hpp): who has one, and what a transaction has
// reserved.
#include "core/uuid7.hpp"
#include "turns/limits.hpp"

namespace ayb {

// The run of a job whose row the caller has locked.
struct Starting {
    const char *type;
    Oid role;
    const char *key; // null where it has none
    core::Uuid job;
    int run;
};

// What it lacks.
// `order`: another one of its key has to go first (jobs/taking.hpp).
enum class Lack { nothing, type, key, order };

// The hash by which places know a key; 0 for none.
uint64 hash_of_key(const char *key);

// A place for it and one start, of the type and of its key. A key that lacks one, or has no further
// one, is out of its role's ring until it has. Nothing is lacking, and nothing is done, where the
// type has no limit. `ordered` is whether the jobs of its key run in order. Roles whose turn it is
// then are told. May run out of memory (ereport).
Lack reserve_place(const Starting &starting, bool *ordered, Opened *opened);

// The same in a group, which has one place for all its jobs of a type, and one for all of a key, as
// they run one after another: each of them takes a start. And one of these begins.
Lack reserve_in_group(const Starting &starting, bool *ordered, Opened *opened);
void note_start(const char *type, uint64 key);

// The job that has just got a place, and for which nothing is written yet, gives it back. Whoever
// waits for its key is told.
void give_up_place(const core::Uuid &job, Opened *opened);

// What a transaction did to jobs that run: this run of the job holds its place, or not any more.
struct PlaceChange {
    SubTransactionId subid; // which noted it
    LimitKey limit;
    uint64 key; // the hash of its key; 0 for none
    core::Uuid job;
    int run;
    bool runs;
};

// From the callback of the commit, or of the abort, which has no changes. Never throws.
void settle_places(const PlaceChange *changes, int count, Opened *opened);

// Which jobs a snapshot that is younger than `mark` (mark_limit) shows running; puts them in the
// order of their ids. False, and nothing is done, where something changed since the mark, or there
// is no room.
struct RunningRow {
    core::Uuid job;
    int run;
    uint64 key; // its hash; 0 for none
};
bool count_limit(const LimitKey &key, uint64 mark, RunningRow *rows, int count, Opened *opened);

// What a limit has come to for one key of the type.
struct KeyState {
    int places;
    int started; // of those that count now
    TimestampTz opens_at;
};
KeyState state_of_key(const LimitKey &key, uint64 hash);

// The tables that can be full, in all databases together: for health().
struct Fullness {
    const char *what;
    long used;
    long room;
};
inline constexpr int kTurnTables = 4;
void fullness_of_turns(Fullness (&tables)[kTurnTables]);

// Unless it was set since `generation` of the configuration, by which there is none.
void remove_limit(const LimitKey &key, uint64 generation, Opened *opened);

} // namespace ayb
