#include "memory/configuration.hpp"

namespace ayb {

namespace {

pg_atomic_uint64 *g_changes;

} // namespace

Size configuration_size() { return sizeof(pg_atomic_uint64); }

void init_configuration() {
    bool made;
    g_changes = static_cast<pg_atomic_uint64 *>(
        shared_part("ayb_jobs configuration", configuration_size(), &made));
    if (made)
        pg_atomic_init_u64(g_changes, 1);
}

uint64 configuration_generation() { return preloaded() ? pg_atomic_read_u64(g_changes) : 0; }

void count_configuration_change() { pg_atomic_fetch_add_u64(g_changes, 1); }

} // namespace ayb
