#pragma once
// What a worker says of itself in its slot. Called by that worker alone.
#include "memory/slots.hpp"

namespace ayb {

// The name under which a process claims: PostgreSQL's own session id (log_line_prefix's %c).
void session_name(char (&name)[kWorkerIdBytes]);

void begin_job(const core::Uuid &job, int run, const char *type, TimestampTz now);
// `interrupted`: by what was asked of the slot. A signal that was sent and has not come yet may
// still hit the next job; cancel_was_sent() tells it then.
void end_job(bool interrupted);
bool in_job();
// The job that this process is at; null where it is at none.
const core::Uuid *my_job();

// A session that is no worker is at a job in its own transaction: nobody else sees it.
void begin_job_here(const core::Uuid &job);
void end_job_here();

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

// The worker awoke, and sleeps no more for want of jobs.
void note_awake();

// Was the cancel that just arrived meant for my job?
bool cancel_was_meant();
// Was one sent at all (for an earlier job, if not for mine)? Clears the request.
bool cancel_was_sent();

} // namespace ayb
