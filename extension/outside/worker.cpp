#include "outside/worker.hpp"

#include "base/arguments.hpp"
#include "jobs/finish.hpp"
#include "memory/databases.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

constexpr int64 kLongestLeaseDays = 366;

} // namespace

const char *worker_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "worker_id");
    const char *worker = text_argument(fcinfo, number);
    if (worker[0] == '\0' || strlen(worker) > 255)
        ereport(
            ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("worker_id must be of 1 to 255 bytes"),
             err_generic_string(PG_DIAG_COLUMN_NAME, "worker_id"),
             errhint("Pass a name that no other worker has, such as host name and process id.")));
    return worker;
}

Datum types_argument(FunctionCallInfo fcinfo, int number) {
    require_argument(fcinfo, number, "types");
    ArrayType *types = PG_GETARG_ARRAYTYPE_P(number);
    if (array_contains_nulls(types))
        ereport(ERROR,
                (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("types must not contain nulls"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "types"),
                 errhint("Name the types of kind external that the worker can do.")));
    return PointerGetDatum(types);
}

TimestampTz lease_argument(FunctionCallInfo fcinfo, int number, TimestampTz now) {
    const int64 ms = duration_argument(fcinfo, number, "lease",
                                       settings::lease_duration * static_cast<int64>(1000));
    if (ms > kLongestLeaseDays * 86400000LL)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lease must be at most a year"),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "lease"),
                 errhint("Take a short one, and ayb_jobs.extend() while the work goes on.")));
    return later(now, ms * kMicrosecondsPerMillisecond);
}

std::optional<TimestampTz> NextTry::of(const char *type, int attempt, TimestampTz now) const {
    return at || final ? at : retry_time(type, attempt, now);
}

NextTry next_try_argument(FunctionCallInfo fcinfo, int retry_in, int final, TimestampTz now) {
    const int64 retry_ms =
        delay_argument(fcinfo, retry_in, "retry_in", "Leave it out for the back-off.");
    require_argument(fcinfo, final, "final");
    NextTry next{PG_GETARG_BOOL(final), std::nullopt};
    if (next.final && retry_ms >= 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("retry_in and final can't both be given"),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "final"),
                        errhint("What failed for good is not tried again.")));
    if (retry_ms >= 0) {
        next.at = later(now, retry_ms * kMicrosecondsPerMillisecond);
        check_run_at(*next.at, "retry_in");
    }
    return next;
}

void count_outcome(Oid run_as, const char *type, Outcome outcome) {
    if (preloaded())
        add_outcome(MyDatabaseId, run_as, type, outcome, -1, -1, -1);
}

} // namespace ayb
