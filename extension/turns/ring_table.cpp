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
    const TimestampTz a = held_entry(one)->held_until;
    const TimestampTz b = held_entry(other)->held_until;
    return a < b ? 1 : -static_cast<int>(b < a);
}

KeyTag tag_of(const Ring &ring, const char *key) { return {ring.key, hash_of_type(key)}; }

// Out of wherever it is; the caller puts it somewhere else.
void take_out(Ring *ring, KeyEntry *entry) {
    if (entry->held_until != 0)
        pairingheap_remove(&ring->held, &entry->held);
    dlist_delete(entry->is_blocked ? &entry->blocked : &entry->place);
}

TimestampTz due_of(Ring *ring) {
    if (!dlist_is_empty(&ring->ready))
        return DT_NOBEGIN;
    const TimestampTz search = ring->searches ? ring->search_at : DT_NOEND;
    return pairingheap_is_empty(&ring->held)
               ? search
               : Min(search, held_entry(pairingheap_first(&ring->held))->held_until);
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
    dlist_init(&ring->ready);
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

KeyEntry *ready_entry(const dlist_node *node) { return entry_at(node, offsetof(KeyEntry, place)); }

KeyEntry *held_entry(const pairingheap_node *node) {
    return entry_at(node, offsetof(KeyEntry, held));
}

KeyEntry *blocked_entry(const dlist_node *node) {
    return entry_at(node, offsetof(KeyEntry, blocked));
}

KeyEntry *entry_of(const Ring &ring, const char *key) {
    const KeyTag tag = tag_of(ring, key);
    auto *entry = static_cast<KeyEntry *>(hash_search(g_keys, &tag, HASH_FIND, nullptr));
    return entry != nullptr && strcmp(entry->key, key) == 0 ? entry : nullptr;
}

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

void hold_until(Ring *ring, KeyEntry *entry, TimestampTz until) {
    pairingheap_remove(&ring->held, &entry->held);
    entry->held_until = until;
    pairingheap_add(&ring->held, &entry->held);
}

void refresh(Ring *ring) { pg_atomic_write_u64(&ring->due_at, static_cast<uint64>(due_of(ring))); }

} // namespace ayb
