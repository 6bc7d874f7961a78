#pragma once
// How an attempt ends: each of these demands the same worker and run, inside the books, and
// says whether that still held. False means that the lease was lost, and nothing was changed.
#include <optional>

#include "base/job.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Moves the job to the history (or away, with retention = 0 or of a type that isn't kept), and
// frees its key with it.
bool complete_job(const core::Uuid &id, const char *type, const char *worker, int run,
                  const HandlerResult &result, TimestampTz now);

// The same of a job of a type that is kept, which a worker outside has claimed as `role`: by one
// statement, which locks it.
struct Completed {
    bool held;
    Datum row; // of the view jobs, in the books' memory
    char type[kTypeBytes];
    Oid run_as;
};
Completed complete_held(const core::Uuid &id, const char *worker, int run, Oid role,
                        const HandlerResult &result, TimestampTz now);

// Records the failed or lost attempt (`status`) and puts the job back for `retry_at`, or marks it
// failed where that is none or its attempts are used up, with `error` as its last_error. `*failed`
// says which: then its dead letter is enqueued, if its type has one.
bool fail_job(const core::Uuid &id, const char *worker, int run, const Failure &failure,
              const char *error, const char *status, std::optional<TimestampTz> retry_at,
              TimestampTz now, bool *failed);

// Puts the job back for its next step: uncharged, and what was charged before is forgiven.
bool snooze_job(const core::Uuid &id, const char *worker, int run, const Snooze &snooze, Datum log,
                TimestampTz now);

// When that is due, and with which payload; none for the one it has.
TimestampTz next_step(const Snooze &snooze, TimestampTz now);
std::optional<Json> next_payload(const Snooze &snooze);

// The log of an attempt, 0 for none, as statements take it.
std::optional<Json> optional_log(Datum log);

// attempts() shows the last hundred. Those before are dropped once in a hundred runs: each time
// PostgreSQL reads what it can't remove yet.
inline constexpr int kKeptAttempts = 100;
void drop_old_attempts(const core::Uuid &id, int run);

// Puts the job back uncharged, to run again at once or at `run_at`.
bool put_back_job(const core::Uuid &id, const char *worker, int run, TimestampTz now,
                  std::optional<TimestampTz> run_at = std::nullopt);

// Marks the job canceled.
bool cancel_job(const core::Uuid &id, const char *worker, int run, TimestampTz now, Datum log = 0);

// Runs of a worker outside, in the order of their ids, no two alike. They are held by the role that
// has claimed them, whatever it may see by now.
struct Runs {
    UuidArray ids;
    IntArray runs;
    const char *worker;
    Oid role;
};

// The same for many, with a column of what each needs beside, by one statement. What isn't held is
// left as it is. The rows are those that are: id, runs, run_as, type. Return how many there are.
uint64 complete_runs(const Runs &runs, Datum results, TimestampTz now);
// Besides the state that each has now. `retry_at` is NULL for what is not to be tried again. Leaves
// no letters.
uint64 fail_runs(const Runs &runs, Datum retry_at, Datum errors, TimestampTz now);
// Only id and runs. A lease that goes on for half of the time or more stays as it is.
uint64 extend_runs(const Runs &runs, TimestampTz lease_until, TimestampTz now);
// Locks those that are held: id, runs, type, attempts.
uint64 hold_runs(const Runs &runs);

// When the next attempt is due after this one failed: the handler's back-off or the default.
TimestampTz retry_time(const char *type, int attempt, TimestampTz now);

// The error as a user reads it: "ERROR: division by zero (SQLSTATE 22012)". Palloc'd.
const char *error_text(const Failure &failure);
void set_failure(Failure *failure, const char *sqlstate, const char *message);
// What a handler has raised: with its detail, hint and context.
void set_failure(Failure *failure, const ErrorData &error);

// Whether the handler has said that no further attempt would help: give_up().
bool gives_up(const Failure &failure);

} // namespace ayb
