#pragma once
// The jobs that are in a handler just now, in a file that outlives a crash.
//
// A claim is committed asynchronously, so the crash that a job causes takes the claim with it, and
// the job would never be charged. Each worker therefore notes its job in a file mapped from the
// data directory; what stands there when shared memory is made anew was in a handler when the
// server died.
#include "memory/shared.hpp"

namespace ayb {

// Maps the file (creating it), copies what the last life left there to `crashed` (room for `slots`
// entries), clears it, and returns how many there were. Called in the postmaster. Where the file
// can't be had it logs a warning and returns 0: jobs then run without this net.
int open_running_jobs(RunningJob *crashed, int slots);

// Notes and forgets the job of the worker in `slot`. Plain stores; never fail.
void note_running_job(int slot, Oid database, const core::Uuid &job, int attempt);
void forget_running_job(int slot);

} // namespace ayb
