#pragma once
// What of its edges stays when a job completes: its result for its children, and the names of its
// parents for whoever looks at it later.
#include "core/uuid7.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Jobs that this transaction has completed, of those that may have parents or children. All zero at
// first.
struct CompletedJobs {
    ArrayBuildState *ids;
    ArrayBuildState *results;
    int count;
};

// Adds a job that has completed: a test of shared memory for nearly all that have neither. It is
// read before the commit: what is missed here is looked at by who has added the edge meanwhile.
void add_completed(CompletedJobs *jobs, const core::Uuid &id, Datum result, bool null);

// Inside the books, behind the statement that has moved them into the history. They completed
// between two instants.
void settle_completed(const CompletedJobs &jobs, TimestampTz first, TimestampTz last);

// The same for one.
void settle_completed(const core::Uuid &id, Datum result, bool null, TimestampTz at);

} // namespace ayb
