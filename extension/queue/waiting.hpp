#pragma once
// Jobs that our workers may not take (yet): waits_for, kept in step with what is registered.
#include "pg/postgres.hpp"

// SQL: what a job `q` waits for after what is registered for its type now. For statements that put
// a job back: its type may have changed hands while it ran or lay failed.
#define AYB_WAITS_FOR                                                                              \
    "(SELECT CASE coalesce(max(h.kind), 'handler') WHEN 'external' THEN 'external'"                \
    " WHEN 'handler' THEN 'handler' END FROM ayb_jobs.handlers AS h WHERE h.type = q.type)"

namespace ayb {

// Inside the books: sets waits_for of the type's queued jobs for a handler of this kind (null:
// none).
void route_waiting_jobs(const char *type, const char *kind);

// Finds jobs that wait for a handler that is there by now: one enqueued while its handler was being
// registered by another transaction saw none. In a transaction of its own; the scheduler's.
void sweep_waiting_jobs();

} // namespace ayb
