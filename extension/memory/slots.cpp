#include "memory/slots.hpp"

#include "memory/databases.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestStart = 30 * kMicrosecondsPerSecond;

WorkerSlot *g_slots; // slot_count() of them
int g_my_slot = -1;

// A copy of the database has jobs of the same ids.
bool is_at(const WorkerSlot &slot, const core::Uuid &job) {
    return slot.has_job && slot.serves(MyDatabaseId) && slot.job == job;
}

bool abandoned(const WorkerSlot &copy) {
    if (copy.phase != WorkerSlot::Phase::gone && !never_came(copy))
        return false;
    const Database *database = find_database(copy.database);
    return database == nullptr || database->scheduler_pid == 0;
}

void init_slot(WorkerSlot &slot, Oid database, Oid role, TimestampTz now) {
    slot.phase = WorkerSlot::Phase::starting;
    slot.database = database;
    slot.role = role;
    slot.pid = 0;
    slot.leave = false;
    slot.stop_wanted = false;
    slot.has_place = false;
    slot.holds = false;
    slot.launched_at = now;
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

// Takes the slot over as it was `seen`; false where somebody was quicker.
bool take_slot(const WorkerSlot &seen, Oid database, Oid role, TimestampTz now) {
    bool same = false;
    change_slot(seen.index, [&](WorkerSlot &slot) {
        same = slot.phase == seen.phase && slot.launched_at == seen.launched_at;
        if (same)
            init_slot(slot, database, role, now);
    });
    return same;
}

} // namespace

Size slots_size() { return mul_size(slot_count(), sizeof(WorkerSlot)); }

void init_slots() {
    bool made;
    g_slots = static_cast<WorkerSlot *>(shared_part("ayb_jobs workers", slots_size(), &made));
    for (int i = 0; made && i < slot_count(); i++) {
        g_slots[i].index = i;
        SpinLockInit(&g_slots[i].mutex);
        pg_atomic_init_u32(&g_slots[i].idle, 0);
        init_pulse(&g_slots[i].pulse);
    }
}

WorkerSlot *lock_slot(int index) {
    SpinLockAcquire(&g_slots[index].mutex);
    return &g_slots[index];
}

WorkerSlot *lock_slot_of(int index, Oid database, Oid role) {
    const WorkerSlot &slot = g_slots[index];
    return slot.database == database && slot.role == role ? lock_slot(index) : nullptr;
}

void copy_slot(int index, WorkerSlot *copy) {
    change_slot(index, [&](const WorkerSlot &slot) {
        memcpy(static_cast<void *>(copy), &slot, sizeof(slot));
    });
}

bool never_came(const WorkerSlot &copy) {
    return copy.phase == WorkerSlot::Phase::starting &&
           GetCurrentTimestamp() - copy.launched_at > kLongestStart;
}

int reserve_slot(Oid database, Oid role) {
    const TimestampTz now = GetCurrentTimestamp();
    for (int i = 0; i < slot_count(); i++) {
        WorkerSlot seen;
        copy_slot(i, &seen);
        if (seen.phase != WorkerSlot::Phase::free && !abandoned(seen))
            continue;
        if (take_slot(seen, database, role, now))
            return i;
    }
    return -1;
}

void free_slot(int index) {
    change_slot(index, [](WorkerSlot &slot) {
        slot.phase = WorkerSlot::Phase::free;
        slot.has_job = false;
    });
}

WorkerSlot *my_slot() { return g_my_slot < 0 ? nullptr : &g_slots[g_my_slot]; }

bool move_in(int index, Oid database, Oid role, const char *worker_id) {
    const TimestampTz now = GetCurrentTimestamp();
    bool mine = false;
    change_slot(index, [&](WorkerSlot &slot) {
        mine = slot.phase == WorkerSlot::Phase::starting && slot.database == database &&
               slot.role == role;
        if (!mine)
            return;
        slot.phase = WorkerSlot::Phase::serving;
        slot.pid = MyProcPid;
        slot.latch = MyLatch;
        slot.serving_since = now;
        slot.at_work_since = 0;
        slot.had_turn = false;
        slot.busy_since = now;
        strlcpy(slot.worker_id, worker_id, kWorkerIdBytes);
    });
    if (mine)
        g_my_slot = index;
    return mine;
}

bool wake_idle(const WorkerSlot &copy) {
    WorkerSlot &slot = g_slots[copy.index];
    uint32 sleeping = 1;
    if (pg_atomic_read_u32(&slot.idle) != 1 ||
        !pg_atomic_compare_exchange_u32(&slot.idle, &sleeping, 0))
        return false;
    SetLatch(slot.latch); // of whoever set itself asleep: it has moved in before
    return true;
}

void ask_to_leave(const WorkerSlot &copy) {
    change_slot(copy.index, [](WorkerSlot &slot) { slot.leave = true; });
    if (copy.latch != nullptr)
        SetLatch(copy.latch);
}

bool cancel_running(const core::Uuid &job, bool hard) {
    // SIGTERM without stop_wanted is pg_terminate_backend(): it ends the process at once.
    return signal_slots(hard ? SIGTERM : SIGINT, [&](WorkerSlot &slot) {
               if (!is_at(slot, job))
                   return false;
               slot.cancel_wanted = true;
               slot.cancel_job = job;
               return true;
           }) > 0;
}

bool is_running(const core::Uuid &job) {
    bool running = false;
    each_slot([&](const WorkerSlot &slot) { running = running || is_at(slot, job); });
    return running;
}

bool worker_lives(const char *worker_id) {
    bool lives = false;
    each_slot([&](const WorkerSlot &slot) {
        lives = lives || (slot.phase == WorkerSlot::Phase::serving &&
                          strcmp(slot.worker_id, worker_id) == 0);
    });
    return lives;
}

} // namespace ayb
