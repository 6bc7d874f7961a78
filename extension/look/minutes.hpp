#pragma once
// Counts by the minute: from shared memory into job_minutes, where something happened.
#include "pg/postgres.hpp"

namespace ayb {

// Writes what is complete before the minute of `now` (or everything, with `all`), in a transaction
// of its own; nothing at all where nothing happened.
void write_minutes(TimestampTz now, bool all);

} // namespace ayb
