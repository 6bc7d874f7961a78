#pragma once
// The shared memory of the engine: what it is made of, and how it comes to be.
//
// It holds only what can be rebuilt from the tables: after a crash it is new. Each part names the
// lock that guards it. Readers get null from shared() where the library was not preloaded.
#include "pg/postgres.hpp"
#include "core/histogram.hpp"
#include "core/uuid7.hpp"
#include "memory/floor.hpp"

namespace ayb {

constexpr int kMaxLanes = 2048;
constexpr int kMaxTypes = 1024;
constexpr int kMaxExternalTypes = 1024;
constexpr int kMaxSources = 4096;
constexpr int kMaxProbes = 32;
constexpr int kEventRing = 4096;
constexpr int kErrorBytes = 256;
constexpr int kNoteBytes = 128;
constexpr int kWorkerIdBytes = 40;
constexpr int kTypeBytes = 404; // 100 characters of four bytes, and the end
constexpr int kEventTypeBytes = 64;

// The states of a job, in the order in which counts of them are kept.
enum class State : int { queued, running, completed, failed, canceled };
constexpr int kStates = 5;
const char *state_name(State state);

// One process that the engine started for a database: its lane's worker. Guarded by `mutex`, but
// for `idle`, which is claimed by compare-and-exchange.
struct WorkerSlot {
    enum class Phase : int { free, starting, serving, gone };

    slock_t mutex;
    Phase phase;
    Oid database;
    Oid role;
    pid_t pid;
    Latch *latch;
    pg_atomic_uint32 idle; // 1 while it sleeps for want of jobs
    bool leave;            // asked to make room after its present job
    bool stop_wanted;      // the SIGTERM that comes is ours: see signals.hpp
    TimestampTz launched_at;
    TimestampTz serving_since;
    TimestampTz busy_since; // when it last awoke: it has found job after job since
    char worker_id[kWorkerIdBytes];

    bool has_job; // stays set where the process ended inside a job
    core::Uuid job;
    int attempt;
    char type[kTypeBytes];
    TimestampTz job_since;
    bool put_back; // it was interrupted by a shutdown, which must not count
    bool in_turn;  // it looks for a job, or is at one: see begin_turn()
    bool in_group; // its job, if any, is one of a group that isn't committed yet

    bool cancel_wanted;
    core::Uuid cancel_job;

    int percent; // -1 for none
    char note[kNoteBytes];
};

// The due jobs of one role in one database. Found by lane_of(); fields guarded by `mutex`.
struct LaneKey {
    Oid database;
    Oid role;
};

struct Lane {
    LaneKey key; // must be first
    slock_t mutex;
    TimestampTz due;        // when to look: no job that isn't paused is due before it
    Floor<Position> floor;  // no queued job lies before it, paused or not
    TimestampTz not_before; // could not be served: the next try
    int failures;           // starts in a row that failed
    char error[kErrorBytes];
    TimestampTz last_served;
    int64 counts[kStates];
    TimestampTz leased_until; // a worker ended inside a group, in none of its jobs
};

// The external jobs of one type, whoever's. Found by external_floors.hpp; the floor is guarded by
// `mutex`.
struct ExternalTypeKey {
    Oid database;
    char type[kTypeBytes]; // zeroed to its end
};

struct ExternalType {
    ExternalTypeKey key; // must be first
    slock_t mutex;
    Floor<Position> floor; // no queued job that waits for a worker outside lies before it
};

// Why a type lost the grouped way.
enum class Strike : int { none, overstay, failures, commit, ended, traces };

// Counts and latencies of one type for one role since the last whole minute. Guarded by
// Locks::types.
struct TypeKey {
    Oid database;
    Oid role;
    uint64 hash;
};

struct TypeStats {
    TypeKey key; // must be first
    char type[kTypeBytes];
    TimestampTz minute;
    int64 completed;
    int64 failed;
    int64 retried;
    int64 lost;
    int64 canceled;
    int64 wait[core::kHistogramBuckets];
    int64 run[core::kHistogramBuckets];
    double run_average; // microseconds, moving; 0 until known

