#pragma once
// Answers that are rows of the view jobs.
#include "base/rights.hpp"
#include "core/uuid7.hpp"
#include "memory/state.hpp"
#include "pg/sql.hpp"

namespace ayb {

// A job of the queue as a row of the view, as a composite datum; 0 where there is none. Inside the
// books. Call copy_row() before they are closed.
Datum job_row(const core::Uuid &id);

// A composite datum, moved to `context`, so that it outlives the books. 0 stays 0.
Datum copy_row(Datum row, MemoryContext context);

// Raises P0002 for an id that is unknown, or is not the caller's to see.
[[noreturn]] void no_such_job(const core::Uuid &id);

// What refusals need to know of a job.
struct Found {
    bool exists;
    State state;
    Oid run_as;
    int attempt; // that is charged
    int run;
    char worker[256]; // empty for none
    WaitsFor waits_for;
    char type[kTypeBytes];
    TimestampTz lease_until;
    TimestampTz run_at;
    TimestampTz completed_at; // DT_NOEND where it is in the queue
};

// Whether a row's type lets who enqueued the job see it.
#define AYB_ENQUEUER_SEES(row)                                                                     \
    "NOT EXISTS (SELECT FROM ayb_jobs.handlers AS t WHERE t.type = " row                           \
    ".type AND NOT t.enqueuer_sees)"

// Whose jobs a verb is for, of roles whose privileges the caller has: that run as one; or that one
// has enqueued, too.
enum class Whose { own, enqueued };

// No job whose id was made at this instant completed before this one: a day's margin, as clocks are
// set back. Searches of the history by ids are planned for it (Plan::of_values), so that no day
// before is opened, or locked.
At first_completion(TimestampTz made);
// The earliest instant at which one of these ids (uuid[]) was made.
TimestampTz first_made(Datum ids);

// Looks the job up in the queue (locking its row, if `lock`) or the history. Inside the books. `me`
// is the caller, who must be allowed to touch it, as all of them if `all`: otherwise it counts as
// unknown, and isn't locked.
Found find_job(const core::Uuid &id, Oid me, bool all, Whose whose, bool lock);

// Of one that find_job() didn't find: 42501 where `me` may see it and lacks the right, else P0002.
// Inside the books.
[[noreturn]] void refuse_job(const core::Uuid &id, Oid me, Right wanted);

} // namespace ayb
