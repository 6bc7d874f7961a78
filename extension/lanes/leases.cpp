#include "lanes/leases.hpp"

#include "memory/databases.hpp"
#include "memory/slots.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

constexpr int64 kRemembered = 600 * kMicrosecondsPerSecond;
constexpr int kLeastShared = 2; // places, of one role, that others have to leave it

bool others_have_jobs(const RoleKey &role) {
    Database *database = find_database(role.database);
    if (database == nullptr)
        return false;
    SpinLockAcquire(&database->mutex);
    const TimestampTz last =
        database->last_role == role.role ? database->others_job : database->last_job;
    SpinLockRelease(&database->mutex);
    return clock_now() - last < kRemembered;
}

// Of this worker's role, without its own.
int places_of_others(const RoleKey &role) {
    const int mine = my_slot()->index;
    int count = 0;
    each_slot_of(role.database, role.role, [&](const WorkerSlot &slot) {
        if (slot.phase == WorkerSlot::Phase::serving && slot.has_place && slot.index != mine)
            count++;
    });
    return count;
}

// The slots are only counted where there is a limit.
bool has_room(const RoleKey &role) {
    const int most = settings::worker_concurrency - 1;
    return most < kLeastShared || !others_have_jobs(role) || places_of_others(role) < most;
}

void set_place(bool has_place) {
    const int mine = my_slot()->index;
    change_slot(mine, [&](WorkerSlot &slot) { slot.has_place = has_place; });
}

} // namespace

void note_job_of(Oid role) {
    Database *database = find_database(MyDatabaseId);
    if (database == nullptr)
        return;
    const TimestampTz now = clock_now();
    SpinLockAcquire(&database->mutex);
    if (database->last_role != role) {
        database->others_job = database->last_job;
        database->last_role = role;
    }
    database->last_job = now;
    SpinLockRelease(&database->mutex);
}

bool take_place(const RoleKey &role) {
    if (my_slot()->has_place && has_room(role))
        return true;
    // One at a time.
    LWLockAcquire(lock_of(Locks::lanes), LW_EXCLUSIVE);
    const bool room = has_room(role);
    set_place(room);
    LWLockRelease(lock_of(Locks::lanes));
    return room;
}

void leave_place() {
    if (!my_slot()->has_place)
        return;
    const RoleKey role{my_slot()->database, my_slot()->role};
    set_place(false);
    bool waited = false;
    with_entry(role, [&](RoleLanes &entry) {
        waited = entry.no_place_until != 0;
        entry.no_place_until = 0;
    });
    if (waited)
        tell_place(role);
}

void wait_for_place(const RoleKey &role, const Picks &picks, TimestampTz until) {
    for (int i = 0; i < picks.count; i++) {
        const LaneKey key = picks.lanes[i].key();
        with_entry(key, [&](Lane &lane) { lane.no_place_until = until; });
    }
    with_entry(role, [&](RoleLanes &entry) { entry.no_place_until = until; });
    // One that was left meanwhile has told nobody.
    if (take_place(role))
        leave_place();
}

} // namespace ayb
