#pragma once
// The last state changes of jobs, in a ring in shared memory, in the order of their commits.
// Guarded by Locks::events.
#include "core/uuid7.hpp"
#include "memory/part.hpp"

namespace ayb {

inline constexpr int kEventRing = 4096; // events that are kept
inline constexpr int kEventTypeBytes = 64;

struct Event {
    uint64 seq;
    TimestampTz at;
    Oid database;
    Oid role;
    core::Uuid job;
    char type[kEventTypeBytes];
    int from;               // a State, or -1 for a new job
    int to;                 // or -1 for one that is gone: such an event is in no ring
    SubTransactionId subid; // which noted it; says nothing once it is in the ring
};

Size events_size();
void init_events();

// Gives the events their numbers and instant and puts them into the ring, as if `left_out` more had
// come before them, and wakes who waits for the end of a job. Never throws.
void publish_events(const Event *events, int count, int64 left_out);

// Numbers of events of all databases: the first since the server started, the oldest that is kept,
// the newest. Where there are none, newest is oldest - 1.
struct EventSpan {
    uint64 first;
    uint64 oldest;
    uint64 newest;
};
EventSpan event_span();

// Copies up to `room` events with numbers above `since` that are `wanted` to `out`, oldest first,
// and returns how many. `wanted` is called under a lock: no catalog, no memory.
int read_events(uint64 since, bool (*wanted)(const Event &event, const void *context),
                const void *context, Event *out, int room);

} // namespace ayb
