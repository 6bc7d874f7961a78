#include "memory/shared.hpp"

#include "memory/crashed.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr const char *kTranche = "ayb_jobs";

// Set once in the postmaster and inherited by every child.
Shared *g_shared;
Database *g_databases;
WorkerSlot *g_workers;
Event *g_events;
RunningJob *g_crashed;
HTAB *g_lanes;
HTAB *g_types;
HTAB *g_external_types;
HTAB *g_sources;
LWLockPadded *g_locks;

shmem_startup_hook_type g_previous_startup;
RequestHook g_previous_request;

Size fixed_size(int slots) {
    Size size = MAXALIGN(sizeof(Shared));
    size = add_size(size, mul_size(slots, sizeof(Database)));
    size = add_size(size, mul_size(slots, sizeof(WorkerSlot)));
    size = add_size(size, mul_size(slots, sizeof(RunningJob)));
    return add_size(size, mul_size(kEventRing, sizeof(Event)) + 4 * MAXIMUM_ALIGNOF);
}

void request() {
    if (g_previous_request != nullptr)
        g_previous_request();
    RequestAddinShmemSpace(fixed_size(max_worker_processes));
    RequestAddinShmemSpace(hash_estimate_size(kMaxLanes, sizeof(Lane)));
    RequestAddinShmemSpace(hash_estimate_size(kMaxTypes, sizeof(TypeStats)));
    RequestAddinShmemSpace(hash_estimate_size(kMaxExternalTypes, sizeof(ExternalType)));
    RequestAddinShmemSpace(hash_estimate_size(kMaxSources, sizeof(Source)));
    RequestNamedLWLockTranche(kTranche, static_cast<int>(Locks::count));
}

void place_parts(char *start, int slots) {
    g_shared = reinterpret_cast<Shared *>(start);
    start += MAXALIGN(sizeof(Shared));
    g_databases = reinterpret_cast<Database *>(start);
    start += MAXALIGN(slots * sizeof(Database));
    g_workers = reinterpret_cast<WorkerSlot *>(start);
    start += MAXALIGN(slots * sizeof(WorkerSlot));
    g_crashed = reinterpret_cast<RunningJob *>(start);
    start += MAXALIGN(slots * sizeof(RunningJob));
    g_events = reinterpret_cast<Event *>(start);
}

void clear_parts(Size size, int slots) {
    memset(static_cast<void *>(g_shared), 0, size);
    g_shared->slots = slots;
    if (!pg_strong_random(&g_shared->sources_epoch, sizeof(g_shared->sources_epoch)))
        g_shared->sources_epoch = static_cast<uint64>(GetCurrentTimestamp());
    SpinLockInit(&g_shared->launcher_mutex);
    // By the clock's microseconds, so that no number comes twice, whatever was counted before.
    g_shared->first_event = static_cast<uint64>(GetCurrentTimestamp());
    pg_atomic_init_u64(&g_shared->next_event, g_shared->first_event);
    pg_atomic_init_u64(&g_shared->configuration, 0);
    pg_atomic_init_u32(&g_shared->lanes_full, 0);
    pg_atomic_init_u64(&g_shared->floor_lives, 0);
    for (int i = 0; i < slots; i++) {
        SpinLockInit(&g_workers[i].mutex);
        pg_atomic_init_u32(&g_workers[i].idle, 0);
        SpinLockInit(&g_databases[i].mutex);
    }
}

// Shared memory that is made a second time by the same postmaster, or jobs that were in a handler
// when the last one ended: the server has crashed.
void cool_down(bool crashed) {
    constexpr int64 kCoolDown = 60;
    if (crashed)
        g_shared->leased_until = later(clock_now(), kCoolDown * kMicrosecondsPerSecond);
}

HTAB *make_table(const char *name, int entries, Size key, Size entry) {
    HASHCTL control{};
    control.keysize = key;
    control.entrysize = entry;
    return ShmemInitHash(name, entries, entries, &control,
                         HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

void startup() {
    if (g_previous_startup != nullptr)
        g_previous_startup();

    const int slots = max_worker_processes;
    const Size size = fixed_size(slots);
    bool found;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    place_parts(static_cast<char *>(ShmemInitStruct("ayb_jobs", size, &found)), slots);
    if (!found)
        clear_parts(size, slots);

    g_lanes = make_table("ayb_jobs lanes", kMaxLanes, sizeof(LaneKey), sizeof(Lane));
    g_types = make_table("ayb_jobs types", kMaxTypes, sizeof(TypeKey), sizeof(TypeStats));
    g_external_types = make_table("ayb_jobs external types", kMaxExternalTypes,
                                  sizeof(ExternalTypeKey), sizeof(ExternalType));
    g_sources = make_table("ayb_jobs sources", kMaxSources, sizeof(SourceKey), sizeof(Source));
    g_locks = GetNamedLWLockTranche(kTranche);
    static bool again; // this postmaster has been here before
    if (!found) {
        g_shared->crashed = open_running_jobs(g_crashed, slots);
        cool_down(again || g_shared->crashed > 0);
        again = true;
    }
    LWLockRelease(AddinShmemInitLock);
}

} // namespace

const char *state_name(State state) {
    static const char *const names[kStates] = {"queued", "running", "completed", "failed",
                                               "canceled"};
    return names[static_cast<int>(state)];
}

void open_new_floor(Floor<Position> *floor) {
    constexpr int kLifeBits = 40; // what commits of one life are counted in
    const uint64 life = pg_atomic_add_fetch_u64(&g_shared->floor_lives, 1);
    open_floor(floor, kBegin, kEnd, life << kLifeBits);
}

void request_shared_memory() {
    g_previous_request = set_request_hook(request);
    g_previous_startup = shmem_startup_hook;
    shmem_startup_hook = startup;
}

Shared *shared() { return g_shared; }
LWLock *lock_of(Locks which) { return &g_locks[static_cast<int>(which)].lock; }
Database *databases() { return g_databases; }
WorkerSlot *worker_slots() { return g_workers; }
Event *event_ring() { return g_events; }
RunningJob *crashed_jobs() { return g_crashed; }
HTAB *lanes() { return g_lanes; }
HTAB *types() { return g_types; }
HTAB *external_types() { return g_external_types; }
HTAB *sources() { return g_sources; }

} // namespace ayb
