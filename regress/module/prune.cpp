// What prune_lanes() does to a lane that holds no job, and a way to have a commit wait just before
// it makes a lane.
#include "lanes/lanes.hpp"

using namespace ayb;

extern "C" void pause_at(const char *point);

namespace {

// Guards the lanes: Locks::lanes, to which the library keeps its own pointer to itself, as to the
// table.
LWLock *lanes_lock() {
    return &GetNamedLWLockTranche("ayb_jobs")[static_cast<int>(Locks::lanes)].lock;
}

HTAB *attach(const char *name, int entries, Size key, Size entry) {
    HASHCTL control{};
    control.keysize = key;
    control.entrysize = entry;
    return ShmemInitHash(name, entries, entries, &control,
                         HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

bool counts_no_job(const RoleLanes &role) {
    int64 jobs = 0;
    for (const int64 count : role.counts)
        jobs += count;
    return jobs == 0;
}

// The first lanes of the role, for as long as they hold no job.
void take_out_empty(RoleLanes *role) {
    HTAB *lanes = attach("ayb_jobs lanes", kMaxLanes, sizeof(LaneTag), sizeof(Lane));
    while (role->first != nullptr && !(role->first->floor.at < kEnd)) {
        Lane *lane = role->first;
        role->first = lane->next;
        role->count--;
        if (lane->next != nullptr)
            lane->next->previous = nullptr;
        hash_search(lanes, &lane->tag, HASH_REMOVE, nullptr);
    }
}

} // namespace

// ayb_jobs_test_share_lanes(): nobody adds or removes a lane while it is held up at the point
// "lanes"
AYB_SQL_FUNCTION(ayb_jobs_test_share_lanes) {
    LWLockAcquire(lanes_lock(), LW_SHARED);
    pause_at("lanes");
    LWLockRelease(lanes_lock());
    PG_RETURN_VOID();
}

// ayb_jobs_test_prune(role oid) → whether the role had an entry
AYB_SQL_FUNCTION(ayb_jobs_test_prune) {
    const RoleKey key{MyDatabaseId, PG_GETARG_OID(0)};
    HTAB *roles = attach("ayb_jobs roles", kMaxRoles, sizeof(RoleKey), sizeof(RoleLanes));
    LWLockAcquire(lanes_lock(), LW_EXCLUSIVE);
    auto *role = static_cast<RoleLanes *>(hash_search(roles, &key, HASH_FIND, nullptr));
    const bool found = role != nullptr;
    if (found)
        take_out_empty(role);
    if (found && role->count == 0 && counts_no_job(*role))
        hash_search(roles, &key, HASH_REMOVE, nullptr);
    LWLockRelease(lanes_lock());
    PG_RETURN_BOOL(found);
}
