#pragma once
// The jobs that are in a handler just now, where a crash doesn't reach them.
//
// A claim is committed asynchronously, so the crash that a job causes takes the claim with it, and
// the job would never be charged. Each worker therefore notes its job in memory that the postmaster
// shares with its children alone, and which outlives a crash; what stands there when shared memory
// is made anew was in a handler when the server died. For the day when the postmaster dies too, a
// file in the data directory has each job by lease, and that there was a group. The file is
// written, never mapped: whoever truncates, removes or replaces it takes what it knows, and nothing
// else.
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

// A job that was in a handler when shared memory was lost; without an id where it was a group.
// Settled by the scheduler of its database, which alone reads and writes what belongs to that: no
// lock.
struct RunningJob {
    uint32 magic; // 0 while the place is free, or once it is settled
    Oid database;
    core::Uuid job;
    int32 run;
};

struct CrashedJobs {
    RunningJob *jobs;
    int count;
};

// Makes the part anew: takes what the last life left, of memory or the file (which it creates), and
// clears it. Where the file can't be had (a symbolic link of its name is none) it logs a warning: a
// death of the postmaster is not charged then.
Size crashed_size();
void init_crashed();

CrashedJobs crashed_jobs();

// After a crash, until when any job may be what caused it; 0 where there was none.
TimestampTz crash_suspected_until();

// Notes and forgets the job of the worker in `slot`. Plain stores; never fail.
void note_running_job(int slot, Oid database, const core::Uuid &job, int run);
void forget_running_job(int slot);

// Writes what is noted for the slot to the file, or that nothing is. One system call; what fails is
// passed over.
void write_running_job(int slot);

// Writes that the worker in `slot` runs a group, whose jobs are too quick for a call each.
void write_running_group(int slot, Oid database);

} // namespace ayb
