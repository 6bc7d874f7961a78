#pragma once
// Commands that need a database to themselves hold our processes back from it: DROP DATABASE, and
// drain() and its kind.
#include "memory/part.hpp"

namespace ayb {

// Keeps the database's processes away until release_hold(). False where shared memory has no place
// left.
bool take_hold(Oid database);
void release_hold(Oid database);

// Makes them leave (running jobs get shutdown_timeout) and waits until they have. Interruptible;
// bounded.
void wait_for_hold(Oid database);

// The worker processes of a database get SIGTERM, which asks them to stop: see signals.hpp. One
// whose job holds the database is left alone: its statement waits for the others.
void stop_workers(Oid database);
bool any_worker_to_stop(Oid database);

// Those that are there or on their way, this process left out.
int count_workers(Oid database);

// Cancels the jobs that workers of the database are at; they go back uncharged. `hard` ends the
// workers that are at one instead.
void interrupt_workers(Oid database, bool hard);

} // namespace ayb
