#pragma once
// A claimed job on its way through a worker, and what became of the attempt.
#include <optional>

#include "pg/postgres.hpp"
#include "core/uuid7.hpp"
#include "memory/state.hpp"

namespace ayb {

// What a definer's job is bound to, and its run_as is the owner of the type.
struct Bond {
    core::Uuid registration;
    Oid enqueued_by; // needs EXECUTE on the function, and USAGE on its schema
};

struct Job {
    core::Uuid id;
    char type[kTypeBytes];
    Datum payload; // jsonb, in the job's memory context
    Oid run_as;
    std::optional<Bond> bond;
    int attempt; // that is charged
    int max_attempts;
    int run; // the token under which its attempt is ended: no claim of the job has the same
    TimestampTz run_at;
    TimestampTz started_at;
};

inline constexpr int kErrorTextBytes = 8192;

inline constexpr char kGivenUp[] = "JOB01"; // the SQLSTATE of give_up()

// Why an attempt ended without completing its job.
struct Failure {
    char sqlstate[6];
    char message[kErrorTextBytes]; // clipped at a character
    const char *hint;              // null for none; clipped as well
    const char *context;
    Datum log; // jsonb, that the handler has said; 0 for none
};

// A run that was a step: the job goes on after a time, with another payload or the one it has.
struct Snooze {
    int64 delay_ms;
    Datum payload; // jsonb; 0 for the same
};

// completed: the job has left the queue, or waits for its next step. failed: the attempt counts.
// canceled: by cancel(force). put_back: interrupted for a reason of ours, the attempt doesn't
// count. lost: somebody else has the job.
enum class Verdict { completed, failed, canceled, put_back, lost };

// What a handler gave back.
struct HandlerResult {
    Datum value; // jsonb
    bool null;
    Datum log; // jsonb, that was said in between; 0 for none
};

} // namespace ayb
