#include "lease/run.hpp"

#include <algorithm>

#include "base/arguments.hpp"
#include "group/jobs.hpp"
#include "hooks/signals.hpp"
#include "inside/log.hpp"
#include "inside/snooze.hpp"
#include "lease/claim.hpp"
#include "memory/configuration.hpp"
#include "memory/my_slot.hpp"
#include "pg/clock.hpp"
#include "pg/session.hpp"
#include "pg/traces.hpp"
#include "timers/group_timer.hpp"
#include "turns/places.hpp"

namespace ayb {

namespace {

constexpr int kMostFailures = 8;
constexpr Size kMostResults = 4 * 1024 * 1024; // bytes that wait for the commit

// While the rights and the code that were looked at are the same, they need no second look.
Callable *callable_of(Group *group, GroupType *type) {
    AcceptInvalidationMessages();
    if (type->callable_made != code_generation() || type->callable.forgets) {
        const uint64 made = code_generation();
        type->callable_made = 0;
        const Oid function = require_code(type->handler, GetUserId());
        prepare_call(type->handler, function, group->memory, &type->callable);
        type->callable_made = made;
    }
    return &type->callable;
}

// What binds the job was looked at when it was taken. Behind callable_of(), which hears of changes.
void check_bond(const Group &group, const GroupedJob &job) {
    if (!job.bond || group.code == code_generation())
        return;
    const Handler &handler = job.type->handler;
    const Doubt doubt = doubt_of_bond(&handler, *job.bond, group.role);
    if (doubt != Doubt::none)
        refuse_doubt(handler, doubt, job.bond->enqueued_by);
}

void keep_result(Group *group, GroupedJob *job, const HandlerResult &result) {
    job->null = result.null;
    if (result.null)
        return;
    MemoryContext before = MemoryContextSwitchTo(group->memory);
    job->result = PointerGetDatum(PG_DETOAST_DATUM_COPY(result.value));
    MemoryContextSwitchTo(before);
    group->results += VARSIZE(DatumGetPointer(job->result));
}

// What the job has said or given back.
GroupVerdict keep_end(Group *group, GroupedJob *job, const HandlerResult &result) {
    job->log = said_log(group->memory, &group->results);
    job->snooze = copied_snooze(group->memory, &group->results);
    if (job->snooze)
        return GroupVerdict::snoozed;
    keep_result(group, job, result);
    return GroupVerdict::done;
}

// In a subtransaction. What the job set is undone, what it opened is closed.
GroupVerdict call_in_subtransaction(Group *group, GroupedJob *job) {
    forget_snooze();
    forget_log();
    PushActiveSnapshot(GetTransactionSnapshot());
    const int level = NewGUCNestLevel();
    Callable *callable = callable_of(group, job->type);
    check_bond(*group, *job);
    release_cancels();
    const HandlerResult result = call(callable, job->payload);
    hold_cancels();
    const GroupVerdict verdict = keep_end(group, job, result);
    AtEOXact_GUC(false, level);
    PopActiveSnapshot();
    job->traces = left_traces();
    if (!job->traces)
        PortalHashTableDeleteAll();
    ResetSequenceCaches();
    return verdict;
}

// After an error, which is looked at no further: the run by lease will tell of it.
GroupVerdict undo(Group *group, GroupedJob *job) {
    hold_cancels(); // the error has let go of them
    MemoryContextSwitchTo(group->job_memory);
    const ErrorData *error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
    job->type->callable_made = 0;
    job->traces = left_traces();
    job->log = said_log(group->memory, &group->results);
    if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && !group_timed_out() && cancel_was_meant())
        return GroupVerdict::canceled;
    job->type->failures++;
    return GroupVerdict::left_over;
}

void attempt(Group *group, GroupedJob *job) {
    MemoryContext before = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    volatile GroupVerdict verdict = GroupVerdict::done;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(group->job_memory);
    PG_TRY();
    {
        verdict = call_in_subtransaction(group, job);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    { verdict = undo(group, job); }
    PG_END_TRY();
    MemoryContextSwitchTo(before);
    CurrentResourceOwner = owner;
    MemoryContextReset(group->job_memory);
    job->verdict = verdict;
}

bool claims_are_held(const Group &group) {
    return draining() || should_leave() || configuration_generation() != group.configuration;
}

// Another job of this type may write in as many subtransactions as the one that wrote in most.
bool has_room(const GroupType &next) {
    return !MyProc->subxidStatus.overflowed &&
           MyProc->subxidStatus.count + Max(next.subtransactions, 1) <= PGPROC_MAX_CACHED_SUBXIDS;
}

// One of its key before it, in order, hasn't ended: it goes back to its lane, as it was.
bool is_held_up(const Group &group, const GroupedJob &job) {
    if (!job.type->stopped || job.order == 0)
        return false;
    return std::any_of(group.jobs, group.jobs + group.ran, [&job](const GroupedJob &before) {
        return before.type == job.type && before.order == job.order &&
               before.verdict != GroupVerdict::done;
    });
}

// What one job did to the group. False where the group ends with it.
bool goes_on(const GroupedJob &job) {
    GroupType &type = *job.type;
    type.stopped = type.stopped || job.verdict != GroupVerdict::done;
    if (group_timed_out())
        type.strike = Strike::overstay;
    else if (job.traces)
        type.strike = Strike::traces;
    else if (type.failures >= kMostFailures)
        type.strike = Strike::failures;
    return type.strike == Strike::none && job.verdict != GroupVerdict::canceled;
}

void run_one(Group *group, GroupedJob *job, TimestampTz now) {
    const int subtransactions = MyProc->subxidStatus.count;
    clear_interrupts();
    note_start(job->type->handler.type, job->key);
    begin_job(job->id, job->run, job->type->handler.type, now);
    show_activity(job->type->handler.type, job->id);
    attempt(group, job);
    group->ran++;
    group->done += job->verdict == GroupVerdict::done ? 1 : 0;
    const int written = MyProc->subxidStatus.count - subtransactions;
    job->type->subtransactions = Max(job->type->subtransactions, written);
}

} // namespace

void run_jobs(Group *group) {
    TimestampTz now = group->began = clock_now();
    const TimestampTz half =
        now + settings::group_budget * kMicrosecondsPerMillisecond / 2; // none begins after it
    bool more = true;
    forget_traces();
    start_group_timer(settings::group_budget);
    while (more && group->ran < group->count && now <= half && group->results < kMostResults &&
           has_room(*group->jobs[group->ran].type) && !claims_are_held(*group)) {
        GroupedJob &job = group->jobs[group->ran];
        group->at = &job;
        job.started_at = job.ended_at = now;
        if (is_held_up(*group, job)) {
            group->ran++;
            continue;
        }
        run_one(group, &job, now);
        now = clock_now();
        job.ended_at = now;
        more = goes_on(job);
    }
    group->at = nullptr;
    stop_group_timer();
    end_group_jobs();
    clear_interrupts();
}

} // namespace ayb
