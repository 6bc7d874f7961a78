#include "hooks/shared.hpp"

#include "feed/feeds.hpp"
#include "lanes/counts.hpp"
#include "lanes/lanes.hpp"
#include "memory/configuration.hpp"
#include "memory/crashed.hpp"
#include "memory/databases.hpp"
#include "memory/floor.hpp"
#include "memory/ids.hpp"
#include "memory/kin.hpp"
#include "memory/launcher.hpp"
#include "memory/part.hpp"
#include "memory/slots.hpp"
#include "records/events.hpp"
#include "records/sources.hpp"
#include "records/type_stats.hpp"
#include "turns/key_uses.hpp"
#include "turns/limits.hpp"
#include "turns/place_table.hpp"
#include "turns/ring_table.hpp"
#include "waiters/waiters.hpp"

namespace ayb {

namespace {

struct Part {
    Size (*size)();
    void (*init)();
};

constexpr Part kParts[] = {
    {configuration_size, init_configuration},
    {floors_size, init_floors},
    {ids_size, init_ids},
    {kin_size, init_kin},
    {launcher_size, init_launcher},
    {databases_size, init_databases},
    {slots_size, init_slots},
    {waiters_size, init_waiters},
    {lanes_size, init_lanes},
    {counts_size, init_counts},
    {limits_size, init_limits},
    {places_size, init_places},
    {rings_size, init_rings},
    {key_uses_size, init_key_uses},
    {types_size, init_types},
    {sources_size, init_sources},
    {events_size, init_events},
    {feeds_size, init_feeds},
    {crashed_size, init_crashed},
};

shmem_startup_hook_type g_previous_startup;
RequestHook g_previous_request;

void request() {
    if (g_previous_request != nullptr)
        g_previous_request();
    for (const Part &part : kParts)
        RequestAddinShmemSpace(part.size());
    request_locks();
}

void startup() {
    if (g_previous_startup != nullptr)
        g_previous_startup();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    for (const Part &part : kParts)
        part.init();
    init_locks();
    LWLockRelease(AddinShmemInitLock);
}

} // namespace

void request_shared_memory() {
    g_previous_request = set_request_hook(request);
    g_previous_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

} // namespace ayb
