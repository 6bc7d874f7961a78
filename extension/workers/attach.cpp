#include "workers/attach.hpp"

#include "lanes/lanes.hpp"
#include "lanes/leases.hpp"
#include "memory/crashed.hpp"
#include "memory/databases.hpp"
#include "memory/my_slot.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

void leave_slot(int code, Datum /*argument*/) {
    const WorkerSlot &mine = *my_slot();
    const Oid database = mine.database;
    const Oid role = mine.role;
    const TimestampTz since = mine.serving_since;
    LWLockReleaseAll();  // an error may have come with one in hand
    if (mine.in_group) { // others may wait for the rows that it has locked, until they are free
        AbortOutOfAnyTransaction();
        free_locks({database, role}, 1);
    }
    leave_place();
    const bool in_job = mine.has_job;
    change_slot(mine.index, [&](WorkerSlot &slot) {
        slot.phase = in_job ? WorkerSlot::Phase::gone : WorkerSlot::Phase::free;
        slot.pid = 0;
        pg_atomic_write_u32(&slot.idle, 0);
    });
    forget_running_job(mine.index);
    write_running_job(mine.index);
    // An error outside of any job would meet the next worker of the lane as well, at once and for
    // ever.
    if (code != 0 && !in_job)
        note_role_incident({database, role}, since,
                           "its worker ended with an error: see the server log",
                           settings::poll_interval);
    if (Database *entry = find_database(database))
        wake_scheduler(entry);
}

} // namespace

bool attach_slot(int index, Oid database, Oid role) {
    char name[kWorkerIdBytes];
    session_name(name);
    if (!move_in(index, database, role, name))
        return false;
    before_shmem_exit(leave_slot, 0);
    start_pulse(&my_slot()->pulse);
    // While one is on its way, no other is started for the lane: now it may be.
    if (Database *entry = find_database(database))
        wake_scheduler(entry);
    return true;
}

} // namespace ayb
