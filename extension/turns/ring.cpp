#include "turns/ring.hpp"

#include "memory/state.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

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
    TimestampTz search_at; // not before
    char cursor[kPartitionKeyBytes];
};

namespace {

constexpr int64 kLongestWait = 3600 * kMicrosecondsPerSecond; // for a rate
constexpr int64 kWhileFull = 100 * kMicrosecondsPerMillisecond;

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

HTAB *g_rings;
HTAB *g_keys;
pg_atomic_uint32 *g_count;

template <typename Node> KeyEntry *entry_at(const Node *node, size_t offset) {
    return reinterpret_cast<KeyEntry *>(const_cast<char *>(reinterpret_cast<const char *>(node)) -
                                        offset);
}

KeyEntry *ready_entry(const dlist_node *node) { return entry_at(node, offsetof(KeyEntry, place)); }

KeyEntry *held_entry(const pairingheap_node *node) {
    return entry_at(node, offsetof(KeyEntry, held));
}

int sooner(const pairingheap_node *one, const pairingheap_node *other, void * /*argument*/) {
    const TimestampTz a = held_entry(one)->held_until;
    const TimestampTz b = held_entry(other)->held_until;
    return a < b ? 1 : -static_cast<int>(b < a);
}

Ring *ring_at(const RingKey &key) {
    return static_cast<Ring *>(hash_search(g_rings, &key, HASH_FIND, nullptr));
}

KeyTag tag_of(const Ring &ring, const char *key) { return {ring.key, hash_of_type(key)}; }

// Null where it has none, or where another key of the same hash has it.
KeyEntry *entry_of(const Ring &ring, const char *key) {
    const KeyTag tag = tag_of(ring, key);
    auto *entry = static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_FIND, nullptr));
    return entry != nullptr && strcmp(entry->key, key) == 0 ? entry : nullptr;
}

// Null where there is no room.
KeyEntry *make_entry(Ring *ring, const char *key, const Position &first) {
    if (KeyEntry *entry = entry_of(*ring, key))
        return entry;
    const KeyTag tag = tag_of(*ring, key);
    bool found = true;
    auto *entry = static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_ENTER_NULL, &found));
    if (entry == nullptr || found)
        return nullptr;
    open_floor(&entry->floor, first, kEnd, new_life());
    entry->held_until = 0;
    entry->is_blocked = false;
    strlcpy(entry->key, key, kPartitionKeyBytes);
    dlist_push_tail(&ring->ready, &entry->place);
    return entry;
}

// Out of wherever it is; the caller puts it somewhere else.
void take_out(Ring *ring, KeyEntry *entry) {
    if (entry->held_until != 0)
        pairingheap_remove(&ring->held, &entry->held);
    dlist_delete(entry->is_blocked ? &entry->blocked : &entry->place);
}

void let_go(Ring *ring, KeyEntry *entry) {
    if (entry->held_until == 0)
        return;
    take_out(ring, entry);
    entry->held_until = 0;
    entry->is_blocked = false;
    dlist_push_tail(&ring->ready, &entry->place);
}

void hold(Ring *ring, KeyEntry *entry, TimestampTz until, dlist_head *blocked) {
    take_out(ring, entry);
    entry->held_until = until;
    entry->is_blocked = blocked != nullptr;
    pairingheap_add(&ring->held, &entry->held);
    if (entry->is_blocked)
        dlist_push_tail(blocked, &entry->blocked);
    else
        dlist_push_tail(&ring->locked, &entry->place);
}

void remove_entry(Ring *ring, KeyEntry *entry) {
    take_out(ring, entry);
    hash_search(g_keys, &entry->tag, HASH_REMOVE, nullptr);
}

// One that is further off than any is held was held before the clock was turned back.
void let_go_of_due(Ring *ring, TimestampTz now) {
    const int64 longest =
        Max(kLongestWait, settings::poll_interval * kMicrosecondsPerMillisecond + kWhileFull);
    while (!pairingheap_is_empty(&ring->held)) {
        KeyEntry *first = held_entry(pairingheap_first(&ring->held));
        const TimestampTz until = first->held_until;
        if (until > now && (until <= later(now, longest) || until == DT_NOEND))
            return;
        let_go(ring, first);
    }
}

TimestampTz due_of(Ring *ring) {
    if (!dlist_is_empty(&ring->ready))
        return DT_NOBEGIN;
    const TimestampTz search = ring->searches ? ring->search_at : DT_NOEND;
    return pairingheap_is_empty(&ring->held)
               ? search
               : Min(search, held_entry(pairingheap_first(&ring->held))->held_until);
}

void refresh(Ring *ring) { pg_atomic_write_u64(&ring->due_at, static_cast<uint64>(due_of(ring))); }

void begin_search(Ring *ring) {
    ring->searches = true;
    ring->missed = false;
    ring->search++;
    ring->search_at = DT_NOBEGIN;
    ring->cursor[0] = '\0';
}

// One that is on its way comes round first: else those behind it would never be met.
void search_again(Ring *ring) {
    if (ring->searches)
        ring->missed = true;
    else
        begin_search(ring);
}

// Calls `use(Ring *, now)` where there is such a ring, and tells what it has come to.
template <typename Use> void with_ring(const RingKey &key, Use use) {
    if (pg_atomic_read_u32(g_count) == 0)
        return;
    with_limits([&](TimestampTz now) {
        if (Ring *ring = ring_at(key)) {
            use(ring, now);
            refresh(ring);
        }
    });
}

