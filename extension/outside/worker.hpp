#pragma once
// What the calls of workers outside have in common.
#include <optional>

#include "pg/postgres.hpp"
#include "records/type_stats.hpp"

namespace ayb {

// Who calls: 1 to 255 bytes. 22004, 22023. Palloc'd.
const char *worker_argument(FunctionCallInfo fcinfo, int number);

// The types that it does: text[] without nulls, unpacked. 22004.
Datum types_argument(FunctionCallInfo fcinfo, int number);

// When a lease of this length ends, or one of ayb_jobs.lease_duration for NULL. 22023.
TimestampTz lease_argument(FunctionCallInfo fcinfo, int number, TimestampTz now);

// When a job that failed is tried again.
struct NextTry {
    bool final;                    // never
    std::optional<TimestampTz> at; // none for the back-off

    std::optional<TimestampTz> of(const char *type, int attempt, TimestampTz now) const;
};

// By the numbers of an interval, which may be NULL, and a boolean. 22004, 22023, 22008.
NextTry next_try_argument(FunctionCallInfo fcinfo, int retry_in, int final, TimestampTz now);

void count_outcome(Oid run_as, const char *type, Outcome outcome);

} // namespace ayb
