#include "group/group.hpp"

#include "group/jobs.hpp"
#include "hooks/changes.hpp"
#include "lease/claim.hpp"
#include "memory/my_slot.hpp"
#include "memory/signals.hpp"
#include "pg/clock.hpp"
#include "pg/group_timer.hpp"
#include "pg/session.hpp"

namespace ayb {

namespace {

// Jobs that go by lease now, one a turn of the worker. Nothing is lost with them: their rows are
// queued, as ever.
core::Uuid g_left_over[settings::kMaxGroupSize];
int g_left_over_count;
int g_left_over_next;

void leave_over(const Group &group, bool all) {
    g_left_over_count = g_left_over_next = 0;
    for (int i = 0; i < group.ran; i++) {
        const GroupVerdict verdict = group.jobs[i].verdict;
        if (verdict == GroupVerdict::left_over || (all && verdict == GroupVerdict::done))
            g_left_over[g_left_over_count++] = group.jobs[i].id;
    }
}

Group *begin(Oid role, MemoryContext memory) {
    auto *group = static_cast<Group *>(MemoryContextAllocZero(memory, sizeof(Group)));
    group->role = role;
    group->memory = memory;
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
    for (int i = 0; i < group.ran; i++) {
        const GroupedJob &job = group.jobs[i];
        if (job.type == type && job.verdict == GroupVerdict::done)
            type->runs[type->run_count++] = {Max(job.started_at - job.run_at, 0),
                                             job.ended_at - job.started_at};
    }
    if (type->run_count > 0)
        add_grouped(MyDatabaseId, group.role, type->handler.type, type->runs, type->run_count,
                    type->subtransactions);
}

void count_canceled(const Group &group) {
    for (int i = 0; i < group.ran; i++) {
        const GroupedJob &job = group.jobs[i];
        if (job.verdict == GroupVerdict::canceled)
            add_outcome(MyDatabaseId, group.role, job.type->handler.type, Outcome::canceled,
                        Max(job.started_at - job.run_at, 0), job.ended_at - job.started_at, -1);
    }
}

void settle(const Group &group, bool committed) {
    for (int i = 0; i < group.type_count; i++) {
        GroupType *type = group.types[i];
        if (committed)
            count_done(group, type);
        else if (type->way.grouped)
            type->strike = Strike::commit;
        if (type->strike != Strike::none)
            strike_type(MyDatabaseId, group.role, type->handler.type, type->strike);
    }
    if (committed)
        count_canceled(group);
    leave_over(group, !committed);
}

void run_taken(Group *group) {
    begin_group();
    run_jobs(group);
    const bool committed = commit(*group);
    end_group();
    settle(*group, committed);
    reset_session();
}

} // namespace

GroupTurn run_group(Oid role, const LaneMark &mark, MemoryContext memory) {
    MemoryContext before = MemoryContextSwitchTo(memory);
    Group *group = begin(role, memory);
    SetCurrentStatementStartTimestamp(); // now() of the handlers
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const bool may = may_claim(role);
    if (may)
        take_jobs(group, mark);
    PopActiveSnapshot();
    if (group->count > 0)
        run_taken(group);
    else
        CommitTransactionCommand();
    MemoryContextSwitchTo(before);
    if (group->count == 0)
        return may && !group->any_due ? GroupTurn::nothing_due : GroupTurn::none;
    return group->leased_due ? GroupTurn::ran_and_leased_due : GroupTurn::ran;
}

bool next_left_over(core::Uuid *id) {
    if (g_left_over_next == g_left_over_count)
        return false;
    *id = g_left_over[g_left_over_next++];
    return true;
}

} // namespace ayb
