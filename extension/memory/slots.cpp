#include "memory/slots.hpp"

#include "memory/crashed.hpp"
#include "memory/databases.hpp"
#include "memory/lanes.hpp"
#include "memory/signals.hpp"
#include "memory/type_stats.hpp"
#include "pg/clock.hpp"

#include <csignal>

namespace ayb {

namespace {

int g_my_slot = -1;

constexpr int64 kLongestStart = 30 * kMicrosecondsPerSecond;

bool same(const core::Uuid &one, const core::Uuid &other) {
    return memcmp(one.bytes, other.bytes, sizeof(one.bytes)) == 0;
}

// A copy of the database has jobs of the same ids.
bool is_at(const WorkerSlot &slot, const core::Uuid &job) {
    return slot.has_job && slot.database == MyDatabaseId && same(slot.job, job);
}

bool abandoned(const WorkerSlot &slot) {
    if (slot.phase != WorkerSlot::Phase::gone && !never_came(slot))
        return false;
    const Database *database = find_database(slot.database);
    return database == nullptr || database->scheduler_pid == 0;
}

void init_slot(WorkerSlot &slot, Oid database, Oid role) {
    slot.phase = WorkerSlot::Phase::starting;
    slot.database = database;
    slot.role = role;
    slot.pid = 0;
    slot.leave = false;
    slot.stop_wanted = false;
    slot.launched_at = GetCurrentTimestamp();
    slot.worker_id[0] = '\0';
    slot.has_job = false;
    slot.put_back = false;
    slot.in_turn = false;
    slot.in_group = false;
    slot.cancel_wanted = false;
    slot.percent = -1;
    slot.note[0] = '\0';
    pg_atomic_write_u32(&slot.idle, 0);
}

// An error outside of any job would meet the next worker of the lane as well, at once and for ever.
void hold_my_lane(Oid database, Oid role) {
    LWLockReleaseAll();
    if (Lane *lane = lane_of(database, role))
        hold_lane(lane, "its worker ended with an error: see the server log",
                  settings::poll_interval);
}

// Whatever ended it inside a group must not meet the next group: its jobs go by lease, where an
// attempt that ends its worker is charged. Others may wait for the rows that it had locked.
void leave_group(const WorkerSlot &slot) {
    LWLockReleaseAll();
    const bool asked = slot.put_back || stop_requested();
    if (!asked && slot.has_job)
        strike_type(slot.database, slot.role, slot.type, Strike::ended);
    if (Lane *lane = lane_of(slot.database, slot.role)) {
        if (!asked && !slot.has_job)
            lease_lane(lane);
        lower_lane(lane, kEnd);
    }
}

void leave_slot(int code, Datum /*argument*/) {
    WorkerSlot &slot = worker_slots()[g_my_slot];
    if (slot.in_group)
        leave_group(slot);
    SpinLockAcquire(&slot.mutex);
    const bool in_job = slot.has_job;
    slot.phase = in_job ? WorkerSlot::Phase::gone : WorkerSlot::Phase::free;
    slot.pid = 0;
    const Oid database = slot.database;
    const Oid role = slot.role;
    SpinLockRelease(&slot.mutex);
    pg_atomic_write_u32(&slot.idle, 0);
    forget_running_job(g_my_slot);
    if (code != 0 && !in_job)
        hold_my_lane(database, role);
    if (Database *entry = find_database(database))
        wake_scheduler(entry);
}

} // namespace

bool never_came(const WorkerSlot &slot) {
    return slot.phase == WorkerSlot::Phase::starting &&
           GetCurrentTimestamp() - slot.launched_at > kLongestStart;
}

int reserve_slot(Oid database, Oid role) {
    for (int i = 0; i < shared()->slots; i++) {
        WorkerSlot &slot = worker_slots()[i];
        const bool take_over = abandoned(slot);
        SpinLockAcquire(&slot.mutex);
        const bool free = slot.phase == WorkerSlot::Phase::free ||
                          (take_over && slot.phase != WorkerSlot::Phase::serving);
        if (free)
            init_slot(slot, database, role);
        SpinLockRelease(&slot.mutex);
        if (free)
            return i;
    }
    return -1;
}

void free_slot(int slot) {
    SpinLockAcquire(&worker_slots()[slot].mutex);
    worker_slots()[slot].phase = WorkerSlot::Phase::free;
    worker_slots()[slot].has_job = false;
    SpinLockRelease(&worker_slots()[slot].mutex);
}

bool attach_slot(int index, Oid database, Oid role) {
    WorkerSlot &slot = worker_slots()[index];
    char name[kWorkerIdBytes];
    session_name(name);
    SpinLockAcquire(&slot.mutex);
    const bool mine =
        slot.phase == WorkerSlot::Phase::starting && slot.database == database && slot.role == role;
    if (mine) {
        slot.phase = WorkerSlot::Phase::serving;
        slot.pid = MyProcPid;
        slot.latch = MyLatch;
        slot.serving_since = GetCurrentTimestamp();
        slot.busy_since = slot.serving_since;
        strlcpy(slot.worker_id, name, kWorkerIdBytes);
    }
    SpinLockRelease(&slot.mutex);
    if (mine) {
        g_my_slot = index;
        before_shmem_exit(leave_slot, 0);
        // While one is on its way, no other is started for the lane: now it may be.
        if (Database *entry = find_database(database))
            wake_scheduler(entry);
    }
    return mine;
}

WorkerSlot *my_slot() { return g_my_slot < 0 ? nullptr : &worker_slots()[g_my_slot]; }

void session_name(char (&name)[kWorkerIdBytes]) {
    snprintf(name, kWorkerIdBytes, "%llx.%x", static_cast<unsigned long long>(MyStartTime),
             static_cast<unsigned>(MyProcPid));
}

void begin_job(const core::Uuid &job, int attempt, const char *type, TimestampTz now) {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    slot.has_job = true;
    slot.put_back = false;
    slot.job = job;
    slot.attempt = attempt;
    strlcpy(slot.type, type, kTypeBytes);
    slot.job_since = now;
    slot.percent = -1;
    slot.note[0] = '\0';
    SpinLockRelease(&slot.mutex);
    note_running_job(g_my_slot, slot.database, job, attempt);
}

void end_job(bool interrupted) {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    slot.has_job = false;
    slot.cancel_wanted = !interrupted && (slot.cancel_wanted || slot.put_back);
    SpinLockRelease(&slot.mutex);
    forget_running_job(g_my_slot);
}

void begin_turn() {
    my_slot()->in_turn = true;
    pg_memory_barrier(); // whoever holds claims back after this look sees that it is at work
}

void end_turn() {
    pg_memory_barrier();
    my_slot()->in_turn = false;
}

void begin_group() { my_slot()->in_group = true; }

void end_group_jobs() {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    slot.has_job = false;
    SpinLockRelease(&slot.mutex);
    forget_running_job(g_my_slot);
}

void end_group() { my_slot()->in_group = false; }

bool in_group() { return g_my_slot >= 0 && my_slot()->in_group; }

bool in_job() { return g_my_slot >= 0 && my_slot()->has_job; }

void report_progress(int percent, const char *note) {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    slot.percent = percent;
    strlcpy(slot.note, note, kNoteBytes);
    SpinLockRelease(&slot.mutex);
}

bool cancel_running(const core::Uuid &job, bool hard) {
    for (int i = 0; i < shared()->slots; i++) {
        WorkerSlot &slot = worker_slots()[i];
        SpinLockAcquire(&slot.mutex);
        const bool hit = slot.phase == WorkerSlot::Phase::serving && is_at(slot, job);
        if (hit) {
            slot.cancel_wanted = true;
            slot.cancel_job = job;
            // SIGTERM without stop_wanted is pg_terminate_backend(): it ends the process at once.
            kill(slot.pid, hard ? SIGTERM : SIGINT);
        }
        SpinLockRelease(&slot.mutex);
        if (hit)
            return true;
    }
    return false;
}

bool is_running(const core::Uuid &job) {
    if (shared() == nullptr)
        return false;
    for (int i = 0; i < shared()->slots; i++) {
        const WorkerSlot &slot = worker_slots()[i];
        if (slot.phase == WorkerSlot::Phase::serving && is_at(slot, job))
            return true;
    }
    return false;
}

bool cancel_was_meant() {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    const bool meant = slot.cancel_wanted && slot.has_job && same(slot.cancel_job, slot.job);
    SpinLockRelease(&slot.mutex);
    return meant;
}

bool cancel_was_sent() {
    WorkerSlot &slot = *my_slot();
    SpinLockAcquire(&slot.mutex);
    const bool sent = slot.cancel_wanted;
    slot.cancel_wanted = false;
    SpinLockRelease(&slot.mutex);
    return sent;
}

bool worker_lives(const char *worker_id) {
    for (int i = 0; i < shared()->slots; i++) {
        const WorkerSlot &slot = worker_slots()[i];
        if (slot.phase == WorkerSlot::Phase::serving && strcmp(slot.worker_id, worker_id) == 0)
            return true;
    }
    return false;
}

} // namespace ayb
