#pragma once
// The leased way's first half: a worker takes a job of its lane, and commits that it has it.
#include "base/job.hpp"

namespace ayb {

// Claims the lane's next due job in a transaction of its own, into `*job` (payload in `context`).
// False where there is none. An attempt after the first is flushed to disk before its handler
// starts, so that a job which crashes the server is charged.
bool claim_next(Oid role, MemoryContext context, Job *job);

// The same for one job, which may have gone meanwhile: somebody has it, or it isn't claimable now.
bool claim_job(Oid role, const core::Uuid &id, MemoryContext context, Job *job);

// Whether this worker is to take no further job: it has to stop, or to make room.
bool should_leave();

// Whether a drain holds back all claims of the database.
bool draining();

// Whether the session's role may take jobs now: nothing is paused or drained as a whole, and it may
// still log in. Needs a snapshot. Where the role may not, the worker is told to leave.
bool may_claim(Oid role);

// When the lane's earliest queued job that is due after `after` is due, locked or not, in a
// transaction of its own: DT_NOEND where there is none. What is paused doesn't count.
TimestampTz next_due(Oid role, TimestampTz after = DT_NOBEGIN);

} // namespace ayb
