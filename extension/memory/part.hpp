#pragma once
// What the parts of the engine's shared memory are made with. Each part has a file of its own with
// its structs, a size function and an init function, as PostgreSQL lays out its own; shared.cpp
// calls them.
//
// Shared memory holds only what can be rebuilt from the tables: after a crash it is new. All of it
// has a fixed size, so that nothing in a commit callback can fail for want of room. The order of
// the locks stands in extension/README.md.
#include "pg/postgres.hpp"

namespace ayb {

enum class Locks : int { databases, lanes, limits, types, events, sources, waiters, feeds, count };
LWLock *lock_of(Locks which);

// Whether the library was preloaded: without that there is no shared memory, and only what says so
// may be called.
bool preloaded();

// Places for databases and for workers, each: as many as the server may have background workers.
int slot_count();

// For init functions. A part of its own: zeroed, and *made, if this is the first process that asks.
// Every other finds it as it is. Called in the postmaster, and what is returned is inherited by
// every process.
void *shared_part(const char *name, Size size, bool *made);
// One that is a number, 0 at first.
pg_atomic_uint32 *shared_number(const char *name);
// A table of keys without padding, all its entries reserved.
HTAB *shared_table(const char *name, int entries, Size key, Size entry);

// For shared.cpp alone.
void request_locks();
void init_locks();

} // namespace ayb
