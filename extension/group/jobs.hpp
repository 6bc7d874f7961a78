#pragma once
// A group while it is taken, run and finished: what the files of this room share.
#include "group/turn.hpp"
#include "group/ways.hpp"
#include "handlers/call.hpp"
#include "handlers/handlers.hpp"
#include "lanes/picks.hpp"
#include "records/type_stats.hpp"

namespace ayb {

// What the group knows of one type.
struct GroupType {
    Handler handler;
    Way way;
    bool kept;            // in the history, once they are done
    int subtransactions;  // that one of its jobs writes in
    uint64 callable_made; // code_generation() by then; 0 where it isn't known
    Callable callable;
    int failures;
    bool ordered;  // the jobs of each of its keys
    bool stopped;  // one of its jobs didn't succeed
    Strike strike; // earned in this group
    GroupedRun *runs;
    int run_count;
    GroupType *next;
};

enum class GroupVerdict : uint8 { waiting, done, snoozed, left_over, canceled };

struct GroupedJob {
    core::Uuid id;
    GroupType *type;
    Datum payload;
    std::optional<Bond> bond;
    ItemPointerData place; // of the row that is locked
    int run;
    uint64 key;   // the hash of its partition key; 0 for none
    uint64 order; // the same where the jobs of a key go in order; else 0
    TimestampTz run_at;
    TimestampTz started_at;
    TimestampTz ended_at;
    Datum result;
    bool null;
    std::optional<Snooze> snooze; // where that is its verdict
    Datum log;                    // 0 for none
    bool ran_before;              // it may have rows in job_attempts
    bool keyed;                   // it has one in job_keys
    bool traces;                  // it left something that would reach the next job
    GroupVerdict verdict;
};

struct Group {
    Oid role;
    MemoryContext memory;     // lives as long as the group
    MemoryContext job_memory; // reset after each job
    GroupType *types;         // of all that was looked at
    GroupedJob *jobs;
    int count;
    int ran;              // of these, the first ones
    int done;             // of these
    int refused;          // that are locked, and had no place
    GroupedJob *at;       // whose handler runs now
    Size results;         // bytes
    TimestampTz began;    // to run them
    GroupTurn turn;       // what take_jobs() has found
    GroupTurn if_taken;   // the same, if it has taken any
    uint64 configuration; // by which it was taken
    uint64 code;          // the same: code_generation()
};

// Calls visit(job) for each job that was run and ended so, in the order of their runs.
template <typename Visit> void each_job(const Group &group, GroupVerdict verdict, Visit visit) {
    for (GroupedJob *job = group.jobs; job < group.jobs + group.ran; job++)
        if (job->verdict == verdict)
            visit(*job);
}

// The same for those that are done, and go into the history, or leave nothing.
template <typename Visit> void each_done(const Group &group, bool kept, Visit visit) {
    each_job(group, GroupVerdict::done, [&](GroupedJob &job) {
        if (job.type->kept == kept)
            visit(job);
    });
}

// Locks rows of the picked lanes and fills the group. In a transaction, with a snapshot that is
// younger than the picks.
void take_jobs(Group *group, const Picks &picks);

// Runs the handlers. Cancels are held before and after.
void run_jobs(Group *group);

// Takes what is done out of the queue, and cancels what is canceled. Raises 55000 where a job isn't
// as it was when it was locked.
void finish_jobs(const Group &group);

// The same for what is done alone, without SQL: what is kept, so many, into a day's table of the
// history, or the rest away. False,
// and nothing is done, where something stands on the tables that only SQL does justice to. Inside
// the books.
bool move_jobs(const Group &group, int kept, Oid day, const char *worker);
bool forget_jobs(const Group &group);

} // namespace ayb
