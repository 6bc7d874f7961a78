#pragma once
// What all our background processes have in common.
#include "pg/postgres.hpp"

namespace ayb {

// A worker that the library's function `entry` runs, never restarted by the postmaster, whose start
// and end this process is told of.
BackgroundWorker describe_worker(const char *entry, const char *type, const char *name);

// Registers it; null, and one log line until it works again, where every slot is taken.
BackgroundWorkerHandle *start_background(BackgroundWorker *worker, TimestampTz *no_slot_since);

// Sleeps until the latch is set or `milliseconds` are over, then serves interrupts and a changed
// configuration.
void sleep_and_listen(long milliseconds, const char *event);

} // namespace ayb
