#pragma once
// The leased way's second half: what a worker does with a job that it has claimed.
#include "base/job.hpp"
#include "handlers/handlers.hpp"

namespace ayb {

// Runs the handler and ends the attempt. Never raises for what the handler does; what it raises
// itself (the books can't be written) ends the worker, and the job is recovered as a lost one.
// `memory` holds what one job needs, and is reset by the caller.
//
//   claimed -> handler and completion in one transaction -> completed
//           -> error: rolled back; failure recorded in another -> queued (back-off) | failed
//           -> cancel(force): canceled    -> shutdown: back to the queue, uncharged
//           -> the lease went to somebody else: rolled back, nothing recorded
void run_job(const Job &job, MemoryContext memory);

// Shows the job in pg_stat_activity.
void show_activity(const char *type, const core::Uuid &id);

} // namespace ayb
