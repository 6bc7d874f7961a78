#pragma once
// Databases in shared memory: which scheduler serves each, and what that is told.
#include "core/words.hpp"
#include "memory/floor.hpp"
#include "memory/kin_marks.hpp"
#include "memory/pulse.hpp"

namespace ayb {

inline constexpr int kErrorBytes = 256;

// What a scheduler does, step by step.
enum class Duty : int {
    stamp,
    recover,
    ticks,
    leases,
    times,
    children,
    edges,
    workers,
    lanes,
    limits,
    waits,
    minutes,
    depths,
    floors,
    days,
    old_days,
    purge,
    clock,
    gone,
    gone_history,
    watches,
    count,
};
constexpr int kDuties = static_cast<int>(Duty::count) + 1;
template <> struct core::Words<Duty> {
    static constexpr const char *kWords[] = {
        "look at the stamp",
        "recover jobs after a crash",
        "enqueue what schedules are due",
        "recover leases",
        "let jobs with keys come due",
        "let jobs go on whose parents have ended",
        "read which jobs wait for others",
        "recover jobs of workers that ended",
        "look for due jobs",
        "count running jobs of limited types",
        "wake workers that wait for jobs",
        "write the counts of minutes",
        "write how deep the queue is",
        "check the floors",
        "make days of the history ahead",
        "drop days of the history beyond retention",
        "delete jobs beyond failed_retention",
        "set right what a wrong clock left",
        "take what dropped roles had out of service",
        "look for dropped roles in the history",
        "tell of checks of health() that turned",
        "count jobs",
    };
};

// What a duty failed with, and since when it does; no error where it went well the last time.
struct Trouble {
    TimestampTz since;
    char error[kErrorBytes];
};

// A place is its database's while a scheduler or a hold has it. Whoever has neither may still come
// with a pointer to a place that has become another one's: what it sets there costs one look too
// many, and what it misses the next scheduler of its own database sees in the tables.
struct Database {
    Oid oid; // InvalidOid for a free place; set and cleared under Locks::databases, read without
    pid_t scheduler_pid;      // as `oid`
    Latch *scheduler;         // as `oid`
    pg_atomic_uint32 wanted;  // somebody has set the latch since the scheduler's look began
    pg_atomic_uint32 serving; // the scheduler keeps lanes: set before its first look at the table
    pg_atomic_uint32 rescan;  // look for lanes: handlers or pauses changed, or some may be missing
    pg_atomic_uint32 configured; // how often handlers or pauses were changed
    pg_atomic_uint32 found;      // of these, when lanes were last looked for
    pg_atomic_uint32 recount;    // the counts are off
    pg_atomic_uint32 doubt;      // somebody may commit unheard: check the floors at the next tick
    pg_atomic_uint32 gone;       // roles were dropped, which may have rows here
    pg_atomic_uint32 holds;      // commands that need the database to themselves
    pg_atomic_uint32 draining;   // no new claims, by drain()
    pg_atomic_uint32 waiting;    // roles that wait for a place: who falls asleep tells
    pg_atomic_uint32 crowded;    // there are as many workers as there may be, and none sleeps
    pg_atomic_uint32 paused;     // as a whole: nobody need be woken for a job

    slock_t mutex;    // guards what follows, up to troubles
    TimeFloor leases; // no lease ends before it
    TimeFloor ticks;  // no schedule is due before it
    TimeFloor waits;  // no waiter (waiters/waiters.hpp) need be woken by the scheduler before it
    TimeFloor times;  // no job that waits for its time
    TimestampTz sleeping_until;
    Oid last_role;          // whose job was met last,
    TimestampTz last_job;   // when,
    TimestampTz others_job; // and when the last one of any other
    int64 leases_lost;
    TimestampTz lost_at; // the last one of them
    Trouble troubles[kDuties];

    // Written by the scheduler alone, and read without a lock by whoever shows them.
    bool dormant; // the stamp is missing or doesn't fit
    bool counted; // RoleLanes::counts are right
    TimestampTz no_slot_since;
    TimestampTz set_back_at; // the clock, by more than an hour
    int64 set_back_by;       // microseconds
    Pulse pulse;             // of the scheduler

    KinMarks kin;
};

Size databases_size();
void init_databases();

// The database's place, or null. Reads without a lock.
Database *find_database(Oid database);

// The same, where a scheduler serves it: only then commits that go unheard are made good.
Database *find_served(Oid database);

// Finds or takes a place; null where there is none left. Under Locks::databases, exclusively.
Database *take_database(Oid database);

// Gives the place back if neither a scheduler nor a hold has it any more.
void release_database(Database *entry);

// Counting the roles' jobs anew. Between the two the counts are taken for right by nobody: what is
// asked again meanwhile stays asked.
void begin_recount(Database *database);
void end_recount(Database *database, bool right);

// Whether the counts are right that are read next.
bool are_counted(Database *database);

// Before the scheduler's first look, and before commits are told to it.
void open_due(Database *database);

// Notes that the scheduler's duty failed with `error` (null: it went well).
void note_trouble(Database *database, Duty duty, const char *error);
Trouble trouble_of(Database *database, Duty duty);

// Has every scheduler look for what roles that were dropped had in its database. Never throws.
void tell_dropped_role();

// Sets the scheduler's latch, if there is one. Never throws.
void wake_scheduler(Database *entry);

} // namespace ayb
