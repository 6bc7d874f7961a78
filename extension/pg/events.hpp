#pragma once
// The last state changes of jobs, in a ring in shared memory, in the order of their commits.
#include "pg/shared.hpp"

namespace ayb {

// Gives the event its number and instant and puts it into the ring. Never throws.
void publish_event(Event event);

// Copies up to `room` events with numbers above `since` that are `wanted` to `out`, oldest first,
// and returns how many. `wanted` is called under a lock: no catalog, no memory.
int read_events(uint64 since, bool (*wanted)(const Event &event, const void *context),
                const void *context, Event *out, int room);

} // namespace ayb
