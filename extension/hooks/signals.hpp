#pragma once
#include <csignal>

// How a worker is asked to stop.
//
//   SIGTERM from the postmaster, or with the slot's stop_wanted:
//       asked -> (shutdown_timeout) -> the job is cancelled -> (one second) -> the process ends
//   SIGTERM from anybody else (pg_terminate_backend): the process ends at once.
//   SIGINT: the running job is cancelled (StatementCancelHandler, PostgreSQL's own).
//
// A timer of its own drives the first way: timer_settime may be called in a signal handler,
// PostgreSQL's timeouts may not. The signals that PostgreSQL itself needs stay as they are.

namespace ayb {

// Has SIGTERM handled by one that may ask who sent it. This and the next are called before
// BackgroundWorkerUnblockSignals().
void handle_sigterm(void (*handler)(int signal, siginfo_t *info, void *context));
void install_worker_signals();

// SIGTERM came: take no new job.
bool stop_requested();

// shutdown_timeout is over: the cancel that arrived is the shutdown's, and the job goes back
// uncharged.
bool stop_struck();

// From the one to the other cancels wait: they are for a handler. Every error lets go of
// PostgreSQL's holds, also one that somebody's trigger on the books traps, so they can't be
// counted: these two set what is, and do not nest.
void hold_cancels();
void release_cancels();

} // namespace ayb