template <typename Use> void each_ring(Use use) {
    if (pg_atomic_read_u32(g_count) == 0)
        return;
    with_limits([&](TimestampTz /*now*/) {
        HASH_SEQ_STATUS scan;
        hash_seq_init(&scan, g_rings);
        while (auto *ring = static_cast<Ring *>(hash_seq_search(&scan)))
            use(ring);
    });
}

} // namespace

Size rings_size() {
    return add_size(sizeof(pg_atomic_uint32),
                    add_size(hash_estimate_size(kMaxRings, sizeof(Ring)),
                             hash_estimate_size(settings::max_keys, sizeof(KeyEntry))));
}

void init_rings() {
    g_count = shared_number("ayb_jobs rings made");
    g_rings = shared_table("ayb_jobs rings", kMaxRings, sizeof(RingKey), sizeof(Ring));
    g_keys = shared_table("ayb_jobs keys", settings::max_keys, sizeof(KeyTag), sizeof(KeyEntry));
}

RingKey ring_key(Oid role, const char *type) { return {MyDatabaseId, role, hash_of_type(type)}; }

const Ring *make_ring(const RingKey &key) {
    Ring *ring = nullptr;
    with_limits([&](TimestampTz /*now*/) {
        bool found = true;
        ring = static_cast<Ring *>(hash_search(g_rings, &key, HASH_ENTER_NULL, &found));
        if (ring == nullptr || found)
            return;
        memset(static_cast<void *>(ring), 0, sizeof(Ring));
        ring->key = key;
        dlist_init(&ring->ready);
        dlist_init(&ring->locked);
        ring->held.ph_compare = sooner;
        begin_search(ring);
        pg_atomic_init_u64(&ring->due_at, static_cast<uint64>(DT_NOBEGIN));
        pg_atomic_fetch_add_u32(g_count, 1);
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
        KeyEntry *entry = make_entry(ring, text, first);
        if (entry == nullptr) {
            search_again(ring);
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
    turns->more = turns->empty = turns->searches = false;
    with_ring(key, [&](Ring *ring, TimestampTz now) {
        let_go_of_due(ring, now);
        const KeyEntry *first = nullptr;
        while (turns->count < most && !dlist_is_empty(&ring->ready)) {
            KeyEntry *entry = ready_entry(dlist_head_node(&ring->ready));
            if (entry == first)
                break;
            first = first != nullptr ? first : entry;
            dlist_delete(&entry->place);
            dlist_push_tail(&ring->ready, &entry->place);
            strlcpy(turns->keys[turns->count].key, entry->key, kPartitionKeyBytes);
            turns->keys[turns->count++].mark = mark_floor(entry->floor);
        }
        turns->more =
            !dlist_is_empty(&ring->ready) && ready_entry(dlist_head_node(&ring->ready)) != first;
        turns->searches = ring->searches && ring->search_at <= now;
        turns->search = ring->search;
        strlcpy(turns->cursor, ring->cursor, kPartitionKeyBytes);
        turns->empty = !ring->searches && turns->count == 0 && pairingheap_is_empty(&ring->held);
    });
}

void give_back_turn(const RingKey &key, const KeyTurn &turn) {
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        KeyEntry *entry = entry_of(*ring, turn.key);
        if (entry == nullptr || entry->held_until != 0)
            return;
        dlist_delete(&entry->place);
        dlist_push_head(&ring->ready, &entry->place);
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
            let_go(ring, ready_entry(dlist_head_node(&ring->locked)));
        refresh(ring);
    });
}

bool enter_key(const RingKey &key, const char *text, const Position &at) {
    bool entered = false;
    with_ring(key, [&](Ring *ring, TimestampTz /*now*/) {
        KeyEntry *entry = make_entry(ring, text, at);
        entered = entry != nullptr;
        ring->missed = ring->missed || !entered;
        if (entered)
            lower_floor(&entry->floor, at);
    });
    return entered;
}

void pass_key(const RingKey &key, uint64 search, const char *text) {
    with_ring(key, [&](Ring *ring, TimestampTz now) {
        if (ring->search != search)
            return;
        if (text != nullptr) {
            strlcpy(ring->cursor, text, kPartitionKeyBytes);
            return;
        }
        const bool again = ring->missed;
        begin_search(ring);
        ring->searches = again;
        ring->search_at = later(now, kWhileFull);
    });
}

long keys_in_rings() { return hash_get_num_entries(g_keys); }

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
        KeyEntry *entry = entry_at(node, offsetof(KeyEntry, blocked));
        Ring *ring = ring_at(entry->tag.ring);
        const TimestampTz before = ring_due(ring);
        if (at == DT_NOBEGIN) {
            let_go(ring, entry);
        } else if (entry->held_until != at) {
            pairingheap_remove(&ring->held, &entry->held);
            entry->held_until = at;
            pairingheap_add(&ring->held, &entry->held);
        }
        refresh(ring);
        if (ring_due(ring) < before)
            add_opened(opened, entry->tag.ring.role);
    }
}

void forget_rings(Oid database) {
    each_ring([database](Ring *ring) {
        if (ring->key.database != database)
            return;
        while (!dlist_is_empty(&ring->ready))
            remove_entry(ring, ready_entry(dlist_head_node(&ring->ready)));
        while (!pairingheap_is_empty(&ring->held))
            remove_entry(ring, held_entry(pairingheap_first(&ring->held)));
        pg_atomic_write_u64(&ring->due_at, static_cast<uint64>(DT_NOBEGIN));
        hash_search(g_rings, &ring->key, HASH_REMOVE, nullptr);
        pg_atomic_fetch_sub_u32(g_count, 1);
    });
}

} // namespace ayb
