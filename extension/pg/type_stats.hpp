#pragma once
// Counts and latencies by job type since the last whole minute, and how long a type usually runs.
#include "pg/shared.hpp"

namespace ayb {

enum class Outcome { completed, failed, retried, lost, canceled };

// Adds one attempt. `wait_us`: from run_at to the start; `run_us`: in the handler; negative ones
// are not entered. Where the table is full the attempt is entered under the empty type. Never
// throws.
void add_outcome(Oid database, Oid role, const char *type, Outcome outcome, int64 wait_us,
                 int64 run_us);

// The moving average of the type's run time in microseconds, 0 until known.
double run_average(Oid database, Oid role, const char *type);

// Copies the entries of the database that have counts from before `before` to `out` (room for
// kMaxTypes) and clears them; with `keep` they are only copied.
int take_minutes(Oid database, TimestampTz before, bool keep, TypeStats *out);

// Puts entries back that could not be written.
void return_minutes(const TypeStats *entries, int count);

} // namespace ayb
