#include "turns/ring_table.hpp"

#include "memory/state.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

HTAB *g_rings;
HTAB *g_keys;
pg_atomic_uint32 *g_count;

template <typename Node> KeyEntry *entry_at(const Node *node, size_t offset) {
    return reinterpret_cast<KeyEntry *>(const_cast<char *>(reinterpret_cast<const char *>(node)) -
                                        offset);
}

int sooner(const pairingheap_node *one, const pairingheap_node *other, void * /*argument*/) {
    const TimestampTz a = entry_in_heap(one)->held_until;
    const TimestampTz b = entry_in_heap(other)->held_until;
    return a < b ? 1 : -static_cast<int>(b < a);
}

int before(const pairingheap_node *one, const pairingheap_node *other, void * /*argument*/) {
    const KeyEntry *a = entry_in_heap(one);
    const KeyEntry *b = entry_in_heap(other);
    if (a->turns != b->turns)
        return a->turns < b->turns ? 1 : -1;
    return a->order < b->order ? 1 : -static_cast<int>(b->order < a->order);
}

KeyTag tag_of(const Ring &ring, const char *key) { return {ring.key, hash_of_type(key)}; }

// Out of wherever it is; the caller puts it somewhere else.
void take_out(Ring *ring, KeyEntry *entry) {
    pairingheap_remove(entry->held_until != 0 ? &ring->held : &ring->ready, &entry->heap);
    if (entry->held_until != 0)
        dlist_delete(entry->is_blocked ? &entry->blocked : &entry->place);
}

// It is in no heap.
void put_ready(Ring *ring, KeyEntry *entry, int64 order) {
    entry->held_until = 0;
    entry->is_blocked = false;
    entry->order = order;
    pairingheap_add(&ring->ready, &entry->heap);
}

TimestampTz due_of(Ring *ring) {
    if (next_ready(ring) != nullptr)
        return DT_NOBEGIN;
    const TimestampTz search = ring->searches ? ring->search_at : DT_NOEND;
    return pairingheap_is_empty(&ring->held)
               ? search
               : Min(search, entry_in_heap(pairingheap_first(&ring->held))->held_until);
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

HTAB *ring_table() { return g_rings; }

long keys_in_rings() { return hash_get_num_entries(g_keys); }

bool any_rings() { return pg_atomic_read_u32(g_count) != 0; }

Ring *ring_at(const RingKey &key) {
    return static_cast<Ring *>(hash_search(g_rings, &key, HASH_FIND, nullptr));
}

Ring *enter_ring(const RingKey &key, bool *found) {
    auto *ring = static_cast<Ring *>(hash_search(g_rings, &key, HASH_ENTER_NULL, found));
    if (ring == nullptr || *found)
        return ring;
    memset(static_cast<void *>(ring), 0, sizeof(Ring));
    ring->key = key;
    ring->ready.ph_compare = before;
    dlist_init(&ring->locked);
    ring->held.ph_compare = sooner;
    pg_atomic_init_u64(&ring->due_at, static_cast<uint64>(DT_NOBEGIN));
    pg_atomic_fetch_add_u32(g_count, 1);
    return ring;
}

void remove_ring(const Ring *ring) {
    hash_search(g_rings, &ring->key, HASH_REMOVE, nullptr);
    pg_atomic_fetch_sub_u32(g_count, 1);
}

KeyEntry *entry_in_heap(const pairingheap_node *node) {
    return entry_at(node, offsetof(KeyEntry, heap));
}

KeyEntry *locked_entry(const dlist_node *node) { return entry_at(node, offsetof(KeyEntry, place)); }

KeyEntry *blocked_entry(const dlist_node *node) {
    return entry_at(node, offsetof(KeyEntry, blocked));
}

KeyEntry *entry_of(const Ring &ring, const char *key) {
    const KeyTag tag = tag_of(ring, key);
    auto *entry = static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_FIND, nullptr));
    return entry != nullptr && strcmp(entry->key, key) == 0 ? entry : nullptr;
}

KeyEntry *entry_of_hash(const Ring &ring, uint64 hash) {
    const KeyTag tag{ring.key, hash};
    return static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_FIND, nullptr));
}

KeyEntry *make_entry(Ring *ring, const char *key, const Position &first, uint64 turns) {
    if (KeyEntry *entry = entry_of(*ring, key))
        return entry;
    const KeyTag tag = tag_of(*ring, key);
    bool found = true;
    auto *entry = static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_ENTER_NULL, &found));
    if (entry == nullptr || found)
        return nullptr;
    open_floor(&entry->floor, first, kEnd, new_life());
    entry->turns = turns;
    strlcpy(entry->key, key, kPartitionKeyBytes);
    put_ready(ring, entry, ++ring->last);
    return entry;
}

KeyEntry *next_ready(Ring *ring) {
    if (pairingheap_is_empty(&ring->ready))
        return nullptr;
    KeyEntry *entry = entry_in_heap(pairingheap_first(&ring->ready));
    return waits_for_search(*ring) && entry->turns > ring->search_round ? nullptr : entry;
}

void add_turns(Ring *ring, KeyEntry *entry, int turns) {
    entry->turns += turns;
    if (entry->held_until != 0)
        return;
    take_out(ring, entry);
    put_ready(ring, entry, turns < 0 ? --ring->first : ++ring->last);
}

void let_go(Ring *ring, KeyEntry *entry) {
    if (entry->held_until == 0)
        return;
    take_out(ring, entry);
    entry->turns = Max(entry->turns, ring->round); // what it has missed is gone
    put_ready(ring, entry, ++ring->last);
}

void hold(Ring *ring, KeyEntry *entry, TimestampTz until, dlist_head *blocked) {
    take_out(ring, entry);
    entry->held_until = until;
    entry->is_blocked = blocked != nullptr;
    pairingheap_add(&ring->held, &entry->heap);
    if (entry->is_blocked)
        dlist_push_tail(blocked, &entry->blocked);
    else
        dlist_push_tail(&ring->locked, &entry->place);
}

void remove_entry(Ring *ring, KeyEntry *entry) {
    take_out(ring, entry);
    hash_search(g_keys, &entry->tag, HASH_REMOVE, nullptr);
}

void hold_until(Ring *ring, KeyEntry *entry, TimestampTz until) {
    pairingheap_remove(&ring->held, &entry->heap);
    entry->held_until = until;
    pairingheap_add(&ring->held, &entry->heap);
}

void refresh(Ring *ring) { pg_atomic_write_u64(&ring->due_at, static_cast<uint64>(due_of(ring))); }

} // namespace ayb
