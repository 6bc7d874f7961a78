#pragma once
// Jobs that are bound to a registration (Bond in handlers/handlers.hpp): those of definers. What
// isn't carried any more waits for trust: the row says so, so that no claim reads it again.
#include "handlers/handlers.hpp"
#include "pg/arrays.hpp"

namespace ayb {

// What the job in a row of job_queue is bound to, if to anything.
std::optional<Bond> bond_of(TupleTableSlot *row);

// Whether nothing that the job is bound to keeps it from running. Needs a snapshot.
bool is_carried(TupleTableSlot *row, const char *type, Oid run_as);

// Has queued jobs wait for trust, whose rows the transaction has locked.
void let_wait_for_trust(const Datum *ids, int count);

// Jobs that wait for trust and are bound alike.
struct Distrusted {
    char type[kTypeBytes];
    Oid run_as;
    Bond bond;
};

// All of these; palloc'd.
Distrusted *copy_distrusted(int *count);

// Lets go, in transactions of its own, what is carried again. False where somebody has such a row
// locked.
bool release_carried();

} // namespace ayb
