#pragma once
// Deadlines: a job that hasn't been started by its expires_at is canceled by the claim that would
// take it.
#include "pg/postgres.hpp"

namespace ayb {

// Whether the queued job in a row of job_queue is of no use any more.
bool is_expired(TupleTableSlot *row, TimestampTz now);

// Whether it is carried (handlers/bond.hpp), and not that.
bool may_be_run(TupleTableSlot *row, const char *type, Oid run_as);

// Cancels queued jobs whose rows the transaction has locked, and says why in last_error.
void cancel_expired(const Datum *ids, int count, TimestampTz now);

} // namespace ayb
