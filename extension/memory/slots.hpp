#pragma once
// Worker slots: what a scheduler reserves, a worker fills, and everybody may look at.
#include "core/uuid7.hpp"
#include "memory/part.hpp"
#include "memory/pulse.hpp"
#include "memory/state.hpp"

namespace ayb {

inline constexpr int kNoteBytes = 128;
inline constexpr int kWorkerIdBytes = 40;

// One process that the engine started for a database: its lane's worker.
//
// Guarded by `mutex`, under which nothing is done but loads and stores: others see it by
// each_slot() and copy_slot(), and write by change_slot() and signal_slots(). Apart from that
//  - `idle` is claimed by compare-and-exchange,
//  - the worker reads its own slot without the lock (my_slot()): what others write there, `leave`,
//    `stop_wanted` and `put_back`, it finds at its next look,
//  - its signal handler, which may not wait, sets `put_back` without the lock,
//  - each_slot_of() passes over slots of other lanes without the lock: `database` and `role` change
//    only while no worker is in the slot.
struct WorkerSlot {
    enum class Phase : int { free, starting, serving, gone };

    slock_t mutex;
    int index; // its place among the slots; never changes
    Phase phase;
    Oid database;
    Oid role;
    pid_t pid; // 0 unless it is serving
    Latch *latch;
    pg_atomic_uint32 idle; // 1 while it sleeps for want of jobs
    bool leave;            // asked to make room after its present job
    bool stop_wanted;      // the SIGTERM that comes is ours: see signals.hpp
    bool has_place;        // at leased jobs: see leases.hpp
    bool holds;            // its job has the others leave: nobody waits for it, see holds.hpp
    TimestampTz launched_at;
    TimestampTz serving_since;
    TimestampTz at_work_since; // when its first turn began; 0 before that
    bool had_turn;             // it has ended one
    TimestampTz busy_since;    // when it last awoke: it has found job after job since
    char worker_id[kWorkerIdBytes];
    Pulse pulse; // needs no lock

    bool has_job; // stays set where the process ended inside a job
    core::Uuid job;
    int run;
    char type[kTypeBytes];
    TimestampTz job_since;
    bool put_back; // it was interrupted by a shutdown, which must not count
    uint64 turn;   // how many have been begun in this slot
    bool in_turn;  // it looks for a job, or is at one: see begin_turn()
    bool in_group; // its job, if any, is one of a group that isn't committed yet

    bool cancel_wanted;
    core::Uuid cancel_job;

    int percent; // -1 for none
    char note[kNoteBytes];

    bool serves(Oid of) const { return phase == Phase::serving && database == of; }
};

Size slots_size();
void init_slots();

// For the templates below alone: a slot, with its lock taken. Null where it isn't of that lane.
WorkerSlot *lock_slot(int index);
WorkerSlot *lock_slot_of(int index, Oid database, Oid role);

// A consistent copy, taken under the lock.
void copy_slot(int index, WorkerSlot *copy);

// Calls `visit(const WorkerSlot &copy)` for each slot, without any lock; none without shared
// memory.
template <typename Visit> void each_slot(Visit visit) {
    WorkerSlot copy;
    for (int i = 0; preloaded() && i < slot_count(); i++) {
        copy_slot(i, &copy);
        visit(static_cast<const WorkerSlot &>(copy));
    }
}

// The same, for those of one lane.
template <typename Visit> void each_slot_of(Oid database, Oid role, Visit visit) {
    WorkerSlot copy;
    for (int i = 0; preloaded() && i < slot_count(); i++)
        if (WorkerSlot *slot = lock_slot_of(i, database, role)) {
            memcpy(static_cast<void *>(&copy), slot, sizeof(copy));
            SpinLockRelease(&slot->mutex);
            visit(static_cast<const WorkerSlot &>(copy));
        }
}

// Calls `change(WorkerSlot &)` under the lock: loads, stores and nothing else.
template <typename Change> void change_slot(int index, Change change) {
    WorkerSlot *slot = lock_slot(index);
    change(*slot);
    SpinLockRelease(&slot->mutex);
}

// Sends `signal` to the workers for which `mark(WorkerSlot &)`, called under the lock as above,
// says so. The signal is sent after that, so that it may find the worker at its next job: whoever
// is hit looks at its slot whether it was meant. Returns how many were told.
template <typename Mark> int signal_slots(int signal, Mark mark) {
    int told = 0;
    for (int i = 0; preloaded() && i < slot_count(); i++) {
        pid_t pid = 0;
        change_slot(i, [&](WorkerSlot &slot) {
            if (slot.phase == WorkerSlot::Phase::serving && mark(slot))
                pid = slot.pid;
        });
        if (pid != 0) {
            kill(pid, signal);
            told++;
        }
    }
    return told;
}

// Reserves a slot for a worker about to be started; -1 where all are taken. Places whose worker is
// gone and whose database nobody serves any more are taken over.
int reserve_slot(Oid database, Oid role);
void free_slot(int index);

// Reserved long ago by a scheduler that has left meanwhile, and no worker moved in. One that comes
// after all finds its place taken, and ends.
bool never_came(const WorkerSlot &copy);

// This worker's own, or null outside of one.
WorkerSlot *my_slot();

// Moves this process in: from now on the slot is `serving`. False if it isn't this worker's any
// more. Only for attach_slot() (workers/attach.hpp).
bool move_in(int index, Oid database, Oid role, const char *worker_id);

// Takes a worker's sleep away from it, by setting its latch. False where it isn't asleep, or
// somebody else has done so. Never throws.
bool wake_idle(const WorkerSlot &copy);

// Asks the worker to make room after its present job.
void ask_to_leave(const WorkerSlot &copy);

// Asks the worker that is at `job` to cancel it. False if none is. `hard` ends the worker instead.
bool cancel_running(const core::Uuid &job, bool hard);
bool is_running(const core::Uuid &job);

// The live worker with this name.
bool worker_lives(const char *worker_id);

} // namespace ayb
