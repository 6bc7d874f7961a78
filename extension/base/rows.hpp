#pragma once
// Answers that are rows of the view jobs.
#include "core/uuid7.hpp"
#include "memory/state.hpp"
#include "pg/books.hpp"

namespace ayb {

// A job as a row of the view, as a composite datum in the caller's memory; 0 with `*null` set where
// there is none. Inside the books. Call copy_row() before the books are closed.
Datum job_row(const core::Uuid &id, bool *null);

// A composite datum, moved to `context`, so that it outlives the books.
Datum copy_row(Datum row, MemoryContext context);

// Raises P0002 for an id that is unknown, or is not the caller's to see.
[[noreturn]] void no_such_job(const core::Uuid &id);

// What refusals need to know of a job.
struct Found {
    bool exists;
    char state[16];
    Oid run_as;
    int attempt;
    char worker[256]; // empty for none
    bool external;
    char type[kTypeBytes];
    TimestampTz lease_until;
};

// Looks the job up in the queue (locking its row, if `lock`) or the history. Inside the books. `me`
// is the caller, who must be allowed to touch it: otherwise it counts as unknown, and isn't locked.
Found find_job(const core::Uuid &id, Oid me, bool admin, bool lock);

} // namespace ayb
