#pragma once
// How often the sources of materialized views have been changed: counts in shared memory, one a
// table, kept by the transactions that commit.
//
// A transaction that is about to commit makes its tables pending, and counts them up and takes that
// back in one step once its commit is visible. So whoever finds a count unchanged and nothing
// pending knows that no commit became visible since the count was read before. What is unknown
// counts as changed: the epoch is another one after a restart, or when there was no room.
//
// Guarded by Locks::sources.
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kMaxSources = 4096;

struct SourceKey {
    Oid database;
    Oid relation;
};

struct Source {
    SourceKey key; // must be first
    uint64 changes;
    int pending; // transactions that are about to commit a change
};

Size sources_size();
void init_sources();

// Notes that the current transaction changes a table, or refreshes a materialized view. May run out
// of memory (ereport), nothing else.
void note_source(Oid relation);

struct SourceCount {
    uint64 changes; // with those of the current transaction, as they will be once it commits
    bool pending;   // another one is about to commit a change
};

// False where it can't be known.
bool read_source(Oid relation, SourceCount *count);

// The count of what is written by background workers that aren't ours: those of logical replication
// fire no statement triggers.
bool read_strangers(SourceCount *count);

// Counts of different epochs mean nothing to each other. 0 without shared memory.
uint64 sources_epoch();

void install_source_callbacks();

} // namespace ayb
