#pragma once
// The places of jobs of limited types (limits.hpp): who has one, and what a transaction has
// reserved.
#include "core/uuid7.hpp"
#include "lanes/limits.hpp"

namespace ayb {

Size places_size();
void init_places();

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

// Which jobs a snapshot that is younger than `mark` (mark_limit) shows running; puts them in the
// order of their ids. False, and nothing is done, where something changed since the mark, or there
// is no room.
struct RunningRow {
    core::Uuid job;
    int run;
};
bool count_limit(const LimitKey &key, uint64 mark, RunningRow *rows, int count, Opened *opened);

// Unless it was set since `generation` of the configuration, by which there is none.
void remove_limit(const LimitKey &key, uint64 generation, Opened *opened);

} // namespace ayb
