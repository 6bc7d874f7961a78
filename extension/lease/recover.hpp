#pragma once
// Attempts whose worker is gone, and leases that ended. All in transactions of their own.
#include "base/answer.hpp"
#include "memory/databases.hpp"

namespace ayb {

// The job of a worker that ended inside it: charged, unless a shutdown interrupted it.
void recover_slot(int slot);

// At a scheduler's start: jobs that are `running` under a worker which doesn't live any more.
void recover_all();

// At a scheduler's start after a crash: charges the jobs that were in a handler when the server
// died.
void charge_crashed();

// Jobs whose lease is over: one of our own workers that is still there keeps it, with a new lease;
// anybody else has lost it. Returns when to look again: at the earliest lease that is left, which
// is over too where somebody has the job locked, or at the next tick.
TimestampTz recover_expired(Database *database, TimestampTz now);

// The same for external workers alone, inside the books: claim() looks before it claims. Only jobs
// that the viewer may see or has a grant for: they stay locked for as long as the caller's
// transaction is open.
void recover_expired_external(TimestampTz now, const Viewer &me);

// Jobs with keys that wait for their time: those whose time has come may be claimed then. When the
// next one's comes; it is over where somebody has the job locked.
TimestampTz release_timed(Database *database, TimestampTz now);

} // namespace ayb
