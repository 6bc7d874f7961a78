#pragma once
// What the scheduler does for its database: each duty is a step that may fail without taking the
// others with it, and one look goes through all that are due.
#include "memory/databases.hpp"

namespace ayb {

// When the duties that no wake-up asks for are due. Zero: at once.
struct Times {
    TimestampTz tick;
    TimestampTz days;     // the history's tables ahead
    TimestampTz edges;    // what waits for what
    TimestampTz old_days; // those beyond retention
    TimestampTz upkeep;
    TimestampTz recount;
};

// Whose duties they are: to be said before anything else here.
void take_duties(Database *database);

// Runs a step of a duty, which has transactions of its own. False, a line in the log and one in
// health() where it raised.
bool guarded(Duty duty, void (*step)(TimestampTz), TimestampTz now);

// Whether a step is at a statement that may take long: SIGTERM ends the process then. Safe in
// signal handlers.
bool in_long_statement();

// At the start: what the workers of an earlier life have left behind, and the days ahead.
void begin_duties(Times *times);

// One look at everything. Returns when the next one is due.
TimestampTz look(TimestampTz now, Times *times);

// Recovers the jobs of workers that have ended.
void reap();

// Writes the counts of the minute that isn't over yet.
void write_last_minutes();

} // namespace ayb
