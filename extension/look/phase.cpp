// How far a job is, as people read it: jobs.phase.
#include "base/arguments.hpp"
#include "base/columns.hpp"
#include "handlers/judge.hpp"
#include "jobs/key_order.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

// Of a queued job.
struct Waiting {
    core::Uuid id;
    const char *waits_for; // as the row has it
    TimestampTz run_at;
    int runs;
    const char *type;
    Oid role;
    const char *key; // null for none
};

// By the limits of its type and of its key; where that goes in order, if it is the first one of it.
bool may_start(const Waiting &job) {
    const TimestampTz now = clock_now();
    const Limit *limit = find_limit(job.type);
    if (limit == nullptr || opens_at(limit) > now)
        return limit == nullptr;
    return job.key == nullptr || key_may_start({job.role, job.type, job.key, job.id, {}}, now);
}

// Of one that is due and waits for nothing itself.
const char *phase_of_due(const Waiting &job) {
    const Server server = server_of(job.type, job.role);
    if (server == Server::nobody || server == Server::untrusted || all_paused() || !may_start(job))
        return "waiting";
    return server == Server::ours ? "due" : "external";
}

const char *phase_of(const Waiting &job) {
    const bool has_parents =
        job.waits_for != nullptr && strcmp(job.waits_for, core::word_of(WaitsFor::jobs)) == 0;
    if (!has_parents && job.run_at > clock_now())
        return job.runs > 0 ? "retrying" : "scheduled";
    return job.waits_for != nullptr ? "waiting" : phase_of_due(job);
}

} // namespace

} // namespace ayb

using namespace ayb;

// phase(id, state, waits_for, run_at, runs, type, run_as, partition_key) → text
AYB_SQL_FUNCTION(ayb_jobs_phase) {
    enum { kId, kState, kWaitsFor, kRunAt, kRuns, kType, kRunAs, kKey, kCount };
    for (int number = 0; number < kCount; number++)
        if (number != kWaitsFor && number != kKey && PG_ARGISNULL(number))
            PG_RETURN_NULL();
    const char *state = text_to_cstring(PG_GETARG_TEXT_PP(kState));
    if (strcmp(state, core::word_of(State::queued)) != 0)
        PG_RETURN_TEXT_P(cstring_to_text(state));
    const Waiting job{uuid_value(PG_GETARG_DATUM(kId)),
                      text_argument(fcinfo, kWaitsFor),
                      PG_GETARG_TIMESTAMPTZ(kRunAt),
                      PG_GETARG_INT32(kRuns),
                      text_to_cstring(PG_GETARG_TEXT_PP(kType)),
                      PG_GETARG_OID(kRunAs),
                      text_argument(fcinfo, kKey)};
    PG_RETURN_TEXT_P(cstring_to_text(phase_of(job)));
}
