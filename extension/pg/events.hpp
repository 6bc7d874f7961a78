#pragma once
// The last state changes of jobs, in a ring in shared memory, in the order of their commits.
#include "pg/shared.hpp"

namespace ayb {

// Between these, which hold a lock, publish_event() gives events their numbers and the instant that
// begin_events() gave, and puts them into the ring. They never throw.
TimestampTz begin_events();
void publish_event(const Event &event, TimestampTz at);
void end_events();

// Copies up to `room` events with numbers above `since` that are `wanted` to `out`, oldest first,
// and returns how many. `wanted` is called under a lock: no catalog, no memory.
int read_events(uint64 since, bool (*wanted)(const Event &event, const void *context),
                const void *context, Event *out, int room);

} // namespace ayb
