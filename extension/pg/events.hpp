#pragma once
// The last state changes of jobs, in a ring in shared memory, in the order of their commits.
#include "pg/shared.hpp"

namespace ayb {

// Gives the event its number and instant and puts it into the ring. Never throws.
void publish_event(Event event);

// Copies up to `room` events of this database with numbers above `since` to `out`, oldest first,
// and returns how many. `*oldest` becomes the number of the oldest event that is still there.
int read_events(Oid database, uint64 since, Event *out, int room, uint64 *oldest);

} // namespace ayb
