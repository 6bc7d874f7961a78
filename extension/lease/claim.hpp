#pragma once
// The leased way's first half: a worker takes a job of its role, and commits that it has it.
#include "base/job.hpp"

namespace ayb {

// Claims the next due job of the role's lanes in a transaction of its own, into `*job` (payload in
// `context`). False where there is none. An attempt after the first is flushed to disk before its
// handler starts, so that a job which crashes the server is charged.
bool claim_next(Oid role, MemoryContext context, Job *job);

// The same for one job, which may have gone meanwhile: somebody has it, or it isn't claimable now.
bool claim_job(Oid role, const core::Uuid &id, MemoryContext context, Job *job);

// Whether this worker is to take no further job: it has to stop, or to make room.
bool should_leave();

// Whether a drain holds back all claims of the database.
bool draining();

// Whether the session's role may take jobs now: the database is not paused or drained as a whole,
// and it may still log in. Needs a snapshot. Where the role may not, the worker is told to leave.
bool may_claim(Oid role);

// Whether a job of the role is due that we serve, locked or not: the floors of its lanes, which are
// bounds, are raised up to where one is. In transactions of its own.
bool anything_due(Oid role);

} // namespace ayb
