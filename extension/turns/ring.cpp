#include "turns/ring.hpp"

#include "memory/state.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"
#include "turns/ring_table.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestWait = 3600 * kMicrosecondsPerSecond; // for a rate
constexpr int64 kWhileFull = 100 * kMicrosecondsPerMillisecond;

// One that is further off than any is held was held before the clock was turned back.
void let_go_of_due(Ring *ring, TimestampTz now) {
    const int64 longest =
        Max(kLongestWait, settings::poll_interval * kMicrosecondsPerMillisecond + kWhileFull);
    while (!pairingheap_is_empty(&ring->held)) {
        KeyEntry *first = entry_in_heap(pairingheap_first(&ring->held));
        const TimestampTz until = first->held_until;
        if (until > now && (until <= later(now, longest) || until == DT_NOEND))
            return;
        let_go(ring, first);
    }
}

void begin_search(Ring *ring) {
    ring->searches = true;
    ring->again = ring->goes_on = false;
    ring->search_round = ring->round;
    ring->search++;
    ring->search_at = DT_NOBEGIN;
    ring->cursor[0] = '\0';
}

// One that is on its way comes round first: else those behind it would never be met.
void search_again(Ring *ring) {
    ring->unheard++;
    if (ring->searches)
        ring->again = true;
    else
        begin_search(ring);
}

// There was no room for a key: those that have some don't wait for it.
void note_no_room(Ring *ring) {
    search_again(ring);
    ring->goes_on = true;
}

void put_turn(const Ring &ring, const KeyEntry &entry, Turns *turns) {
    KeyTurn &turn = turns->keys[turns->count++];
    strlcpy(turn.key, entry.key, kPartitionKeyBytes);
    turn.unheard = ring.searches ? kUnknown : ring.unheard;
    turn.mark = mark_floor(entry.floor);
}

// The next ones, each of which has had a turn then.
void take_ready(Ring *ring, int most, Turns *turns) {
    dlist_head taken;
    dlist_init(&taken);
    for (KeyEntry *entry; turns->count < most && (entry = next_ready(ring)) != nullptr;) {
        pairingheap_remove_first(&ring->ready);
        dlist_push_tail(&taken, &entry->place);
        ring->round = Max(ring->round, entry->turns);
        put_turn(*ring, *entry, turns);
    }
    turns->more = waits_for_search(*ring) || !pairingheap_is_empty(&ring->ready);
    while (!dlist_is_empty(&taken)) {
        KeyEntry *entry = locked_entry(dlist_pop_head_node(&taken));
        entry->turns++;
        entry->order = ++ring->last;
        pairingheap_add(&ring->ready, &entry->heap);
    }
}

} // namespace

const Ring *make_ring(const RingKey &key) {
    Ring *ring = nullptr;
    with_limits([&](TimestampTz /*now*/) {
        bool found = true;
        ring = enter_ring(key, &found);
        if (ring != nullptr && !found)
            begin_search(ring);
    });
    return ring;
}

TimestampTz ring_due(const Ring *ring) {
    if (ring == nullptr)
        return DT_NOBEGIN;
    auto *at = const_cast<pg_atomic_uint64 *>(&ring->due_at);
    return static_cast<TimestampTz>(pg_atomic_read_u64(at));
}

void lower_key(const RingKey &key, const char *text, const Position &first) {
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        // One that has had a turn in this round, and was out, doesn't have another one.
        KeyEntry *entry = make_entry(ring, text, first, ring->round + 1);
        if (entry == nullptr) {
            note_no_room(ring);
            return;
        }
        lower_floor(&entry->floor, first);
        if (!entry->is_blocked)
            let_go(ring, entry);
    });
}

void search_keys(const RingKey &key) {
    with_ring(key, [](Ring *ring, TimestampTz) { search_again(ring); });
}

void search_all_keys(Oid database) {
    each_ring([database](Ring *ring) {
        if (ring->key.database != database)
            return;
        search_again(ring);
        refresh(ring);
    });
}

void take_turns(const RingKey &key, int most, Turns *turns) {
    turns->count = 0;
    turns->most = most;
    turns->more = turns->empty = turns->searches = false;
    with_ring(key, [&](Ring *ring, TimestampTz now) {
        let_go_of_due(ring, now);
        take_ready(ring, most, turns);
        turns->searches = ring->searches && ring->search_at <= now;
        turns->search = ring->search;
        strlcpy(turns->cursor, ring->cursor, kPartitionKeyBytes);
        turns->empty = !ring->searches && turns->count == 0 && pairingheap_is_empty(&ring->held);
    });
}

