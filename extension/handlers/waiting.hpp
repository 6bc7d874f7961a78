#pragma once
// Jobs that our workers may not take (yet): waits_for, kept in step with what is registered.
#include <optional>

#include "handlers/handlers.hpp"

namespace ayb {

// SQL, for statements that put a job back: who takes the job `q` by its type's handler as it is
// now: it may have been registered otherwise since the job was enqueued.
#define AYB_WAITS_FOR                                                                              \
    "CASE (SELECT h.kind FROM ayb_jobs.handlers AS h WHERE h.type = q.type)"                       \
    " WHEN 'external' THEN 'external' WHEN 'function' THEN NULL WHEN 'command' THEN NULL"          \
    " ELSE 'handler' END"

// Who takes the jobs of a handler of this kind; of none, its registration.
inline WaitsFor who_takes(std::optional<Kind> kind) {
    if (!kind)
        return WaitsFor::handler;
    return *kind == Kind::external ? WaitsFor::external : WaitsFor::worker;
}

// Inside the books: sets waits_for of the type's queued jobs for a handler of this kind.
void route_waiting_jobs(const char *type, std::optional<Kind> kind);

// Finds jobs that don't wait for what takes them by now: one enqueued while another transaction
// registered or forgot its handler couldn't see that. In a transaction of its own; the scheduler's.
void sweep_waiting_jobs();

} // namespace ayb
