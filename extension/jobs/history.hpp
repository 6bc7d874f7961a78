#pragma once
// The history's days: a partition each, made ahead, dropped when retention is over.
#include "pg/postgres.hpp"

namespace ayb {

// Inside the books: makes sure that the day of `at` (UTC) has its partition. Costs a cache look-up
// where it has.
void ensure_history(TimestampTz at);

// For a worker, before it runs a job by lease: what has no place to be completed in would be done
// in vain, again and again. In a transaction of its own; costs nothing on a day that it knows.
void ensure_day(TimestampTz now);

// Whether the last error came from making a day's table. No job's fault, so none is charged.
bool day_is_missing();

// The table of the history for jobs that complete between two instants; InvalidOid where there is
// none, or it would take more than one.
Oid history_table(TimestampTz first, TimestampTz last);

// In transactions of its own, the scheduler's: makes the days ahead.
void prepare_days(TimestampTz now);

// Drops days whose completions are all older than ayb_jobs.retention, with their keys and attempts.
// A day is detached without blocking writers, then dropped.
void drop_old_days(TimestampTz now);

// Deletes failed and canceled jobs older than ayb_jobs.failed_retention, in batches, and minutes
// older than a week.
void purge_ended(TimestampTz now);

} // namespace ayb
