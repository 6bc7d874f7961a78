#pragma once
// What workers outside find: of which types something is due, and where to look for it.
#include "pg/postgres.hpp"
#include "memory/floor.hpp"

namespace ayb {

struct DueType {
    const char *type;
    Position from; // no queued job of it that waits for a worker outside lies before it
};

// Of these types (text[] without nulls), those of kind external that aren't paused and have a job
// that is due at `now`, the one whose first job has waited longest first. Palloc'd. Inside the
// books.
DueType *due_external_types(Datum types, TimestampTz now, int *count);

} // namespace ayb
