#include "workers/placing.hpp"

#include "handlers/judge.hpp"
#include "lanes/leases.hpp"
#include "lanes/picks.hpp"
#include "lease/claim.hpp"
#include "lease/recover.hpp"
#include "memory/databases.hpp"
#include "memory/slots.hpp"
#include "pg/background.hpp"
#include "pg/clock.hpp"
#include "pg/roles.hpp"
#include "pg/transaction.hpp"
#include "workers/worker.hpp"

namespace ayb {

namespace {

constexpr int64 kBusyAfter = 5 * kMicrosecondsPerMillisecond;  // a lane's workers are held up
constexpr int64 kBacklog = 20 * kMicrosecondsPerMillisecond;   // job after job, and more are due
constexpr int64 kQuantum = 20 * kMicrosecondsPerMillisecond;   // a lane's turn while others wait
constexpr int64 kLongJob = 50 * kMicrosecondsPerMillisecond;   // too long to wait for
constexpr int64 kLookAgain = 10 * kMicrosecondsPerMillisecond; // while lanes wait
constexpr int64 kStuck = 100 * kMicrosecondsPerMillisecond;    // an idle worker should have woken

BackgroundWorkerHandle **g_handles; // by slot; of workers that this scheduler started

// What the choice rests on: the workers of one lane.
struct Crew {
    int idle;
    int starting;
    int busy;
    int held_up;
};

struct DueRole {
    RoleKey key;
    TimestampTz due;
    TimestampTz last_served;
    bool failing; // it could not be served the last time
    Crew crew;
};

struct Look {
    Database *database;
    TimestampTz now;
    DueRole *roles;
    int count;
    bool any_due; // one that could not be served a moment ago too
    TimestampTz next;
    int asleep;  // workers, whoever's
    int leaving; // workers that make room, and will soon
    int waiting; // roles that wait for a place
};

bool ours(const WorkerSlot &slot, const Database *database) {
    return slot.database == database->oid &&
           (slot.phase == WorkerSlot::Phase::serving || slot.phase == WorkerSlot::Phase::starting);
}

bool is_asleep(const WorkerSlot &copy) { return copy.idle.value != 0; }

// By a job that takes its time, or by quick ones that don't end.
bool is_held_up(const WorkerSlot &slot, TimestampTz now) {
    return (slot.has_job && now - slot.job_since > kBusyAfter) ||
           GetCurrentTimestamp() - slot.busy_since > kBacklog;
}

Crew crew_of(const Database *database, Oid role, TimestampTz now) {
    Crew crew{};
    each_slot_of(database->oid, role, [&](const WorkerSlot &slot) {
        if (!ours(slot, database) || slot.leave)
            return;
        if (slot.phase == WorkerSlot::Phase::starting) {
            crew.starting++;
        } else if (is_asleep(slot)) {
            crew.idle++;
        } else {
            crew.busy++;
            if (is_held_up(slot, now))
                crew.held_up++;
        }
    });
    return crew;
}

// Under the role's locks.
void copy_role(const RoleLanes &role, Look *look) {
    if (look->count < kMaxRoles)
        look->roles[look->count++] = {
            role.key, role.due.at, role.last_served, role.failures > 0, {}};
}

// Keeps the roles that are due by now.
void choose_due(Look *look) {
    const int all = look->count;
    look->count = 0;
    for (int i = 0; i < all; i++) {
        DueRole role = look->roles[i];
        TimestampTz due = next_look(role.key, look->now);
        if (due <= look->now && judge_due(role.key.role))
            due = next_look(role.key, look->now);
        role.due = mark_role(role.key).at;
        look->any_due = look->any_due || role.due <= look->now;
        if (role.due <= look->now)
            note_job_of(role.key.role);
        if (due > look->now)
            look->next = Min(look->next, due);
        else
            look->roles[look->count++] = role;
    }
}

int by_turn(const void *one, const void *other) {
    const auto *a = static_cast<const DueRole *>(one);
    const auto *b = static_cast<const DueRole *>(other);
    if (a->last_served != b->last_served)
        return a->last_served < b->last_served ? -1 : 1;
    return a->due < b->due ? -1 : (a->due > b->due ? 1 : 0);
}

int count_all(const Database *database) {
    int count = 0;
    each_slot([&](const WorkerSlot &slot) {
        if (ours(slot, database))
            count++;
    });
    return count;
}

// Null if the lane's role can log in.
const char *why_not(Oid role) {
    return in_transaction([role] {
        const char *why = why_no_login(role);
        return why != nullptr ? MemoryContextStrdup(TopMemoryContext, why) : nullptr;
    });
}

void wait_for_slot(const DueRole &due, Database *database) {
    if (anything_due(due.key.role))
        report_no_slot("ayb_jobs worker", &database->no_slot_since);
    hold_role(due.key, nullptr, settings::poll_interval);
}

bool start_for(const DueRole &due, Database *database) {
    const char *why = why_not(due.key.role);
    // Where nothing is due after all, nobody waits for what is wrong with it.
    if ((due.failing || why != nullptr) && !anything_due(due.key.role)) {
        clear_role_failure(due.key);
        return false;
    }
    if (why != nullptr) {
        hold_role(due.key, why, settings::poll_interval);
        pfree(const_cast<char *>(why));
        return false;
    }
    const int slot = reserve_slot(database->oid, due.key.role);
    BackgroundWorkerHandle *handle =
        slot < 0 ? nullptr : start_worker(slot, database->oid, due.key.role);
    if (handle == nullptr) {
        if (slot >= 0)
            free_slot(slot);
        wait_for_slot(due, database);
        return false;
    }
    g_handles[slot] = handle;
    database->no_slot_since = 0;
    const TimestampTz now = GetCurrentTimestamp();
    with_entry(due.key, [&](RoleLanes &role) { role.last_served = now; });
    return true;
}

// The best one of other roles to make room: asleep, or else, unless only that will do, at quick
// jobs of a role that has had its turn. That begins when the worker first looks for a job: on a
// machine that is busy its process may take longer to get there than a turn lasts, and workers that
// left before it would be replaced by each other for ever. False where there is none.
bool find_victim(const Database *database, Oid role, TimestampTz now, bool asleep_only,
                 WorkerSlot *best) {
    const TimestampTz awake = GetCurrentTimestamp();
    bool found = false;
    each_slot([&](const WorkerSlot &slot) {
        if (!slot.serves(database->oid) || slot.leave || slot.role == role ||
            (found && is_asleep(*best)))
            return;
        const bool had_its_turn =
            !asleep_only && slot.had_turn && awake - slot.at_work_since > kQuantum;
        const bool quick = !slot.has_job || now - slot.job_since < kLongJob;
        const bool better = !found || slot.at_work_since < best->at_work_since;
        if (is_asleep(slot) || (had_its_turn && quick && better)) {
            *best = slot;
            found = true;
        }
    });
    return found;
}

void count_places(Look *look) {
    each_slot([&](const WorkerSlot &slot) {
        if (!ours(slot, look->database))
            return;
        if (!slot.leave)
            look->asleep += is_asleep(slot) ? 1 : 0;
        else if (!slot.has_job || look->now - slot.job_since < kLongJob)
            look->leaving++;
    });
}

// The role waits for a place: another's worker is asked for its own, unless as many as are waited
// for have been.
void make_room(Look *look, Oid role, bool asleep_only) {
    WorkerSlot victim;
    look->waiting++;
    if (look->leaving >= look->waiting ||
        !find_victim(look->database, role, look->now, asleep_only, &victim))
        return;
    ask_to_leave(victim);
    look->leaving++;
}

// A commit's wake-up can be lost only if a process died between lowering the lane and setting the
// latch; the scheduler is the net below. And what was enqueued during a pause has woken nobody: all
// of the lane's workers, as there may be a job for each.
void nudge(const DueRole &due, Look *look) {
    if (due.due < look->now - kStuck)
        wake_for_role(look->database, due.key.role, due.crew.idle);
    look->next = Min(look->next, look->now + kStuck);
}

void serve_unserved(Look *look, int *room) {
    for (int i = 0; i < look->count; i++) {
        const DueRole &due = look->roles[i];
        if (due.crew.idle + due.crew.starting + due.crew.busy > 0)
            continue;
        if (*room > 0) {
            if (start_for(due, look->database))
                (*room)--;
            else
                look->next = Min(look->next, next_look(due.key, look->now));
            continue;
        }
        make_room(look, due.key.role, false);
    }
    if (look->waiting > 0)
        look->next = Min(look->next, look->now + kLookAgain);
}

// One more worker where there is room, or another role's sleeps: that one makes room at once.
void serve_busy(const DueRole &due, Look *look, int *room) {
    if (*room <= 0 && look->asleep == 0) {
        look->waiting++; // whoever falls asleep tells
        return;
    }
    look->next = Min(look->next, look->now + kBusyAfter);
    const bool all_held_up = due.crew.held_up == due.crew.busy && due.crew.starting == 0;
    // A lane's due is a bound: the job that holds its worker up may be all there is.
    if (!all_held_up || !anything_due(due.key.role))
        return;
    if (*room <= 0)
        make_room(look, due.key.role, true);
    else if (start_for(due, look->database))
        (*room)--;
}

void serve_held_up(Look *look, int *room) {
    for (int i = 0; i < look->count; i++) {
        const DueRole &due = look->roles[i];
        if (due.crew.idle > 0)
            nudge(due, look);
        else if (due.crew.busy > 0)
            serve_busy(due, look, room);
    }
}

// A worker that this scheduler started, if it has ended. Its slot is looked at once it has: only
// then it says whether the worker ever came.
void reap_started(int index, const Database *database) {
    pid_t pid;
    if (GetBackgroundWorkerPid(g_handles[index], &pid) != BGWH_STOPPED)
        return;
    pfree(g_handles[index]);
    g_handles[index] = nullptr;
    WorkerSlot slot;
    copy_slot(index, &slot);
    if (slot.database != database->oid || slot.phase != WorkerSlot::Phase::starting)
        return;
    note_role_incident({slot.database, slot.role}, slot.launched_at,
                       "its worker could not start: see the server log", settings::poll_interval);
    free_slot(index);
}

} // namespace

TimestampTz place_workers(Database *database, TimestampTz now) {
    if (g_handles == nullptr)
        g_handles = static_cast<BackgroundWorkerHandle **>(
            MemoryContextAllocZero(TopMemoryContext, slot_count() * sizeof(*g_handles)));
    if (pg_atomic_read_u32(&database->paused) != 0)
        return DT_NOEND; // whoever ends the pause wakes us
    static DueRole roles[kMaxRoles] = {};
    Look look{database, now, roles, 0, false, DT_NOEND, 0, 0, 0};
    count_places(&look);
    each_role(database->oid, [&](const RoleLanes &role) { copy_role(role, &look); });
    choose_due(&look);
    for (int i = 0; i < look.count; i++)
        roles[i].crew = crew_of(database, roles[i].key.role, now);
    qsort(roles, look.count, sizeof(DueRole), by_turn);

    int room = settings::worker_concurrency - count_all(database);
    serve_unserved(&look, &room);
    serve_held_up(&look, &room);
    pg_atomic_write_u32(&database->waiting, look.waiting);
    pg_atomic_write_u32(&database->crowded, room <= 0 && look.asleep == 0);
    if (!look.any_due)
        database->no_slot_since = 0;
    return look.next;
}

void reap_workers(Database *database) {
    each_slot([&](const WorkerSlot &slot) {
        if (slot.database == database->oid && slot.phase == WorkerSlot::Phase::gone)
            recover_slot(slot.index);
        if (g_handles == nullptr || g_handles[slot.index] == nullptr) {
            if (slot.database == database->oid && never_came(slot))
                free_slot(slot.index);
            return;
        }
        reap_started(slot.index, database);
    });
}

} // namespace ayb
