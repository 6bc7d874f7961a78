#include "group/group.hpp"

#include "group/jobs.hpp"
#include "handlers/judge.hpp"
#include "hooks/changes.hpp"
#include "hooks/signals.hpp"
#include "lanes/lanes.hpp"
#include "lease/claim.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/session.hpp"
#include "timers/group_timer.hpp"
#include "turns/ring.hpp"

namespace ayb {

namespace {

constexpr int kMostKeys = 256; // that are looked at for a group

// Jobs that go by lease now, one a turn of the worker. Nothing is lost with them: their rows are
// queued, as ever.
core::Uuid g_left_over[settings::kMaxGroupSize];
int g_left_over_count;
int g_left_over_next;

Group *g_running; // from before its first job to after its commit

void leave_over(const Group &group) {
    g_left_over_count = g_left_over_next = 0;
    each_job(group, GroupVerdict::left_over,
             [](const GroupedJob &job) { g_left_over[g_left_over_count++] = job.id; });
}

Group *begin(Oid role, MemoryContext memory) {
    auto *group = static_cast<Group *>(MemoryContextAllocZero(memory, sizeof(Group)));
    group->role = role;
    group->memory = memory;
    group->turn = GroupTurn::none;
    group->job_memory =
        AllocSetContextCreate(memory, "ayb_jobs grouped job", ALLOCSET_DEFAULT_SIZES);
    return group;
}

// Deferred triggers and constraints, which would fire in the commit: here they are under the time
// limit, as the role's, before the books are opened.
void fire_deferred() {
    start_group_timer(settings::group_budget);
    release_cancels();
    AfterTriggerFireDeferred();
    hold_cancels();
    stop_group_timer();
    clear_interrupts();
}

void finish(const Group &group) {
    fire_deferred();
    PushActiveSnapshot(GetTransactionSnapshot());
    finish_jobs(group);
    PopActiveSnapshot();
    CommitTransactionCommand();
}

void undo_all(MemoryContext memory, int jobs) {
    hold_cancels(); // the error has let go of them
    stop_group_timer();
    MemoryContextSwitchTo(memory);
    ErrorData *error = CopyErrorData();
    FlushErrorState();
    AbortCurrentTransaction();
    PortalErrorCleanup();
    clear_interrupts();
    ereport(LOG, (errcode(error->sqlerrcode),
                  errmsg("a group of %d jobs could not commit: %s", jobs, error->message),
                  errdetail("Each of them runs in a transaction of its own now.")));
}

// False where all of it was rolled back.
bool commit(const Group &group) {
    volatile bool good = true;
    PG_TRY();
    { finish(group); }
    PG_CATCH();
    {
        undo_all(group.memory, group.ran);
        good = false;
    }
    PG_END_TRY();
    return good;
}

void count_done(const Group &group, GroupType *type) {
    type->runs =
        static_cast<GroupedRun *>(MemoryContextAlloc(group.memory, group.ran * sizeof(GroupedRun)));
    each_job(group, GroupVerdict::done, [type](const GroupedJob &job) {
        if (job.type == type)
            type->runs[type->run_count++] = {Max(job.started_at - job.run_at, 0),
                                             job.ended_at - job.started_at};
    });
    if (type->run_count > 0)
        add_grouped(MyDatabaseId, group.role, type->handler.type, type->runs, type->run_count,
                    type->subtransactions);
}

void count_snoozed(const Group &group, const GroupedJob &job) {
    add_outcome(MyDatabaseId, group.role, job.type->handler.type, Outcome::snoozed,
                Max(job.started_at - job.run_at, 0), job.ended_at - job.started_at,
                job.ended_at - job.started_at);
}

void count_canceled(const Group &group, const GroupedJob &job) {
    add_outcome(MyDatabaseId, group.role, job.type->handler.type, Outcome::canceled,
                Max(job.started_at - job.run_at, 0), job.ended_at - job.started_at, -1);
}

// It was rolled back, and nobody knows by whose fault.
void lose(Group *group, Strike why) {
    for (int i = 0; i < group->ran; i++) {
        group->jobs[i].verdict = GroupVerdict::left_over;
        group->jobs[i].type->strike = why;
    }
}

void strike_types(const Group &group) {
    for (const GroupType *type = group.types; type != nullptr; type = type->next)
        if (type->strike != Strike::none)
            strike_type(MyDatabaseId, group.role, type->handler.type, type->strike, group.began);
}

void settle(Group *group, bool committed) {
    if (!committed)
        lose(group, Strike::commit);
    for (GroupType *type = group->types; type != nullptr; type = type->next)
        count_done(*group, type);
    each_job(*group, GroupVerdict::snoozed,
             [group](const GroupedJob &job) { count_snoozed(*group, job); });
    each_job(*group, GroupVerdict::canceled,
             [group](const GroupedJob &job) { count_canceled(*group, job); });
    strike_types(*group);
    leave_over(*group);
}

// Whatever ends the process inside a group must not meet the next one: its types go by lease, where
// an attempt that ends its worker is charged.
void strike_at_exit(int /*code*/, Datum /*argument*/) {
    Group *group = g_running;
    if (group == nullptr || my_slot()->put_back || stop_requested())
        return;
    LWLockReleaseAll();
    if (group->at != nullptr)
        group->at->type->strike = Strike::ended;
    else
        lose(group, Strike::ended);
    strike_types(*group);
}

// What was locked and didn't run is anybody's again, and no commit says so: whoever has passed over
// it, and means not to look again, is told.
void tell_released(const Group &group, bool committed) {
    const int released = group.count + group.refused - (committed ? group.done : 0);
    if (released > 0)
        free_locks({MyDatabaseId, group.role}, released);
}

// A key, and a role, whose job it didn't come to hasn't had its turn.
void give_back_turns(const Group &group) {
    for (const GroupedJob *job = group.jobs + group.count - 1; job >= group.jobs + group.ran;
         job--) {
        const char *type = job->type->handler.type;
        count_turns(ring_key(group.role, type), job->key, -1);
        note_not_begun(type, group.role);
    }
}

void run_taken(Group *group) {
    begin_group();
    g_running = group;
    run_jobs(group);
    const bool committed = commit(*group);
    g_running = nullptr;
    end_group();
    give_back_turns(*group);
    tell_released(*group, committed);
    settle(group, committed);
    reset_session();
}

} // namespace

void install_groups() { before_shmem_exit(strike_at_exit, 0); }

GroupTurn run_group(Oid role, MemoryContext memory) {
    static LanePick lanes[kMostPicks];
    const Picks picks = pick_served(role, false, Min(settings::group_size, kMostKeys), lanes);
    if (picks.count == 0)
        return GroupTurn::none;
    MemoryContext before = MemoryContextSwitchTo(memory);
    Group *group = begin(role, memory);
    SetCurrentStatementStartTimestamp(); // now() of the handlers
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    if (may_claim(role))
        take_jobs(group, picks);
    PopActiveSnapshot();
    if (group->count > 0)
        run_taken(group);
    else
        CommitTransactionCommand();
    MemoryContextSwitchTo(before);
    return group->turn;
}

bool next_left_over(core::Uuid *id) {
    if (g_left_over_next == g_left_over_count)
        return false;
    *id = g_left_over[g_left_over_next++];
    return true;
}

} // namespace ayb
