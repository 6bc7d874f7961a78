#pragma once
// A worker's session: what it starts with, and how one job's traces are wiped before the next.

namespace ayb {

// Sets what a role's own settings must not change (isolation, read only, role, row_security,
// timeouts, synchronous_commit) as the session's defaults, so that RESET comes back to them. In a
// transaction.
void pin_session();

// Follows a change of ayb_jobs.synchronous_commit. Between transactions.
void pin_commit_level();

// Wipes what a job left: settings, role, advisory locks, temporary tables, prepared statements,
// cursors, sequences' state. In a transaction of its own.
void reset_session();

// Drops interrupts that were meant for the job that just ended.
void clear_interrupts();

} // namespace ayb
