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
    pairingheap ready;       // by their turns, then in order
    uint64 round;            // the turns that the last one had which was taken
    int64 first;             // before the order of all
    int64 last;              // behind it
    dlist_head locked;       // keys all of whose jobs are
    pairingheap held;        // these, and those that a limit blocks, by when they are ready again
    bool searches;           // keys may be missing
    bool again;              // and it has to be searched once more
    bool goes_on;            // those that are known don't wait for it: one had no room, or may have
    uint64 search;
    uint64 search_round;   // the round in which it began
    uint64 unheard;        // how often keys were missing
    TimestampTz search_at; // not before
    char cursor[kPartitionKeyBytes];
};

struct KeyTag {
    RingKey ring;
    uint64 key; // its hash
};

struct KeyEntry {
    KeyTag tag;            // must be first
    pairingheap_node heap; // among those that are ready, or held
    uint64 turns;          // jobs of it that were taken, and what it has come too late for
    int64 order;
    dlist_node place; // among those that are locked
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

// Null where the key has none, or where another key of the same hash has it; or whichever has that
// hash.
KeyEntry *entry_of(const Ring &ring, const char *key);
KeyEntry *entry_of_hash(const Ring &ring, uint64 hash);
// A new one is ready, behind those that have had as many turns. Null where there is no room.
KeyEntry *make_entry(Ring *ring, const char *key, const Position &first, uint64 turns);
void remove_entry(Ring *ring, KeyEntry *entry);

KeyEntry *entry_in_heap(const pairingheap_node *node);
KeyEntry *locked_entry(const dlist_node *node);
KeyEntry *blocked_entry(const dlist_node *node);

// While keys are missing those that are known have one turn, and wait for the others then.
inline bool waits_for_search(const Ring &ring) { return ring.searches && !ring.goes_on; }
// The one whose turn it is; null for none.
KeyEntry *next_ready(Ring *ring);

// Of one that is ready or held: so many turns more, or fewer. Then it is the last one of those that
// have had as many, or the first.
void add_turns(Ring *ring, KeyEntry *entry, int turns);

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
