// What prune_lanes() does to a lane that holds no job, and a way to have a commit wait just before it makes a lane.
#include "memory/lanes.hpp"

using namespace ayb;

extern "C" void pause_at(const char *point);

namespace {

// Guards the lanes: Locks::lanes, to which the library keeps its own pointer to itself, as to the table.
LWLock *lanes_lock() {
    return &GetNamedLWLockTranche("ayb_jobs")[static_cast<int>(Locks::lanes)].lock;
}

HTAB *attach_lanes() {
    HASHCTL control{};
    control.keysize = sizeof(LaneTag);
    control.entrysize = sizeof(Lane);
    return ShmemInitHash("ayb_jobs lanes", kMaxLanes, kMaxLanes, &control,
                         HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

bool holds_no_job(const Lane &lane) {
    int64 jobs = 0;
    for (const int64 count : lane.counts)
        jobs += count;
    return jobs == 0 && lane.due == DT_NOEND;
}

} // namespace

// ayb_jobs_test_share_lanes(): nobody adds or removes a lane while it is held up at the point "lanes"
AYB_SQL_FUNCTION(ayb_jobs_test_share_lanes) {
    LWLockAcquire(lanes_lock(), LW_SHARED);
    pause_at("lanes");
    LWLockRelease(lanes_lock());
    PG_RETURN_VOID();
}

// ayb_jobs_test_prune(role oid) → whether the role had a lane
AYB_SQL_FUNCTION(ayb_jobs_test_prune) {
    const LaneTag tag{MyDatabaseId, PG_GETARG_OID(0), 0};
    HTAB *lanes = attach_lanes();
    LWLockAcquire(lanes_lock(), LW_EXCLUSIVE);
    const auto *lane = static_cast<Lane *>(hash_search(lanes, &tag, HASH_FIND, nullptr));
    if (lane != nullptr && holds_no_job(*lane))
        hash_search(lanes, &tag, HASH_REMOVE, nullptr);
    LWLockRelease(lanes_lock());
    PG_RETURN_BOOL(lane != nullptr);
}
