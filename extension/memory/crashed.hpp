#pragma once
// The jobs that are in a handler just now, in a file that outlives a crash.
//
// A claim is committed asynchronously, so the crash that a job causes takes the claim with it, and
// the job would never be charged. Each worker therefore notes its job in a file mapped from the
// data directory; what stands there when shared memory is made anew was in a handler when the
// server died.
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

// A job that was in a handler when shared memory was lost. Settled by the scheduler of its
// database, which alone reads and writes what belongs to that: no lock.
struct RunningJob {
    uint32 magic; // 0 while the place is free, or once it is settled
    Oid database;
    core::Uuid job;
    int32 attempt;
};

struct CrashedJobs {
    RunningJob *jobs;
    int count;
};

// Makes the part anew: maps the file (creating it), takes what the last life left there and clears
// it. Where the file can't be had it logs a warning: jobs then run without this net.
Size crashed_size();
void init_crashed();

CrashedJobs crashed_jobs();

// After a crash, until when any job may be what caused it; 0 where there was none.
TimestampTz crash_suspected_until();

// Notes and forgets the job of the worker in `slot`. Plain stores; never fail.
void note_running_job(int slot, Oid database, const core::Uuid &job, int attempt);
void forget_running_job(int slot);

} // namespace ayb
