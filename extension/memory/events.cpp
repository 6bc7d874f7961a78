#include "memory/events.hpp"

#include "pg/clock.hpp"

namespace ayb {

namespace {

EventSpan span_locked() {
    const uint64 next = pg_atomic_read_u64(&shared()->next_event);
    const uint64 first = shared()->first_event;
    return {first, Max(first, next - kEventRing), next - 1};
}

} // namespace

void publish_events(const Event *events, int count, int64 left_out) {
    if (count == 0)
        return;
    LWLockAcquire(lock_of(Locks::events), LW_EXCLUSIVE);
    const TimestampTz now = clock_now();
    uint64 seq = pg_atomic_fetch_add_u64(&shared()->next_event, count + left_out) + left_out;
    for (int i = 0; i < count; i++, seq++) {
        Event &event = event_ring()[seq % kEventRing];
        event = events[i];
        event.seq = seq;
        event.at = now;
    }
    LWLockRelease(lock_of(Locks::events));
}

EventSpan event_span() {
    LWLockAcquire(lock_of(Locks::events), LW_SHARED);
    const EventSpan span = span_locked();
    LWLockRelease(lock_of(Locks::events));
    return span;
}

int read_events(uint64 since, bool (*wanted)(const Event &event, const void *context),
                const void *context, Event *out, int room) {
    int count = 0;
    LWLockAcquire(lock_of(Locks::events), LW_SHARED);
    const EventSpan span = span_locked();
    for (uint64 seq = Max(since + 1, span.oldest); seq <= span.newest && count < room; seq++) {
        const Event &event = event_ring()[seq % kEventRing];
        // Of those that were left out nothing is there.
        if (event.seq == seq && wanted(event, context))
            out[count++] = event;
    }
    LWLockRelease(lock_of(Locks::events));
    return count;
}

} // namespace ayb
