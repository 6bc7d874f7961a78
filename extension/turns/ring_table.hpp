#pragma once
// The tables behind the rings of keys (ring.hpp). All of it under Locks::limits, which the caller
// holds exclusively.
#include "memory/floor.hpp"
#include "turns/limits.hpp"
#include "turns/ring_key.hpp"

extern "C" {
#include "lib/ilist.h"
#include "lib/pairingheap.h"
}

namespace ayb {

struct Ring {
    RingKey key;             // must be first
    pg_atomic_uint64 due_at; // DT_NOBEGIN, or the first of those that are held
    dlist_head ready;
    dlist_head locked; // keys all of whose jobs are
    pairingheap held;  // these, and those that a limit blocks, by when they are ready again
    bool searches;     // keys may be missing
    bool missed;       // the search has met one for which there was no room
    uint64 search;
    uint64 unheard;        // how often keys were missing
    TimestampTz search_at; // not before
    char cursor[kPartitionKeyBytes];
};

struct KeyTag {
    RingKey ring;
    uint64 key; // its hash
};

struct KeyEntry {
    KeyTag tag;       // must be first
    dlist_node place; // among those that are ready, or locked
    pairingheap_node held;
    Floor<Position> floor;
    TimestampTz held_until; // 0 for one that is ready
    bool is_blocked;        // by a limit
    dlist_node blocked;
    char key[kPartitionKeyBytes];
};

Size rings_size();
void init_rings();

Ring *ring_at(const RingKey &key);
// A new one has no keys. Null where there is no room; `found` is whether it was there.
Ring *enter_ring(const RingKey &key, bool *found);
// The ring has no entries.
void remove_ring(const Ring *ring);

// Null where the key has none, or where another key of the same hash has it.
KeyEntry *entry_of(const Ring &ring, const char *key);
// A new one is ready. Null where there is no room.
KeyEntry *make_entry(Ring *ring, const char *key, const Position &first);
void remove_entry(Ring *ring, KeyEntry *entry);

KeyEntry *ready_entry(const dlist_node *node);
KeyEntry *held_entry(const pairingheap_node *node);
KeyEntry *blocked_entry(const dlist_node *node);

// Ready at once; or not before `until`, among those of `blocked` if that isn't null.
void let_go(Ring *ring, KeyEntry *entry);
void hold(Ring *ring, KeyEntry *entry, TimestampTz until, dlist_head *blocked);
void hold_until(Ring *ring, KeyEntry *entry, TimestampTz until);

// What others see of the ring.
void refresh(Ring *ring);

HTAB *ring_table(); // for each_ring() alone
bool any_rings();
long keys_in_rings(); // of all

// Calls `use(Ring *, now)` under the lock where there is such a ring, and tells what it has come
// to.
template <typename Use> void with_ring(const RingKey &key, Use use) {
    if (!any_rings())
        return;
    with_limits([&](TimestampTz now) {
        if (Ring *ring = ring_at(key)) {
            use(ring, now);
            refresh(ring);
        }
    });
}

template <typename Use> void each_ring(Use use) {
    if (!any_rings())
        return;
    with_limits([&](TimestampTz /*now*/) {
        HASH_SEQ_STATUS scan;
        hash_seq_init(&scan, ring_table());
        while (auto *ring = static_cast<Ring *>(hash_seq_search(&scan)))
            use(ring);
    });
}

} // namespace ayb
