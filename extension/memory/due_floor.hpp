#pragma once
// When the first lease of a database ends, when its next schedule is due, when a waiter is to be
// woken next, and when the next job that waits for its time is due: floors in time (floor.hpp),
// Database::leases, ticks, waits and times. Commits lower them; the scheduler raises them.
#include "memory/databases.hpp"

namespace ayb {

// Lowers one of them to `next` (at most), and wakes the scheduler if that sleeps beyond it. Never
// throws.
void lower_due(Database *database, TimeFloor *floor, TimestampTz next);

TimeMark mark_due(Database *database, const TimeFloor &floor);

// Raises it to `next` (DT_NOEND where there is none), as far as commits since the mark allow;
// returns what it is then.
TimestampTz raise_due(Database *database, TimeFloor *floor, const TimeMark &mark, TimestampTz next);

} // namespace ayb
