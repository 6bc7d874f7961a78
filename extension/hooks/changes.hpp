#pragma once
// What this transaction has done to the queue, told to the others when it commits.
//
// The row trigger notes each change here; the commit callback lowers lanes, wakes a worker or the
// scheduler, keeps the counts and writes the events. It neither throws nor reads a catalog. What a
// rolled-back subtransaction did is forgotten with it.
#include "lanes/lanes.hpp"
#include "memory/state.hpp"

namespace ayb {

struct Change {
    core::Uuid job;
    Oid role;
    const char *type; // copied
    int from;         // a State, or -1 for a new row
    int to;           // a State, or -1 for a row that was removed without being completed
    int run;          // of the row as it is now
    int priority;     // or kKeyed
    const char *key;  // copied; null where it has none
    int level;        // the priority within the key
    bool claimable;   // it may be taken from run_at on
    // Its type had no handler by this generation of the configuration; 0 where it may have one.
    uint64 unserved_by;
    TimestampTz run_at;
    TimestampTz waits_until; // of one that waits for its time; else DT_NOEND
    TimestampTz lease_until; // DT_NOEND where it holds no lease

    Position position() const { return Position{run_at, job}; }
    // It was among the others of its key, which may have waited for it, and isn't any more.
    bool frees_key() const {
        constexpr int kQueued = static_cast<int>(State::queued);
        return key != nullptr && from == kQueued && to != kQueued &&
               to != static_cast<int>(State::running) && to != static_cast<int>(State::completed);
    }
};

// Notes one change. May run out of memory (ereport), nothing else.
void note_change(const Change &change);

// Notes that so many completed jobs of the type were deleted, which no trigger sees. May run out of
// memory (ereport).
void note_deleted(Oid role, const char *type, int64 completed);

// The earliest lease that this transaction has noted: nobody else has heard of it yet.
TimestampTz own_next_lease();

// Calls `visit` for each lane in which this transaction has noted a claimable job, with the first
// of them: nobody else has heard of it yet.
void each_own_lane(void (*visit)(const LaneKey &lane, const Position &first, void *context),
                   void *context);

// While it is on, queued jobs that are removed were completed: by a group.
void complete_queued(bool on);
bool completing_queued();

// Notes that a schedule is due at `next` for the first time.
void note_tick(TimestampTz next);

// Notes that handlers or pauses changed: lanes and waiting jobs are looked at anew after the
// commit.
void note_configuration();

// Notes that the limit of a type was set: from the commit on it starts nothing until that is in
// force. May run out of memory (ereport).
void note_limit(const char *type);

// Notes that the jobs have to be counted anew after the commit.
void note_recount();

// Notes that a role was dropped, which may have had rows in any database.
void note_dropped_role();

// Notes that this database shall be probed by the launcher after the commit.
void note_probe();

// Notes a database to be released (release_hold) at the end of this transaction, however it ends.
// Only where can_note_hold(): it is not noted yet, and there is room.
bool can_note_hold(Oid database);
void note_hold(Oid database);

// Notes that claims are held back by this transaction: the database's flag for that goes if this
// (sub)transaction fails. False where that was noted already.
bool note_draining();

// What COMMIT PREPARED committed isn't known here: look at everything, and from the beginning.
// Never throws.
void wake_for_unknown();

// Notes that this transaction let others write into the queue unseen: as wake_for_unknown(), after
// the commit.
void note_unknown();

// Whether the callbacks are registered; _PG_init calls it.
void install_change_callbacks();

} // namespace ayb
