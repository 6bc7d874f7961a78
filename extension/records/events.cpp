#include "records/events.hpp"

#include "memory/state.hpp"
#include "waiters/waiters.hpp"

#include "pg/clock.hpp"

namespace ayb {

namespace {

struct Events {
    uint64 first; // the number of the first one since the server started
    uint64 next;
    Event ring[kEventRing];
};

Events *g_events;

EventSpan span_locked() {
    const uint64 next = g_events->next;
    return {g_events->first, Max(g_events->first, next - kEventRing), next - 1};
}

} // namespace

Size events_size() { return sizeof(Events); }

void init_events() {
    bool made;
    g_events = static_cast<Events *>(shared_part("ayb_jobs events", events_size(), &made));
    // By the clock's microseconds, so that no number comes twice, whatever was counted before.
    if (made)
        g_events->first = g_events->next = static_cast<uint64>(GetCurrentTimestamp());
}

void publish_events(const Event *events, int count, int64 left_out) {
    if (count == 0)
        return;
    LWLockAcquire(lock_of(Locks::events), LW_EXCLUSIVE);
    const TimestampTz now = clock_now();
    g_events->next += left_out;
    for (int i = 0; i < count; i++) {
        if (events[i].to < 0)
            continue;
        const uint64 seq = g_events->next++;
        Event &event = g_events->ring[seq % kEventRing];
        event = events[i];
        event.seq = seq;
        event.at = now;
    }
    LWLockRelease(lock_of(Locks::events));
    for (int i = 0; i < count; i++)
        if (events[i].to < 0 || events[i].to > static_cast<int>(State::running))
            tell_ended(events[i].job);
    if (left_out > 0)
        tell_any_ended();
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
        const Event &event = g_events->ring[seq % kEventRing];
        // Of those that were left out nothing is there.
        if (event.seq == seq && wanted(event, context))
            out[count++] = event;
    }
    LWLockRelease(lock_of(Locks::events));
    return count;
}

} // namespace ayb
