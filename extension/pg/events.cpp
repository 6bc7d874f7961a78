#include "pg/events.hpp"

#include "pg/clock.hpp"

namespace ayb {

TimestampTz begin_events() {
    LWLockAcquire(lock_of(Locks::events), LW_EXCLUSIVE);
    return clock_now();
}

void publish_event(const Event &event, TimestampTz at) {
    const uint64 seq = pg_atomic_read_u64(&shared()->next_event);
    Event &place = event_ring()[seq % kEventRing];
    place = event;
    place.seq = seq;
    place.at = at;
    pg_atomic_write_u64(&shared()->next_event, seq + 1);
}

void end_events() { LWLockRelease(lock_of(Locks::events)); }

int read_events(uint64 since, bool (*wanted)(const Event &event, const void *context),
                const void *context, Event *out, int room) {
    int count = 0;
    LWLockAcquire(lock_of(Locks::events), LW_SHARED);
    const uint64 next = pg_atomic_read_u64(&shared()->next_event);
    const uint64 oldest = next > kEventRing ? next - kEventRing : 1;
    for (uint64 seq = Max(since + 1, oldest); seq < next && count < room; seq++) {
        const Event &event = event_ring()[seq % kEventRing];
        if (wanted(event, context))
            out[count++] = event;
    }
    LWLockRelease(lock_of(Locks::events));
    return count;
}

} // namespace ayb
