#include "turns/reservations.hpp"

namespace ayb {

namespace {

Reserved *g_reserved; // in TopTransactionContext
int g_count;
int g_room;

// Null where that isn't there any more, or is another transaction's of the same number.
Reserved *numbered(uint64 number, int index, uint64 type) {
    if (number == 0 || index >= g_count)
        return nullptr;
    Reserved *reserved = &g_reserved[index];
    return reserved->number == number && reserved->limit.type == type ? reserved : nullptr;
}

} // namespace

void make_room_for_reservation() {
    if (g_count < g_room)
        return;
    const int room = Max(8, 2 * g_room);
    const Size bytes = room * sizeof(Reserved);
    g_reserved = static_cast<Reserved *>(g_reserved == nullptr
                                             ? MemoryContextAlloc(TopTransactionContext, bytes)
                                             : repalloc(g_reserved, bytes));
    g_room = room;
}

bool has_asked() { return g_room > 0; }

int reserved_count() { return g_count; }

Reserved *reserved_at(int index) { return &g_reserved[index]; }

Reserved *add_reservation() { return &g_reserved[g_count++]; }

void drop_last_reservation() { g_count--; }

void forget_reservations() {
    g_reserved = nullptr;
    g_count = g_room = 0;
}

Reserved *reservation_of(const Place &place) {
    return numbered(place.reservation, place.index, place.type);
}

Reserved *reservation_of(const LimitKey &limit) {
    for (int i = 0; i < g_count; i++)
        if (g_reserved[i].limit.type == limit.type && g_reserved[i].counts)
            return &g_reserved[i];
    return nullptr;
}

Reserved *reservation_of(const Limit &limit, const KeyUse &use) {
    Reserved *reserved = numbered(use.reservation, use.index, limit.key.type);
    const bool ours =
        reserved != nullptr && reserved->born == limit.born && reserved->key == use.tag.key;
    return ours ? reserved : nullptr;
}

Place *place_of(const Reserved &reserved) {
    Place *place = reserved.place;
    const bool ours = place->reservation == reserved.number &&
                      place->key_of_job.job == reserved.job && place->type == reserved.limit.type &&
                      place->key_of_job.database == reserved.limit.database;
    return ours ? place : nullptr;
}

} // namespace ayb
