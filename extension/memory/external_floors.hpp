#pragma once
// Where workers outside begin to look for jobs of a type: a floor (memory/floor.hpp) in shared
// memory for each type of kind external. As the lanes' ones, but by type, for all roles.
//
// The table is guarded by Locks::external_types, a floor in it by the entry's spinlock beside that.
#include "memory/floor.hpp"
#include "memory/state.hpp"

namespace ayb {

constexpr int kMaxExternalTypes = 1024;

// Zeroed to its end: the table compares all of it.
struct ExternalTypeKey {
    Oid database;
    char type[kTypeBytes];
};

struct ExternalType {
    ExternalTypeKey key; // must be first
    slock_t mutex;
    Floor<Position> floor; // no queued job that waits for a worker outside lies before it
};

Size external_floors_size();
void init_external_floors();

using ExternalMark = FloorMark<Position>;

// To be taken before the snapshot that is looked with. Makes the floor where there is none; begins
// at kBegin where shared memory is full, or there is none.
ExternalMark mark_external_floor(Oid database, const char *type);

// Raises it to `first`, the first job that the snapshot showed queued, locked or not (kEnd where it
// showed none), as far as commits since the mark allow. Returns where to begin. Only for a
// transaction that has changed nothing yet, and whose snapshot is younger than the mark.
Position raise_external_floor(Oid database, const char *type, const ExternalMark &mark,
                              const Position &first);

// Removes all of the database: what was committed isn't known. The next looks make new ones, which
// no mark of the old ones raises.
void forget_external_floors(Oid database);

// Notes that this transaction made a job claimable for workers outside. A subtransaction that is
// rolled back leaves its note behind: the floor is lower than it has to be. May run out of memory
// (ereport), nothing else.
void note_external(const char *type, const Position &at);

// The first that this transaction has noted of the type: nobody else has heard of it yet. kEnd
// where it has noted none.
Position own_external(const char *type);

// At the commit: lowers what was noted. Never throws.
void tell_external();

// At the end of each transaction.
void end_external_notes();

} // namespace ayb
