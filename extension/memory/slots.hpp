#pragma once
// Worker slots: what a scheduler reserves, a worker fills, and everybody may look at.
#include "memory/shared.hpp"

namespace ayb {

// Reserves a slot for a worker about to be started; -1 where all are taken. Places whose worker is
// gone and whose database nobody serves any more are taken over.
int reserve_slot(Oid database, Oid role);
void free_slot(int slot);

// Reserved long ago by a scheduler that has left meanwhile, and no worker moved in. One that comes
// after all finds its place taken, and ends.
bool never_came(const WorkerSlot &slot);

// The worker moves in: from now on it is `serving`, and at its exit the slot turns `gone` if it was
// in a job, free otherwise. False if the slot isn't this worker's any more.
bool attach_slot(int slot, Oid database, Oid role);
WorkerSlot *my_slot(); // null outside a worker

// The name under which a process claims: PostgreSQL's own session id (log_line_prefix's %c).
void session_name(char (&name)[kWorkerIdBytes]);

void begin_job(const core::Uuid &job, int attempt, const char *type, TimestampTz now);
// `interrupted`: by what was asked of the slot. A signal that was sent and has not come yet may
// still hit the next job; cancel_was_sent() tells it then.
void end_job(bool interrupted);
bool in_job();

// A turn: from before a worker looks whether it may claim until what it claimed has ended. A drain
// waits for it: what is claimed and not begun yet is work, too.
void begin_turn();
void end_turn();

// A group: between these, begin_job() may follow upon begin_job(), and end_group_jobs() ends the
// last one. end_group() comes after the commit.
void begin_group();
void end_group_jobs();
void end_group();
bool in_group();
void report_progress(int percent, const char *note);

// Asks the worker that is at `job` to cancel it. False if none is. `hard` ends the worker instead.
bool cancel_running(const core::Uuid &job, bool hard);
bool is_running(const core::Uuid &job);

// Was the cancel that just arrived meant for my job?
bool cancel_was_meant();
// Was one sent at all (for an earlier job, if not for mine)? Clears the request.
bool cancel_was_sent();

// The live worker with this name.
bool worker_lives(const char *worker_id);

} // namespace ayb