    // Which way it goes: see group/ways.hpp.
    double handler_average; // microseconds in the handler alone, moving
    int64 runs;             // since it was first seen, or lost the grouped way
    int64 grouped;          // jobs that ended in groups, ever
    int64 good;             // of these, since the last strike
    int subtransactions;    // in which one of its jobs writes
    int strikes;
    Strike last_strike;
    TimestampTz leased_until;
};

struct Database {
    Oid oid; // InvalidOid for a free place; set and cleared under Locks::databases
    pid_t scheduler_pid;
    Latch *scheduler;
    pg_atomic_uint32 wanted;   // somebody has set the latch since the scheduler's look began
    pg_atomic_uint32 serving;  // the scheduler keeps lanes: set before its first look at the table
    pg_atomic_uint32 rescan;   // look for lanes anew
    pg_atomic_uint32 sweep;    // handlers changed: look at the jobs that wait for one
    pg_atomic_uint32 recount;  // the counts are off
    pg_atomic_uint32 doubt;    // somebody may commit unheard: check the floors at the next tick
    pg_atomic_uint32 holds;    // commands that need the database to themselves
    pg_atomic_uint32 draining; // no new claims, by drain()
    pg_atomic_uint32 waiting;  // lanes that are due and have no worker
    pg_atomic_uint32 crowded;  // there are as many workers as there may be
    pg_atomic_uint32 paused;   // as a whole: nobody need be woken for a job
    slock_t mutex;             // guards what follows
    Floor<TimestampTz> leases; // no lease ends before it
    Floor<TimestampTz> ticks;  // no schedule is due before it
    TimestampTz sleeping_until;
    bool dormant; // the stamp is missing or doesn't fit
    bool counted; // Lane::counts are right
    TimestampTz no_slot_since;
    int64 leases_lost;
    int64 claims; // attempts that workers of this database have started
    char error[kErrorBytes];
};

struct Event {
    uint64 seq;
    TimestampTz at;
    Oid database;
    Oid role;
    core::Uuid job;
    char type[kEventTypeBytes];
    int from; // a State, or -1 for a new job
    int to;
    SubTransactionId subid; // which noted it; says nothing once it is in the ring
};

// Commits seen while a scheduler counts its tables: those that its snapshot did not show are added
// afterwards. Guarded by Locks::lanes.
constexpr int kJournalEntries = 16384;
struct JournalEntry {
    TransactionId xid;
    Oid role;
    int32 delta[kStates];
};
struct Journal {
    Oid database; // InvalidOid while nobody counts
    bool overflow;
    int count;
    JournalEntry entries[kJournalEntries];
};

// A job that was in a handler when shared memory was lost; see crashed.hpp.
struct RunningJob {
    uint32 magic; // 0 while the place is free
    Oid database;
    core::Uuid job;
    int32 attempt;
};

// How often a source of materialized views was changed; see sources.hpp. Guarded by Locks::sources.
struct SourceKey {
    Oid database;
    Oid relation;
};

struct Source {
    SourceKey key; // must be first
    uint64 changes;
    int pending; // transactions that are about to commit a change
};

// What the launcher is told. It takes all of it at one instant: so a database that was reported
// absent before somebody asked for it is never noted as absent after that.
struct LauncherMail {
    Oid probes[kMaxProbes]; // to be looked at
    int probe_count;
    bool probe_all;
    Oid absent[kMaxProbes]; // were probed and don't have the extension
    int absent_count;
};

struct Shared {
    pid_t launcher_pid;
    Latch *launcher;
    slock_t launcher_mutex; // guards the mail and the time below
    LauncherMail mail;
    TimestampTz no_slot_since;

    pg_atomic_uint64 next_event;
    uint64 first_event;             // the number of the first one since the server started
    pg_atomic_uint64 configuration; // counts the commits that changed handlers or pauses
    pg_atomic_uint32 lanes_full;
    pg_atomic_uint64 floor_lives; // counts floors of lanes and external types that were ever made
    int slots;                    // of databases and of workers, each
    int crashed;                  // entries in crashed_jobs()
    TimestampTz leased_until;     // after a crash: what caused it may be anything
    uint64 sources_epoch; // another one whenever counts are lost; by Locks::sources, as the next
    int sources_lost;     // pending ones that there was no room for
    Journal journal;
};

enum class Locks : int { databases, lanes, types, external_types, events, sources, count };

// Reserves it all; called by _PG_init while shared_preload_libraries are loaded.
void request_shared_memory();

// Opens a floor that knows nothing, and that no mark of an earlier one in its place raises.
void open_new_floor(Floor<Position> *floor);

// Null where the library was not preloaded.
Shared *shared();
LWLock *lock_of(Locks which);
Database *databases();      // shared()->slots of them
WorkerSlot *worker_slots(); // shared()->slots of them
Event *event_ring();        // kEventRing of them
RunningJob *crashed_jobs(); // shared()->slots of them
HTAB *lanes();
HTAB *types();
HTAB *external_types();
HTAB *sources();

} // namespace ayb
