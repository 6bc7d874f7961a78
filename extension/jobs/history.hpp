#pragma once
// The history's days: a partition each, made ahead, dropped when retention is over.
#include "pg/postgres.hpp"

namespace ayb {

// Inside the books: makes sure that the day of `at` (UTC) has its partition. Costs a cache look-up
// where it has.
void ensure_history(TimestampTz at);

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
