#pragma once
// What all our background processes have in common.
#include "pg/postgres.hpp"

namespace ayb {

// A worker that the library's function `entry` runs, never restarted by the postmaster, whose start
// and end this process is told of.
BackgroundWorker describe_worker(const char *entry, const char *type, const char *name);

// A handle that lives until it is freed; null where all background worker slots are taken.
BackgroundWorkerHandle *start_background(BackgroundWorker *worker);

// Says in the log that there was no slot for `what`, once until `*since` is zero again; health()
// shows
// `*since`.
void report_no_slot(const char *what, TimestampTz *since);

// Sleeps until the latch is set or for so long, then serves interrupts and a changed configuration.
void sleep_and_listen(long milliseconds, const char *event);

} // namespace ayb
