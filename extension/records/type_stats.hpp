#pragma once
// Counts and latencies by job type since the last whole minute, and how long a type usually runs.
// Guarded by Locks::types.
#include "records/totals.hpp"

namespace ayb {

inline constexpr int kMaxTypes = 1024;
// Where these are all in use, room is kept for the empty type: of so many roles, and of nobody in
// each database. So nothing that is counted is lost.
inline constexpr int kMaxOthers = 256;

// A type that usually runs longer than this is slow, in microseconds, and so is a job that has.
inline constexpr double kSlow = 1000000;

// Why a type lost the grouped way.
enum class Strike : int { none, overstay, failures, commit, ended, traces };

// One type for one role. Times in microseconds; counts of how jobs ended and histograms are those
// since the last whole minute.
struct TypeStats : TypeName, TypeCounts {
    TimestampTz minute;
    double run_average; // moving; 0 until known

    // Which way it goes: see group/ways.hpp.
    double handler_average; // in the handler alone, moving
    int64 runs;             // since it was first seen, or lost the grouped way
    int64 grouped;          // jobs that ended in groups, ever
    int64 good;             // of these, since the last strike
    int subtransactions;    // in which one of its jobs writes
    int strikes;
    Strike last_strike;
    TimestampTz leased_until;
};

Size types_size();
void init_types();
// How many entries there are at most.
int most_types();

// snoozed: a step of a job that goes on.
enum class Outcome { completed, failed, retried, lost, canceled, snoozed };

// Adds one attempt. `wait_us`: from run_at to the start; `run_us`: from the claim to the end;
// `handler_us`: in the handler alone; negative ones are not entered. Where the table is full the
// attempt is entered under the empty type, of the role or, where many have one, of nobody. Whether
// the type has become slow by it, or quick. Never throws.
bool add_outcome(Oid database, Oid role, const char *type, Outcome outcome, int64 wait_us,
                 int64 run_us, int64 handler_us);

// Many attempts of one type at once, that ended completed in a group.
struct GroupedRun {
    int64 wait_us; // negative: not entered
    int64 run_us;
};
void add_grouped(Oid database, Oid role, const char *type, const GroupedRun *runs, int count,
                 int subtransactions);

// What decides which way a type goes.
struct TypeRecord {
    int64 runs; // measured since it was first seen, or lost the grouped way
    double handler_average;
    int64 grouped;       // jobs that ended in groups
    int subtransactions; // in which one of its jobs writes
    int strikes;
    Strike last_strike;
    TimestampTz leased_until;
};
TypeRecord type_record(Oid database, Oid role, const char *type);

// The type loses the grouped way for a while: the longer, the more often. `began`: the group that
// tells of it, which knew the type as one that goes grouped. Where it was struck since, another
// group has told of the same incident, and nothing more comes of it. Never throws.
void strike_type(Oid database, Oid role, const char *type, Strike why, TimestampTz began);

// Calls `visit` for each type of the database that is known, under a lock: no catalog, no memory.
void each_type(Oid database, void (*visit)(const TypeStats &stats, void *context), void *context);

// The moving average of the type's run time in microseconds, 0 until known.
double run_average(Oid database, Oid role, const char *type);

// Copies the entries of the database that have counts from before `before` to `out` (room for
// most_types()) and clears them; with `keep` they are only copied.
int take_minutes(Oid database, TimestampTz before, bool keep, TypeStats *out);

// Puts entries back that could not be written.
void return_minutes(const TypeStats *entries, int count);

// What the database's types have come to since the server started, with the minute that goes on.
// Room for most_totals() in `out`; how many.
int read_totals(Oid database, TypeTotals *out);

} // namespace ayb
