#include "memory/kin.hpp"

namespace ayb {

namespace {

pg_atomic_uint32 *g_generations; // the last one that was given, to any database

// A bit of the marks, by the id: most of its digits are random.
struct Bit {
    int word;
    uint32 mask;
};

Bit bit_of(const core::Uuid &id) {
    uint64 high;
    uint64 low;
    memcpy(&high, id.bytes, sizeof(high));
    memcpy(&low, id.bytes + sizeof(high), sizeof(low));
    const uint64 hash = (high ^ low) * UINT64CONST(0x9e3779b97f4a7c15);
    const auto number = static_cast<uint32>(hash >> 40) % (kKinWords * 32);
    return {static_cast<int>(number / 32), static_cast<uint32>(1) << (number % 32)};
}

void ask(Database *database, KinRing *ring, const KinLook &look) {
    SpinLockAcquire(&database->mutex);
    const bool room = ring->count < kKinRing;
    if (room)
        ring->looks[(ring->first + ring->count++) % kKinRing] = look;
    SpinLockRelease(&database->mutex);
    if (!room)
        pg_atomic_write_u32(&database->kin.sweep, 1);
    else if (ring == &database->kin.now)
        pg_atomic_write_u32(&database->kin.waiting, 1);
}

} // namespace

uint32 kin_generation(Database *database) {
    return database == nullptr ? 0 : pg_atomic_read_u32(&database->kin.generation);
}

void set_kin(Database *database, Kin kin, const core::Uuid &id) {
    if (database == nullptr)
        return;
    const Bit bit = bit_of(id);
    pg_atomic_fetch_or_u32(&database->kin.bits[static_cast<int>(kin)][bit.word], bit.mask);
    pg_atomic_write_u32(&database->kin.used, 1);
    pg_memory_barrier();
}

void set_stars(Database *database) {
    if (database != nullptr)
        pg_atomic_exchange_u32(&database->kin.stars, 1);
}

bool may_be_kin(Database *database, Kin kin, const core::Uuid &id) {
    if (kin_generation(database) == 0)
        return true;
    if (pg_atomic_read_u32(&database->kin.used) == 0)
        return false;
    const Bit bit = bit_of(id);
    return (pg_atomic_read_u32(&database->kin.bits[static_cast<int>(kin)][bit.word]) & bit.mask) !=
           0;
}

bool may_be_in_star(Database *database) {
    return kin_generation(database) == 0 || pg_atomic_read_u32(&database->kin.stars) != 0;
}

void begin_marking(Database *database) {
    pg_atomic_exchange_u32(&database->kin.generation, 0);
    pg_atomic_write_u32(&database->kin.used, 0);
    pg_atomic_write_u32(&database->kin.stars, 0);
    for (auto &bits : database->kin.bits)
        for (pg_atomic_uint32 &word : bits)
            pg_atomic_write_u32(&word, 0);
    pg_memory_barrier();
}

void end_marking(Database *database) {
    uint32 generation = 0;
    while (generation == 0)
        generation = pg_atomic_add_fetch_u32(g_generations, 1);
    pg_atomic_exchange_u32(&database->kin.generation, generation);
}

void ask_for_look(Database *database, const KinLook &look) {
    ask(database, &database->kin.now, look);
}

void ask_for_later_look(Database *database, const KinLook &look) {
    ask(database, &database->kin.later, look);
}

void ask_for_sweep(Database *database) { pg_atomic_exchange_u32(&database->kin.sweep, 1); }

int take_asked(Database *database, KinRing *ring, KinLook *looks, int room) {
    int count = 0;
    SpinLockAcquire(&database->mutex);
    while (count < room && ring->count > 0) {
        looks[count++] = ring->looks[ring->first];
        ring->first = (ring->first + 1) % kKinRing;
        ring->count--;
    }
    if (ring == &database->kin.now && ring->count == 0)
        pg_atomic_write_u32(&database->kin.waiting, 0);
    SpinLockRelease(&database->mutex);
    return count;
}

bool begin_looking(Database *database) {
    return pg_atomic_exchange_u32(&database->kin.busy, 1) == 0;
}

void end_looking(Database *database) { pg_atomic_exchange_u32(&database->kin.busy, 0); }

Size kin_size() { return sizeof(pg_atomic_uint32); }

void init_kin() { g_generations = shared_number("ayb_jobs kin"); }

} // namespace ayb