void count_turns(const RingKey &key, uint64 hash, int more) {
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        if (KeyEntry *entry = entry_of_hash(*ring, hash))
            add_turns(ring, entry, more);
    });
}

void raise_key(const RingKey &key, const KeyTurn &turn, const Position &first) {
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        KeyEntry *entry = entry_of(*ring, turn.key);
        if (entry == nullptr)
            return;
        raise_floor(&entry->floor, turn.mark, first, kEnd);
        if (!(entry->floor.at < kEnd))
            remove_entry(ring, entry);
    });
}

bool is_unchanged(const RingKey &key, const KeyTurn &turn) {
    bool unchanged = false;
    with_ring(key, [&](const Ring *ring, TimestampTz /*now*/) {
        const KeyEntry *entry = entry_of(*ring, turn.key);
        unchanged = entry != nullptr && entry->floor.commits == turn.mark.commits &&
                    ring->unheard == turn.unheard;
    });
    return unchanged;
}

Position floor_of_key(const RingKey &key, const char *text) {
    Position at = kBegin;
    with_ring(key, [&](const Ring *ring, TimestampTz /*now*/) {
        const KeyEntry *entry = entry_of(*ring, text);
        if (entry != nullptr && !ring->searches)
            at = entry->floor.at;
    });
    return at;
}

void hold_key(const RingKey &key, const KeyTurn &turn, TimestampTz until) {
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        KeyEntry *entry = entry_of(*ring, turn.key);
        if (entry == nullptr || entry->held_until != 0 || entry->floor.commits != turn.mark.commits)
            return;
        hold(ring, entry, until, nullptr);
    });
}

void free_keys(Oid database, Oid role) {
    each_ring([=](Ring *ring) {
        if (ring->key.database != database || ring->key.role != role)
            return;
        while (!dlist_is_empty(&ring->locked))
            let_go(ring, locked_entry(dlist_head_node(&ring->locked)));
        refresh(ring);
    });
}

Met enter_key(const RingKey &key, const char *text, const Position &at, bool takes) {
    Met met = Met::alone;
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        KeyEntry *entry = entry_of(*ring, text);
        met = entry != nullptr ? Met::known : Met::entered;
        entry = make_entry(ring, text, at, ring->search_round);
        if (entry == nullptr) {
            ring->again = ring->goes_on = true;
            met = Met::alone;
            return;
        }
        lower_floor(&entry->floor, at);
        if (met == Met::entered && takes)
            add_turns(ring, entry, 1);
    });
    return met;
}

void pass_key(const RingKey &key, uint64 search, bool sound, const char *text) {
    with_ring(key, [&](Ring *ring, TimestampTz now) {
        if (ring->search != search)
            return;
        if (!sound)
            ring->again = ring->goes_on = true;
        if (text != nullptr) {
            strlcpy(ring->cursor, text, kPartitionKeyBytes);
            return;
        }
        const bool again = ring->again;
        const bool goes_on = ring->goes_on;
        begin_search(ring);
        ring->searches = again;
        ring->goes_on = goes_on;
        ring->search_at = goes_on ? later(now, kWhileFull) : DT_NOBEGIN;
    });
}

void block_key(const RingKey &key, const char *text, TimestampTz until, dlist_head *blocked) {
    Ring *ring = ring_at(key);
    KeyEntry *entry = ring != nullptr ? entry_of(*ring, text) : nullptr;
    if (entry == nullptr)
        return;
    hold(ring, entry, until, blocked);
    refresh(ring);
}

void open_keys(dlist_head *blocked, TimestampTz at, Opened *opened) {
    for (dlist_node *node = blocked->head.next, *next; node != &blocked->head; node = next) {
        next = node->next;
        KeyEntry *entry = blocked_entry(node);
        Ring *ring = ring_at(entry->tag.ring);
        const TimestampTz before = ring_due(ring);
        if (at == DT_NOBEGIN)
            let_go(ring, entry);
        else if (entry->held_until != at)
            hold_until(ring, entry, at);
        refresh(ring);
        if (ring_due(ring) < before)
            opened->add(entry->tag.ring.role);
    }
}

void forget_rings(Oid database) {
    each_ring([database](Ring *ring) {
        if (ring->key.database != database)
            return;
        while (!pairingheap_is_empty(&ring->ready))
            remove_entry(ring, entry_in_heap(pairingheap_first(&ring->ready)));
        while (!pairingheap_is_empty(&ring->held))
            remove_entry(ring, entry_in_heap(pairingheap_first(&ring->held)));
        pg_atomic_write_u64(&ring->due_at, static_cast<uint64>(DT_NOBEGIN));
        remove_ring(ring);
    });
}

} // namespace ayb
