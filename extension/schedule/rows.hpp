#pragma once
// Schedules as their table has them.
#include "base/rights.hpp"
#include "core/uuid7.hpp"
#include "pg/sql.hpp"

namespace ayb {

struct Schedule {
    core::Uuid id;
    const char *name;
    const char *type;
    const char *cron;
    const char *zone;
    bool enabled;
    Oid run_as;
    int max_attempts;
    TimestampTz next_run_at; // DT_NOEND where there is none
    TimestampTz last_tick;   // it ran then, or was skipped; DT_NOBEGIN where neither was
};

// Sets `*id` to the schedule of this name; false where there is none that `me` may touch. Inside
// the books.
bool find_schedule(const char *name, Oid me, bool admin, core::Uuid *id);

// Looks a schedule up and locks its row. Unless it is `me`'s, it takes the right: raises 42501
// where `me` may see it all the same, and P0002 as for one that is unknown. Inside the books; the
// texts live as long as these are open.
Schedule lock_schedule(const core::Uuid &id, Oid me, Right right);

// The row as a composite datum, in `context`. Inside the books.
Datum schedule_row(const core::Uuid &id, MemoryContext context);

} // namespace ayb
