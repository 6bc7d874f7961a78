#pragma once
// How deep the queue is, by the minute: from shared memory into job_depths, where there is any.
#include "memory/databases.hpp"

namespace ayb {

// Looks once in each minute, in a transaction of its own; in none where no job is queued or runs,
// or nobody knows how many are. What is written is what was there at `now`.
void write_depths(const Database &database, TimestampTz now);

} // namespace ayb
