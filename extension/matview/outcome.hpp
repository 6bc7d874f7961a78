#pragma once
// What became of a refresh, as SQL gets it: ayb_jobs.refresh_outcome.
#include "pg/postgres.hpp"
#include "core/uuid7.hpp"

namespace ayb {

// success: the view is new. error: it is not, `sqlstate` and `error` say why. skipped: it was not
// tried; `error` says why, null where nothing had changed.
enum class RefreshStatus { success, error, skipped };

struct RefreshOutcome {
    core::Uuid id;
    const char *schema;
    const char *view;
    RefreshStatus status;
    int64 duration_ms;   // -1 where the statement was not run
    int64 rows;          // -1 likewise, and for an error
    const char *error;   // null for none
    char sqlstate[6];    // empty for none
    const char *hint;    // null for none
    const char *written; // as last_refresh_error has it; null where nothing is written
};

inline constexpr int kOutcomeColumns = 9;

// The outcome's columns.
void outcome_columns(const RefreshOutcome &outcome, Datum *values, bool *nulls);

// The result of a function that returns refresh_outcome.
Datum outcome_datum(FunctionCallInfo fcinfo, const RefreshOutcome &outcome);

} // namespace ayb
