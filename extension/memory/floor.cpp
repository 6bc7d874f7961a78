#include "memory/floor.hpp"

namespace ayb {

namespace {

pg_atomic_uint64 *g_lives; // counts the floors that were ever opened

} // namespace

Size floors_size() { return sizeof(pg_atomic_uint64); }

void init_floors() {
    bool made;
    g_lives = static_cast<pg_atomic_uint64 *>(shared_part("ayb_jobs floors", floors_size(), &made));
    if (made)
        pg_atomic_init_u64(g_lives, 0);
}

uint64 new_life() {
    constexpr int kLifeBits = 40; // what commits of one life are counted in
    return pg_atomic_add_fetch_u64(g_lives, 1) << kLifeBits;
}

} // namespace ayb
