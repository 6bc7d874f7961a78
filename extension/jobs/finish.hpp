#pragma once
// How an attempt ends: each of these demands the same worker and run, inside the books, and
// says whether that still held. False means that the lease was lost, and nothing was changed.
#include <optional>

#include "base/job.hpp"

namespace ayb {

// Moves the job to the history (or away, with retention = 0), and frees its key with it.
bool complete_job(const core::Uuid &id, const char *worker, int run, const HandlerResult &result,
                  TimestampTz now);

// Records the failed or lost attempt (`status`) and puts the job back for `retry_at`, or marks it
// failed where that is none or its attempts are used up, with `error` as its last_error. `*failed`
// says which.
bool fail_job(const core::Uuid &id, const char *worker, int run, const Failure &failure,
              const char *error, const char *status, std::optional<TimestampTz> retry_at,
              TimestampTz now, bool *failed);

// Puts the job back uncharged, to run again at once or at `run_at`.
bool put_back_job(const core::Uuid &id, const char *worker, int run, TimestampTz now,
                  std::optional<TimestampTz> run_at = std::nullopt);

// Marks the job canceled.
bool cancel_job(const core::Uuid &id, const char *worker, int run, TimestampTz now);

// When the next attempt is due after this one failed: the handler's back-off or the default.
TimestampTz retry_time(const char *type, int attempt, TimestampTz now);

// The error as a user reads it: "ERROR: division by zero (SQLSTATE 22012)". Palloc'd.
const char *error_text(const Failure &failure);
void set_failure(Failure *failure, const char *sqlstate, const char *message);

// Whether the handler has said that no further attempt would help: give_up().
bool gives_up(const Failure &failure);

} // namespace ayb
